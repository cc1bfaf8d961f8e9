"""Contestants as they run: started, looked at when they end, stopped. What races and fan-outs have in common."""

from __future__ import annotations

import asyncio
from functools import cached_property
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Final

from aiocompl import telemetry
from aiocompl.combinators.runner import Runner, not_accepted
from aiocompl.errors import AiocomplError, APITimeoutError
from aiocompl.policy.tokens import estimate_prompt_tokens
from aiocompl.runtime.call import call_timeout
from aiocompl.runtime.stream import CompletionStream
from aiocompl.runtime.tasks import cancel_and_wait, error_of, without_traceback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocompl.accept import Accept
    from aiocompl.combinators.entries import Ask, Entry
    from aiocompl.combinators.report import Contestant
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.request import Messages

TIMEOUTS: Final = ("timeout", "request_timeout", "force_timeout")


def split_timeout(params: Mapping[str, Any], default: float) -> tuple[float, dict[str, Any]]:
    """The seconds that parameters give a call, and the parameters without them and without those not given.

    Raises:
        BadRequestError: They are no positive number.
    """
    given = {name: value for name, value in params.items() if value is not None}
    if given.keys().isdisjoint(TIMEOUTS):
        return default, given
    timeouts: dict[str, Any] = {name: given.pop(name) for name in TIMEOUTS if name in given}
    return call_timeout(timeouts, default), given


class Contest:
    """Asks models, each in a task of its own. Whoever makes it ends it by `stop`.

    Args:
        ask: What asks one.
        messages: What all are asked.
        stream: Whether their answers are streams; one of those is good once it has a token.
        accept: Which whole answers count.
        on_result: Called with each contestant as it ends; what it does wrong is logged and breaks nothing.
        timeout: Seconds from now that all have.
    """

    def __init__(
        self,
        ask: Ask,
        messages: Messages,
        *,
        stream: bool,
        accept: Accept,
        on_result: Callable[[Contestant], object] | None,
        timeout: float,
    ) -> None:
        self._ask = ask
        self._messages = messages
        self._stream = stream
        self._accept = accept
        self._on_result = on_result
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._running: dict[asyncio.Task[ChatCompletion | CompletionStream], Runner] = {}
        self._bug: BaseException | None = None
        self.began = self._loop.time()
        self.deadline = self.began + timeout
        self.runners: list[Runner] = []
        """All that were started."""

    @property
    def running(self) -> int:
        """How many have not ended."""
        return len(self._running)

    def start(self, entry: Entry) -> None:
        """Start one."""
        runner = Runner(entry, self._loop.time())
        self.runners.append(runner)
        task = self._loop.create_task(self._compete(runner), name=f"aiocompl contest {entry.model}")
        self._running[task] = runner

    async def wait(self, until: float) -> list[Runner]:
        """Wait for the first to end, until an instant at most; those that did, in the order of `models`.

        Raises:
            Exception: One of them ended by what is no error of ours: a misspelt keyword, or a bug.
        """
        seconds = max(0.0, until - self._loop.time())
        await asyncio.wait(self._running, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        ended = self._take_ended()
        self._raise_bug()
        for runner in ended:
            if runner.answer is None and runner.error is None:  # what `accept` waited for was cancelled
                runner.fail(not_accepted(runner.entry.model))
        return ended

    def tell(self, runner: Runner) -> None:
        """Tell the caller's hook of one that has ended."""
        if self._on_result is None:
            return
        try:
            prompt_tokens = self._prompt_tokens if runner.uncounted else 0
            self._on_result(runner.contestant(self.began, prompt_tokens))
        except Exception as error:  # noqa: BLE001 - a hook must not break the race
            telemetry.warning("on_result.failed", error=repr(error))

    async def time_out(self) -> list[Runner]:
        """The deadline has passed: cancel and await those that still run; they have failed by that."""
        late = await self.cancel()
        for runner in late:
            if runner.answer is None and runner.error is None:
                runner.fail(self._late(runner.entry))
        return late

    async def cancel(self) -> list[Runner]:
        """Cancel and await those that still run, and return them.

        Cancelled: it goes on until all are done, and is cancelled then.
        """
        try:
            await cancel_and_wait(self._running)
        finally:
            late = self._take_ended()
        self._raise_bug()
        return late

    async def stop(self, keep: Runner | None = None) -> None:
        """Cancel and await those that still run, and close all streams but that of `keep`.

        Cancelled: it goes on until all are done, closes the stream of `keep` too, and is cancelled then.
        """
        try:
            for runner in await self.cancel():
                self.tell(runner)
        except BaseException:
            keep = None
            raise
        finally:
            for runner in self.runners:
                if runner is not keep and isinstance(runner.answer, CompletionStream):
                    runner.answer.close()

    @cached_property
    def _prompt_tokens(self) -> int:
        return estimate_prompt_tokens(self._messages)

    def _late(self, entry: Entry) -> APITimeoutError:
        return APITimeoutError(f"no answer within the {self._timeout:g} s that all had", model=entry.model)

    async def _compete(self, runner: Runner) -> ChatCompletion | CompletionStream:
        """Ask, and see whether the answer is accepted. Cancelled: nothing is left open."""
        entry = runner.entry
        own, params = split_timeout(entry.params, self._timeout)
        timeout = min(own, self.deadline - self._loop.time())
        if timeout <= 0:
            raise self._late(entry)
        answer = await self._ask(entry.model, self._messages, stream=self._stream, timeout=timeout, **params)
        if isinstance(answer, CompletionStream):
            runner.accepted = await answer.wait_for_token()
        else:
            verdict = self._accept(answer)
            runner.accepted = bool(await verdict if isawaitable(verdict) else verdict)
        return answer

    def _take_ended(self) -> list[Runner]:
        """Those that have ended, in their order."""
        tasks = [task for task in self._running if task.done()]
        for task in tasks:
            self._note(task, self._running[task])
        return [self._running.pop(task) for task in tasks]

    def _note(self, task: asyncio.Task[ChatCompletion | CompletionStream], runner: Runner) -> None:
        """Take down how one ended; nobody holds its task from then on."""
        runner.ended = self._loop.time()
        error = error_of(task)
        if isinstance(error, AiocomplError):
            runner.fail(without_traceback(error))
        elif error is not None:
            self._bug = self._bug or error
        elif not task.cancelled():
            runner.finish(task.result())

    def _raise_bug(self) -> None:
        """Raise what is no contestant's failure, once. Its traceback holds frames, so these must not hold it."""
        if self._bug is not None:
            bug, self._bug = self._bug, None
            try:
                raise bug
            finally:
                del bug
