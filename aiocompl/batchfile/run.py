"""A batch from a file to a file that can be killed at any moment, and resumed."""

from __future__ import annotations

import asyncio
from contextlib import closing, suppress
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

from aiocompl import telemetry
from aiocompl.batchfile.asking import Asker, split_params
from aiocompl.batchfile.outputs import errors_path
from aiocompl.batchfile.plan import Job, Plan
from aiocompl.batchfile.provider_state import refuse_live
from aiocompl.batchfile.requests import BadLine, BatchRequest, Reading
from aiocompl.batchfile.results import answer_line, bad_line_line, error_line
from aiocompl.batchfile.tally import BatchFileSummary, Tally
from aiocompl.batchfile.template import Template
from aiocompl.batchfile.threads import in_thread
from aiocompl.batchfile.writer import LineWriter
from aiocompl.client import default_supervisor
from aiocompl.combinators import CONCURRENCY
from aiocompl.combinators.batch import Batch, BatchStream
from aiocompl.combinators.batch_rules import BatchRules
from aiocompl.combinators.contest import split_timeout
from aiocompl.errors import (
    AiocomplError,
    AuthenticationError,
    BadRequestError,
    EndpointDownError,
    LocalModelError,
    NotFoundError,
    PermissionDeniedError,
    SupervisorClosedError,
)
from aiocompl.prices import cost
from aiocompl.types.completion import Usage

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from typing import Unpack

    from aiocompl.batchfile.tally import BatchFileProgress
    from aiocompl.combinators.batch_rules import Result
    from aiocompl.runtime.supervisor import Supervisor
    from aiocompl.types.params import CompletionParams

_SYNC_EVERY: Final = 1.0
_TELL_EVERY: Final = 0.25
_OF_ALL: Final = (
    AuthenticationError,
    EndpointDownError,
    LocalModelError,
    NotFoundError,
    PermissionDeniedError,
)
"""Errors that, where the first requests all have them, concern no single line: a key, a model's name."""
_ANSWERS: Final = 0
_ERRORS: Final = 1


async def run_batch_file(
    input: str | os.PathLike[str],  # noqa: A002 - what it is
    output: str | os.PathLike[str],
    *,
    model: str | None = None,
    supervisor: Supervisor | None = None,
    concurrency: int = CONCURRENCY,
    resume: bool = False,
    retry_failed: bool = False,
    template: str | None = None,
    prompt_column: str = "prompt",
    limit: int | None = None,
    item_timeout: float | None = None,
    stop_event: asyncio.Event | None = None,
    grace: float = 10.0,
    on_progress: Callable[[BatchFileProgress], object] | None = None,
    **params: Unpack[CompletionParams],
) -> BatchFileSummary:
    """Ask all that a file holds, and append each result to a file the moment it is there.

    The input is a line of JSON a request (OpenAI's batch format, or a body with ``"messages"``), or CSV or Parquet with
    a column of prompts. The output is OpenAI's batch output, ``{"id": ..., "custom_id": ..., "response": {"status_code":
    200, "request_id": ..., "body": {...}}, "error": null}``; failures go to ``out.errors.jsonl`` beside ``out.jsonl``.
    Memory stays flat however long the input is.

    However it ends (an exception, a cancellation, a killed process), what was answered is in the output, and the same
    call with ``resume=True`` asks what is missing: in the end each request has one line over both files.

    Args:
        input: The requests.
        output: Where the answers go. It must not be there yet, unless it is to be resumed.
        model: Whom to ask where a line does not say.
        supervisor: What asks; the running loop's default supervisor if None.
        concurrency: How many are asked at a time.
        resume: Go on with an output, if it is there.
        retry_failed: Ask again what failed before; implies `resume`.
        template: What makes a prompt of a row: ``"Translate {text} into {language}"``.
        prompt_column: The column with the prompt, without a template.
        limit: Ask the first so many requests alone.
        item_timeout: Seconds for each request, retries included.
        stop_event: Set it to end early: no new requests, and `grace` seconds for those under way.
        grace: See there.
        on_progress: Called with a `BatchFileProgress` some times a second; what it does wrong is logged.
        **params: What goes for all lines that say nothing else, and how calls are made, as in `acompletion`; `timeout`
            is for the whole, and what is not done by then is left for a resume.

    Returns:
        What it came to; failures of single requests are counted there, never raised.

    Raises:
        BatchFileError: A file cannot be used, two lines have the same `custom_id`, or the output is of another input;
            nothing was asked then.
        BatchOutputError: The output cannot be written any more; mend that and resume.
        AuthenticationError: The key is missing or not accepted, as the first requests all show; nothing is recorded.
        PermissionDeniedError, NotFoundError, EndpointDownError, LocalModelError: Likewise.
        BadRequestError: The settings make no sense.

    Cancelled: what is under way is cancelled; what was answered is written before this returns.
    """
    rules = BatchRules(concurrency=concurrency, item_timeout=item_timeout)
    rules.check()
    if limit is not None and limit < 1:
        raise BadRequestError(f"limit must be a whole number from 1 up, not {limit!r}", param="limit")
    timeout, given = split_timeout(params, inf)
    body, options = split_params(given)
    if model is not None:
        body["model"] = model
    await in_thread(refuse_live, Path(output))
    asker = Asker(supervisor or default_supervisor(), model, options)
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
    run = _Run(
        job,
        rules,
        asker,
        _Ending(timeout=timeout, grace=grace, stop=stop_event or asyncio.Event()),
        on_progress,
    )
    return await run.run()


@attrs.frozen(kw_only=True)
class _Ending:
    """What may end a run early."""

    timeout: float
    grace: float
    stop: asyncio.Event


class _Run:
    """One run, from the first look at the files to the summary."""

    def __init__(
        self,
        job: Job,
        rules: BatchRules,
        asker: Asker,
        ending: _Ending,
        on_progress: Callable[[BatchFileProgress], object] | None,
    ) -> None:
        self._job = job
        self._rules = rules
        self._asker = asker
        self._ending = ending
        self._on_progress = on_progress
        self._loop = asyncio.get_running_loop()
        self._plan = Plan(job)
        self._tally = Tally(self._loop.time())
        self._phase: Literal["reading", "asking"] = "reading"
        self._stopped: Literal["", "stop", "timeout"] = ""
        self._invalid = 0
        self._failure: AiocomplError | None = None
        self._asked: dict[int, BatchRequest] = {}
        self._held: list[tuple[BatchRequest, AiocomplError]] | None = []
        self._limit = asyncio.timeout(None)

    async def run(self) -> BatchFileSummary:
        """See `run_batch_file`."""
        helpers = [
            self._loop.create_task(helper, name="aiocompl batch file")
            for helper in (self._watch(), self._keep_telling())
        ]
        try:
            await self._prepare()
            if not self._stopped:
                await self._write_all()
            self._tell()
            return self._summary(await in_thread(self._tally.cost))
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            await in_thread(self._plan.close)

    async def _prepare(self) -> None:
        await in_thread(cost, "", "", Usage())  # loads the table of prices
        with closing(self._plan.prepare()) as pieces:
            while not self._stopped and await in_thread(_advance, pieces):
                pass

    async def _write_all(self) -> None:
        self._phase = "asking"
        self._tally.restart_rate(self._loop.time())
        files = (self._plan.output, self._plan.errors)
        self._writer = LineWriter(files, self._fail)
        syncing = self._loop.create_task(self._keep_syncing(), name="aiocompl batch file")
        try:
            await self._ask_all()
        finally:
            syncing.cancel()
            await asyncio.gather(syncing, return_exceptions=True)
            await self._writer.close()
            for file in files:
                await in_thread(file.sync)
        if self._failure is not None:
            raise self._failure

    async def _ask_all(self) -> None:
        batch = Batch(self._asker, "", self._prompts(), rules=self._rules, params={})
        try:
            async with BatchStream(batch) as results, self._limit:
                async for index, result in results:
                    await self._take(self._asked.pop(index), result)
        except TimeoutError:  # the grace is over, or the disk is full
            pass
        if self._held and not self._stopped:
            raise self._held[0][1]

    async def _prompts(self) -> AsyncIterator[Mapping[str, Any]]:
        """What is to be asked, read as it is needed."""
        number = 0
        with closing(self._plan.blocks()) as blocks:
            while (block := await self._next(blocks)) is not None:
                for item in block:
                    if self._stopped or self._failure is not None:
                        return
                    if isinstance(item, BadLine):
                        await self._put(_ERRORS, bad_line_line(item))
                        self._tally.failed += 1
                        self._invalid += 1
                    else:
                        self._asked[number] = item
                        number += 1
                        yield item.body
                        del item

    async def _next(self, blocks: Any) -> list[BatchRequest | BadLine] | None:
        try:
            block: list[BatchRequest | BadLine] | None = await in_thread(next, blocks, None)
        except AiocomplError as error:  # what is under way is to finish
            self._failure = error
            return None
        return block

    async def _take(self, item: BatchRequest, result: Result) -> None:
        if isinstance(result, SupervisorClosedError):
            raise result
        if self._held is not None:
            if isinstance(result, _OF_ALL):
                self._hold(item, result)
                return
            held, self._held = self._held, None
            for earlier, error in held:
                await self._record(earlier, error)
        await self._record(item, result)

    def _hold(self, item: BatchRequest, error: AiocomplError) -> None:
        """Keep an error that may concern all lines until another result shows that it does not."""
        assert self._held is not None  # noqa: S101 - as long as nothing else came
        self._held.append((item, error))
        if len(self._held) >= min(self._rules.concurrency, self._plan.pending):
            raise error

    async def _record(self, item: BatchRequest, result: Result) -> None:
        custom_id = item.custom_id or ""
        if not isinstance(result, Exception):
            try:
                line = answer_line(custom_id, item.digest, result)
            except TypeError as error:
                result = AiocomplError(f"the answer cannot be written as JSON: {error}")
            else:
                self._tally.count(result)
                await self._put(_ANSWERS, line)
                return
        self._tally.failed += 1
        await self._put(_ERRORS, error_line(custom_id, item.digest, result, line=item.line))

    async def _put(self, file: int, line: bytes) -> None:
        self._writer.put(file, line)
        if self._writer.full:
            await self._writer.wait()

    def _fail(self, error: AiocomplError) -> None:
        """The output cannot be written any more: nothing that still comes could be kept."""
        if self._failure is None:
            self._failure = error
        self._end_within(0.0)

    def _end_within(self, seconds: float) -> None:
        with suppress(RuntimeError):  # it is not asking, or not any more
            self._limit.reschedule(self._loop.time() + seconds)

    async def _watch(self) -> None:
        """Wait for what may end the run early, and end it."""
        ending = self._ending
        try:
            async with asyncio.timeout(ending.timeout if ending.timeout < inf else None):
                await ending.stop.wait()
        except TimeoutError:
            self._stopped = "timeout"
            self._end_within(0.0)
        else:
            self._stopped = "stop"
            self._end_within(ending.grace)

    async def _keep_syncing(self) -> None:
        while True:
            await asyncio.sleep(_SYNC_EVERY)
            if self._writer.take_dirty():
                for file in (self._plan.output, self._plan.errors):
                    try:
                        await in_thread(file.sync)
                    except AiocomplError as error:
                        self._fail(error)

    async def _keep_telling(self) -> None:
        while self._on_progress is not None:
            self._tell()
            await asyncio.sleep(_TELL_EVERY)

    def _tell(self) -> None:
        if self._on_progress is None:
            return
        progress = self._tally.progress(
            self._loop.time(), phase=self._phase, read=self._plan.read, total=self._plan.pending
        )
        try:
            self._on_progress(progress)
        except Exception as error:  # noqa: BLE001 - a hook must not break the batch
            telemetry.warning("on_progress.failed", error=repr(error))

    def _summary(self, dollars: float | None) -> BatchFileSummary:
        plan, tally = self._plan, self._tally
        return BatchFileSummary(
            output=self._job.output,
            errors=errors_path(self._job.output),
            total=plan.total,
            skipped=plan.total - plan.pending,
            answered=tally.answered,
            failed=tally.failed,
            failed_before=plan.failed_before,
            invalid=self._invalid + plan.invalid_before,
            left=plan.pending - tally.answered - tally.failed if plan.ready else None,
            stopped=self._stopped,
            elapsed=tally.elapsed(self._loop.time()),
            prompt_tokens=tally.prompt_tokens,
            completion_tokens=tally.completion_tokens,
            cost=dollars,
        )


def _advance(pieces: Iterator[None]) -> bool:
    """Do a piece of work; whether there is more."""
    return next(pieces, _END) is not _END


_END: Final = object()
