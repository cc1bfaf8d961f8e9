"""A second attempt for a call that is slow: whoever answers first wins, the other is cancelled and awaited."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import attrs

from aiocompl.errors import AiocomplError, BadRequestError, NotNeededError
from aiocompl.policy.hedge import QUANTILES, HedgePurse, LatencyDigest
from aiocompl.runtime.stream import CompletionStream
from aiocompl.runtime.tasks import cancel_and_wait, error_of
from aiocompl.types.checks import seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from aiocompl.runtime.deployment import Deployment
    from aiocompl.runtime.plan import Plan, Prepared
    from aiocompl.types.call import AttemptKind


@attrs.define(eq=False)
class Hedges:
    """The second attempts of a supervisor: what they may cost, and how long is long."""

    purse: HedgePurse
    _digests: dict[tuple[Deployment, bool], LatencyDigest] = attrs.field(factory=dict, init=False)

    def digest(self, prepared: Prepared[Any]) -> LatencyDigest:
        """How long the calls that may be hedged took at a deployment; streams are counted until their first token."""
        key = prepared.deployment, prepared.request.stream
        digest = self._digests.get(key)
        if digest is None:
            if len(self._digests) > _MAX_DIGESTS:
                self._digests.clear()
            digest = self._digests[key] = LatencyDigest()
        return digest

    def delay(self, hedge: object, prepared: Prepared[Any]) -> float | None:
        """Seconds after which a second attempt is made; None where there are too few calls to say so.

        Raises:
            BadRequestError: `hedge` is neither a number of seconds nor a quantile.
        """
        if isinstance(hedge, str):
            share = QUANTILES.get(hedge)
            if share is None:
                raise BadRequestError(
                    f"hedge must be a number of seconds or one of {', '.join(QUANTILES)}, not {hedge!r}",
                    param="hedge",
                )
            return self.digest(prepared).quantile(share)
        return seconds("hedge", hedge)

    def second(self, plan: Plan, first: Prepared[Any]) -> Prepared[Any] | None:
        """Whom a second attempt asks, where there may be one: another deployment, if there is one."""
        try:
            other = plan.second(first)
        except AiocomplError:
            return None
        return other if self.purse.spend() else None


_MAX_DIGESTS = 4096


@attrs.frozen
class Rival:
    """One of two attempts at one answer."""

    prepared: Prepared[Any]
    kind: AttemptKind
    begun: float


@attrs.define(eq=False)
class Hedged:
    """Two attempts at one answer."""

    ask: Callable[[Prepared[Any], AttemptKind], Coroutine[Any, Any, Any]]
    """Makes an attempt."""
    first: Prepared[Any]
    kind: AttemptKind
    """Why that is asked."""
    second: Callable[[], Prepared[Any] | None]
    """Says whom a second attempt may ask, if there may be one."""
    failures: list[tuple[Rival, AiocomplError]] = attrs.field(factory=list, init=False)
    """Those that failed, in their order, and the one that came too late."""
    asked_second: bool = attrs.field(default=False, init=False)
    _running: dict[asyncio.Task[Any], Rival] = attrs.field(factory=dict, init=False)

    async def run(self, delay: float | None) -> tuple[Any, Rival]:
        """Ask, once more after `delay` seconds without an answer, and return the first answer and who gave it.

        Cancelled: both are cancelled and awaited, and their streams closed.

        Raises:
            AiocomplError: All that were asked have failed; this is the error of the last one.
        """
        self._start(self.first, self.kind)
        try:
            await asyncio.wait(self._running, timeout=delay)
            if not any(task.done() for task in self._running) and (second := self.second()) is not None:
                self.asked_second = True
                self._start(second, "hedge")
            while True:
                won = self._winner()
                if won is not None:
                    break
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        except BaseException:
            await self._stop()
            raise
        answer, winner = won.result(), self._running.pop(won)
        late = list(self._running.values())
        try:
            await self._stop()
        except BaseException:
            _close(answer)
            raise
        self.failures += ((each, NotNeededError("another attempt answered before it")) for each in late)
        return answer, winner

    def _start(self, prepared: Prepared[Any], kind: AttemptKind) -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._answer(prepared, kind))
        self._running[task] = Rival(prepared, kind, loop.time())

    async def _answer(self, prepared: Prepared[Any], kind: AttemptKind) -> Any:
        """An answer, or a stream that has its first token."""
        answer = await self.ask(prepared, kind)
        if isinstance(answer, CompletionStream):
            await answer.wait_for_token()
        return answer

    def _winner(self) -> asyncio.Task[Any] | None:
        """The first that has answered; those that failed are out.

        Raises:
            AiocomplError: The last one is out.
        """
        for task in [task for task in self._running if task.done()]:
            error = error_of(task)
            if error is None and not task.cancelled():
                return task
            rival = self._running.pop(task)
            if isinstance(error, AiocomplError):
                self.failures.append((rival, error))
            last = not self._running or not isinstance(error, AiocomplError)
            del error  # its traceback would hold this frame
            if last:
                task.result()  # which raises
        return None

    async def _stop(self) -> None:
        """Cancel and await those that still run, and close what they opened in the meantime."""
        tasks = list(self._running)
        try:
            await cancel_and_wait(tasks)
        finally:
            for task in tasks:
                if error_of(task) is None and not task.cancelled():
                    _close(task.result())
            self._running.clear()


def _close(answer: Any) -> None:
    if isinstance(answer, CompletionStream):
        answer.close()
