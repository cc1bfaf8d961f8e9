"""Many prompts to one model, a bounded number of them at a time, whatever their number."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sized,
)
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, Any, Final, Self, cast

from aiocompl import telemetry
from aiocompl.combinators.bar import open_bar
from aiocompl.combinators.batch_rules import BatchProgress, BatchRules, iterate, read_prompt
from aiocompl.combinators.contest import split_timeout
from aiocompl.combinators.handover import Handover
from aiocompl.errors import AiocomplError, APITimeoutError, SupervisorClosedError
from aiocompl.runtime.combined import combined
from aiocompl.runtime.tasks import cancel_and_wait, error_of, without_traceback

if TYPE_CHECKING:
    from types import TracebackType
    from typing import TypeAlias

    from aiocompl.combinators.entries import Ask
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.request import Messages

    Prompt: TypeAlias = str | Messages | Mapping[str, Any]
    """A user's text, messages, or a mapping with ``"messages"`` and what is different for this one."""
    Prompts: TypeAlias = Iterable[Prompt] | AsyncIterable[Prompt]
    Result: TypeAlias = ChatCompletion | Exception


_LEAST: Final = 1e-6
"""Seconds for a prompt that was taken in the very last moment."""


class BatchStream:
    """The results of a batch as they come: an async iterator of ``(index, result)``, and an async context manager.

    ::

        async with aiter_batch("gpt-4o-mini", prompts, concurrency=50) as results:
            async for index, result in results:
                ...

    A result is the answer, or the exception that stands for it. Leaving the `async with`, `aclose`, cancelling whoever
    reads it, or dropping it cancels all that is under way. One task at a time may read it.

    Iterating raises what the source of the prompts raises, the first failure where failures are not returned, and what
    left prompts unasked: `APITimeoutError` for the batch's deadline, `SupervisorClosedError` where there is nobody to ask
    any more. After an error, or once closed, the iteration is over.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        batch.start()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> tuple[int, Result]:
        batch = self._batch
        try:
            while True:
                batch.check()
                item = batch.handover.take_nowait()
                if item is not None:
                    return item
                if batch.over:
                    break
                await batch.handover.wait()
        except BaseException:
            await batch.stop()
            raise
        await batch.stop()
        late, batch.late = batch.late, None
        if late is not None:
            raise late
        raise StopAsyncIteration

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Cancel and await all that is under way. Idempotent.

        Cancelled: it goes on until all is done, and is cancelled then.
        """
        await self._batch.stop()

    def __del__(self) -> None:
        self._batch.abandon()


async def run_batch(batch: Batch) -> list[Result]:
    """Run a batch to its end and return all results in the order of the prompts.

    Cancelled: all that is under way is cancelled and awaited.

    Raises:
        Exception: What the source of the prompts raised; the first failure where failures are not returned.
        AiocomplError: Prompts were left unasked, and failures are not returned; see `BatchStream`.
    """
    results: dict[int, Result] = {}
    batch.collect(results)
    try:
        batch.start()
        while not batch.over:
            await batch.handover.wait()
    finally:
        await batch.stop()
    batch.check()
    late = batch.late
    if late is not None and not batch.rules.return_exceptions:
        raise late
    count = max(batch.total or 0, batch.taken)
    if late is not None:
        return [results.get(index, late) for index in range(count)]
    return [results[index] for index in range(count)]


class Batch:
    """A batch as it runs: tasks that each take a prompt, ask, and deliver, until there are no more prompts.

    Args:
        ask: What asks one prompt.
        model: Whom to ask.
        prompts: What to ask; read no faster than answers are taken.
        rules: How it goes.
        params: What goes for all prompts, call options included; `timeout` is for all of them together.
    """

    def __init__(
        self, ask: Ask, model: str, prompts: object, *, rules: BatchRules, params: Mapping[str, Any]
    ) -> None:
        rules.check()
        timeout, shared = split_timeout(params, inf)
        self._ask = ask
        self._model = model
        self.rules = rules
        self._shared = shared
        self._source = iterate(prompts)
        self.total = len(prompts) if isinstance(prompts, Sized) else None
        """How many prompts there are, where that is known."""
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._timeout = timeout
        self._turn = asyncio.Lock()
        self.taken = self._done = self._failed = 0
        self._prompt_tokens = self._completion_tokens = 0
        self._exhausted = self._stopped = False
        self._collected: dict[int, Result] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._running = 0
        self._bug: BaseException | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._bar = open_bar(self.total) if rules.progress else None
        self.handover: Handover[tuple[int, Result]] = Handover()
        self.late: APITimeoutError | SupervisorClosedError | None = None
        """Why prompts were left unasked, if they were."""

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self._bug is not None or not self._running

    def check(self) -> None:
        """Raise what ended it early, if anything did; once."""
        if self._bug is not None:
            bug, self._bug = self._bug, None  # its traceback holds this frame
            try:
                raise bug
            finally:
                del bug

    def collect(self, results: dict[int, Result]) -> None:
        """Put results there, by their numbers, instead of handing them over."""
        self._collected = results

    def start(self) -> None:
        """Start as many tasks as are to run, and no more than there are prompts."""
        count = self.rules.concurrency
        if self.total is not None:
            count = min(count, self.total)
        self._running = count
        for _ in range(count):
            task = self._loop.create_task(self._work(), name="aiocompl batch")
            task.add_done_callback(self._ended)
            self._tasks.append(task)

    async def stop(self) -> None:
        """Cancel and await all tasks, and close the source. Idempotent.

        Cancelled: it goes on until all are done, and is cancelled then.
        """
        self._exhausted = self._stopped = True
        try:
            await cancel_and_wait(self._tasks)
        finally:
            self._tasks.clear()  # they hold their errors, whose tracebacks hold us
            self.handover.clear()
            source, self._source = self._source, iter(())
            if self._bar is not None:
                self._bar.close()
            if isinstance(source, Generator):
                source.close()
            elif isinstance(source, AsyncGenerator):
                await source.aclose()

    def abandon(self) -> None:
        """Stop, from wherever the garbage collector happens to run."""
        if not self._exhausted or self._running:
            with suppress(RuntimeError):  # the loop is closed, and its tasks with it
                self._loop.call_soon_threadsafe(self._begin_stop)

    def _begin_stop(self) -> None:
        self._stopping = self._loop.create_task(self.stop(), name="aiocompl batch stop")

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running -= 1
        error = error_of(task)
        if error is not None and self._bug is None and not self._stopped:
            self._bug = error
        self.handover.wake()

    async def _work(self) -> None:
        while (taken := await self._next()) is not None:
            index, prompt = taken
            del taken
            result = await self._result(prompt)
            del prompt
            self._count(result)
            if self._collected is not None:
                self._collected[index] = result
                await asyncio.sleep(0)  # an answer that needs no waiting must not keep the loop for itself
            else:
                await self.handover.offer((index, result))
            del result

    async def _next(self) -> tuple[int, Any] | None:
        """The next prompt with its number; None where there is none, or no time to ask it."""
        if self._exhausted:
            return None
        source = self._source
        if not isinstance(source, Iterator):
            async with self._turn:
                return await self._next_of(source)
        for prompt in source:
            return self._numbered(prompt)
        self._exhausted = True
        return None

    async def _next_of(self, source: AsyncIterator[Any]) -> tuple[int, Any] | None:
        if not self._exhausted:
            async for prompt in source:
                return self._numbered(prompt)
        self._exhausted = True
        return None

    def _numbered(self, prompt: Any) -> tuple[int, Any] | None:
        self.taken += 1
        if self._loop.time() >= self._began + self._timeout:
            self._leave_rest(
                APITimeoutError(
                    f"the batch's {self._timeout:g} s were over before all prompts were asked",
                    model=self._model,
                )
            )
            return None
        return self.taken - 1, prompt

    def _leave_rest(self, why: APITimeoutError | SupervisorClosedError) -> None:
        """Read no more prompts."""
        self._exhausted = True
        self.late = self.late or why

    async def _result(self, prompt: Any) -> Result:
        try:
            messages, own = read_prompt(prompt)
            params, model = self._shared, self._model
            seconds = min(self.rules.item_timeout or inf, self._began + self._timeout - self._loop.time())
            if own:
                limit, own = split_timeout(own, inf)
                model = own.pop("model", model)
                seconds = min(seconds, limit)
                params = combined(self._shared, own, elsewhere=model != self._model)
            if seconds < inf:
                params = {**params, "timeout": max(seconds, _LEAST)}
            answer = await self._ask(model, messages, stream=False, **params)
        except AiocomplError as error:
            if not self.rules.return_exceptions:
                raise
            if isinstance(error, SupervisorClosedError):
                self._leave_rest(error)
            return without_traceback(error)
        return cast("ChatCompletion", answer)

    def _count(self, result: Result) -> None:
        self._done += 1
        if isinstance(result, Exception):
            self._failed += 1
        elif result.usage is not None:
            self._prompt_tokens += result.usage.prompt_tokens
            self._completion_tokens += result.usage.completion_tokens
        if self.rules.on_progress is None and self._bar is None:
            return
        progress = BatchProgress(
            done=self._done,
            failed=self._failed,
            total=self.total,
            elapsed=self._loop.time() - self._began,
            prompt_tokens=self._prompt_tokens,
            completion_tokens=self._completion_tokens,
        )
        if self._bar is not None:
            self._bar.update(progress)
        if self.rules.on_progress is not None:
            try:
                self.rules.on_progress(progress)
            except Exception as error:  # noqa: BLE001 - a hook must not break the batch
                telemetry.warning("on_progress.failed", error=repr(error))
