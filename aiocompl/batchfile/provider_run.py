"""A batch from a file to a file by the batches of a provider: what `run_batch_file` does, cheaper and later."""

from __future__ import annotations

import asyncio
from contextlib import closing
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from aiocompl.batchfile.asking import Asker, split_params
from aiocompl.batchfile.outputs import AppendFile, errors_path
from aiocompl.batchfile.plan import Job, Plan
from aiocompl.batchfile.provider import ProviderBatch
from aiocompl.batchfile.provider_files import FilesDesk
from aiocompl.batchfile.provider_state import BatchState, state_path
from aiocompl.batchfile.requests import Reading
from aiocompl.batchfile.tally import BatchFileSummary, Tally
from aiocompl.batchfile.template import Template
from aiocompl.batchfile.threads import in_thread
from aiocompl.client import default_supervisor
from aiocompl.combinators.contest import split_timeout
from aiocompl.errors import BadRequestError, BatchFileError
from aiocompl.runtime.tasks import cancel_and_wait

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Callable, Mapping
    from typing import Unpack

    from aiocompl.batchfile.provider_ports import Pace, ProviderNews
    from aiocompl.batchfile.requests import BatchRequest
    from aiocompl.runtime.batch_calls import BatchCalls
    from aiocompl.runtime.supervisor import Supervisor
    from aiocompl.types.params import CompletionParams

PRICE: Final = 0.5
"""What those who have batches take for a request of one, as a share of the usual price."""

_END: Final = object()


async def run_provider_batch_file(
    input: str | os.PathLike[str],  # noqa: A002 - what it is
    output: str | os.PathLike[str],
    *,
    model: str | None = None,
    supervisor: Supervisor | None = None,
    resume: bool = False,
    retry_failed: bool = False,
    template: str | None = None,
    prompt_column: str = "prompt",
    limit: int | None = None,
    stop_event: asyncio.Event | None = None,
    pace: Pace | None = None,
    on_news: Callable[[ProviderNews], object] | None = None,
    **params: Unpack[CompletionParams],
) -> BatchFileSummary:
    """Have a provider work off all that a file holds as its own batches, and write the results when they are there.

    Files are read and written as by `run_batch_file`. All requests go to one model. What the provider works on is kept
    in ``out.jsonl.batch.json`` beside ``out.jsonl``: however this ends, the batches go on at the provider, and the same
    call with ``resume=True`` picks them up. Nothing is begun twice; see `aiocompl.batchfile.provider`.

    Args:
        input: The requests.
        output: Where the answers go. It must not be there yet, unless it is to be resumed.
        model: Whom to ask; if None, the model that the first line names.
        supervisor: What asks; the running loop's default supervisor if None.
        resume: Go on with an output, and with the batches of it.
        retry_failed: Ask again what failed before; implies `resume`.
        template: What makes a prompt of a row: ``"Translate {text} into {language}"``.
        prompt_column: The column with the prompt, without a template.
        limit: Ask the first so many requests alone.
        stop_event: Set it to end early; the batches go on.
        pace: How often the provider is asked how they stand.
        on_news: Called with a `ProviderNews` at every step.
        **params: What goes for all lines that say nothing else, and how calls are made, as in `acompletion`; `timeout`
            is for the whole.

    Returns:
        What it came to; `cost` at the price of batches.

    Raises:
        BatchFileError: A file cannot be used, or is of another input.
        BatchOutputError: The output cannot be written any more; mend that and resume.
        NotFoundError: The provider is not known to have batches.
        AiocomplError: The provider could not be asked, or refuses. What was begun goes on: resume.

    Cancelled: the batches go on; what was written stays.
    """
    if limit is not None and limit < 1:
        raise BadRequestError(f"limit must be a whole number from 1 up, not {limit!r}", param="limit")
    timeout, given = split_timeout(params, inf)
    body, options = split_params(given)
    asks = supervisor or default_supervisor()
    Asker(asks, model, options)  # for what it refuses
    if model is not None:
        body["model"] = model
    job = Job(
        input=Path(input),
        output=Path(output),
        reading=Reading(
            defaults=body,
            template=None if template is None else Template.parse(template),
            column=prompt_column,
        ),
        resume=resume or retry_failed,
        retry_failed=retry_failed,
        limit=limit,
    )
    run = _Run(job, asks, model, options, pace, on_news)
    return await run.run(timeout, stop_event or asyncio.Event())


async def cancel_provider_batch(
    output: str | os.PathLike[str],
    *,
    supervisor: Supervisor | None = None,
    on_news: Callable[[ProviderNews], object] | None = None,
    **options: Any,
) -> int:
    """Have the provider cancel the batches of an output, and return how many that are.

    What is answered by then can still be had: run again with ``resume=True``.

    Args:
        output: The output of the batch.
        supervisor: What asks; the running loop's default supervisor if None.
        on_news: Called with a `ProviderNews` at every step.
        **options: How calls are made: `api_key`, `api_base`, ...; as for the batch. No address is taken from the file
            that tells of the batches: a key goes only where the caller sends it.

    Raises:
        BatchFileError: No provider works on this output, or another run is at it.
        AiocomplError: The provider could not be asked.
    """
    path = Path(output)
    state = await in_thread(BatchState.load, state_path(path))
    if state is None:
        raise BatchFileError(f"no provider works on {path}: there is no {state_path(path)}")
    calls = (supervisor or default_supervisor()).batch_calls(state.named, **options)
    file = await in_thread(AppendFile, path)
    try:
        await in_thread(file.lock)
        return await ProviderBatch(calls, _Nothing(), state_path(path), on_news=on_news).cancel()
    finally:
        await in_thread(file.close)


class _Nothing:
    """A desk for who only cancels."""

    async def pending(self, first: int) -> AsyncGenerator[list[BatchRequest], None]:
        none: list[list[BatchRequest]] = []
        for block in none:
            yield block

    async def put(self, item: object, result: object) -> None:
        """Nothing comes."""

    async def flush(self) -> None:
        """Nothing came."""


class _Run:
    """One run, from the first look at the files to the summary."""

    def __init__(
        self,
        job: Job,
        supervisor: Supervisor,
        model: str | None,
        options: Mapping[str, Any],
        pace: Pace | None,
        on_news: Callable[[ProviderNews], object] | None,
    ) -> None:
        self._job = job
        self._supervisor = supervisor
        self._model = model
        self._options = options
        self._pace = pace
        self._on_news = on_news
        self._loop = asyncio.get_running_loop()
        self._plan = Plan(job)
        self._tally = Tally(self._loop.time())
        self._stopped: Literal["", "stop", "timeout"] = ""

    async def run(self, timeout: float, stop: asyncio.Event) -> BatchFileSummary:  # noqa: ASYNC109 - no error
        """See `run_provider_batch_file`."""
        try:
            with closing(self._plan.prepare()) as pieces:
                while await in_thread(next, pieces, _END) is not _END:
                    pass
            desk = FilesDesk(self._plan, self._tally)
            work = self._loop.create_task(self._work(desk), name="aiocompl provider batch")
            stopping = self._loop.create_task(stop.wait(), name="aiocompl provider batch")
            try:
                await asyncio.wait(
                    (work, stopping),
                    timeout=timeout if timeout < inf else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if not work.done():
                    self._stopped = "stop" if stop.is_set() else "timeout"
            finally:
                await cancel_and_wait((work, stopping))
            if not work.cancelled():
                work.result()
            return self._summary(desk, await in_thread(self._tally.cost))
        finally:
            await in_thread(self._plan.close)

    async def _work(self, desk: FilesDesk) -> None:
        path = state_path(self._plan.output.path)
        state = await in_thread(BatchState.load, path)
        if state is not None and not self._job.resume:
            if state.live:
                raise BatchFileError(
                    f"a provider works on this output already: go on with it (--resume, resume=True), or cancel "
                    f"that first (aiocompl batch --cancel -o {self._job.output})"
                )
            await in_thread(path.unlink)  # of an output that is no more
            state = None
        model = self._model or await self._first_model(desk) or (state.named if state else None)
        if model is not None:
            calls: BatchCalls = self._supervisor.batch_calls(model, **self._options)
            await ProviderBatch(calls, desk, path, pace=self._pace, on_news=self._on_news).run()
        await desk.flush()

    async def _first_model(self, desk: FilesDesk) -> str | None:
        """The model that the first request names that is to be asked."""
        blocks = desk.pending(1)
        try:
            async for block in blocks:
                for item in block:
                    return str(item.body["model"])
        finally:
            await blocks.aclose()
        return None

    def _summary(self, desk: FilesDesk, dollars: float | None) -> BatchFileSummary:
        plan, tally = self._plan, self._tally
        return BatchFileSummary(
            output=self._job.output,
            errors=errors_path(self._job.output),
            total=plan.total,
            skipped=plan.total - plan.pending,
            answered=tally.answered,
            failed=tally.failed,
            failed_before=plan.failed_before,
            invalid=plan.invalid_before + desk.invalid,
            left=plan.pending - tally.answered - tally.failed,
            stopped=self._stopped,
            elapsed=tally.elapsed(self._loop.time()),
            prompt_tokens=tally.prompt_tokens,
            completion_tokens=tally.completion_tokens,
            cost=None if dollars is None else dollars * PRICE,
        )
