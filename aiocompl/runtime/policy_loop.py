"""The one loop that decides what happens after each attempt of a call, whatever is asked and whoever may answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import attrs

from aiocompl.errors import AiocomplError, AllModelsFailedError
from aiocompl.policy.steps import FALL_BACK, RAISE, Situation, Step, next_step
from aiocompl.runtime.attempts import AttemptLog
from aiocompl.runtime.stream_limits import stream_limits
from aiocompl.runtime.tasks import without_traceback
from aiocompl.types.call import Attempt

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from aiocompl.codecs.routing import OperationRoute
    from aiocompl.runtime.plan import Plan, Prepared
    from aiocompl.runtime.stream_limits import StreamLimits


@attrs.define(eq=False)
class Errand:
    """One call on its way through its attempts; instants are by `loop.time()`."""

    plan: Plan
    """Where they may go."""
    options: Mapping[str, Any]
    """The call's own options."""
    rng: random.Random
    """Where the jitter comes from."""
    started: float
    """When the call began."""
    deadline: float
    """When it must be over."""
    again: bool = False
    """Whether the call has asked before: such a call goes on while the child drains."""
    failed: tuple[Attempt, ...] = ()
    """The attempts so far, all of which failed."""
    _tries: int = attrs.field(default=0, init=False)  # attempts in the model group whose turn it is
    _groups: int = attrs.field(default=1, init=False)  # model groups asked

    async def run(self) -> Any:
        """Ask until there is an answer, an error that is final, or no time.

        Cancelled: the request is withdrawn, or its HTTP exchange aborted, before this returns.

        Raises:
            AllModelsFailedError: Fallbacks were asked too, and nobody answered; it holds each cause.
            AiocomplError: The error of the last attempt.
        """
        loop = asyncio.get_running_loop()
        begun = self.started
        while True:
            prepared: Prepared[Any] | None = None
            log: AttemptLog | None = None
            try:
                prepared = self.plan.choose()
                log = AttemptLog.of(prepared.route, prepared.request, self.options)
                if log is not None:
                    log.begin(len(self.failed) + 1)
                answer = await self._ask(prepared, begun)
            except AiocomplError as error:
                wait = self._after(error, prepared, log, begun, loop.time())
                if wait is None:
                    if self._groups > 1:
                        raise self._all_failed(error) from error
                    error.attempts = self.failed
                    raise
            else:
                return self._answered(answer, prepared, log, loop.time() - begun)
            if wait and prepared is not None:
                await prepared.deployment.child.rest(wait)
            begun = loop.time()

    async def _ask(self, prepared: Prepared[Any], begun: float) -> Any:
        """Make one attempt."""
        request, deadline = prepared.request, self.deadline
        limits: StreamLimits | None = None
        if request.stream and self.options:
            limits = stream_limits(self.options)
        if prepared.timeout is not None:
            deadline = min(deadline, begun + prepared.timeout)
        return await prepared.deployment.ask(
            request,
            prepared.route,
            started=self.started,
            deadline=deadline,
            again=self.again or bool(self.failed),
            limits=limits,
        )

    def _answered(self, answer: Any, prepared: Prepared[Any], log: AttemptLog | None, elapsed: float) -> Any:
        call = answer.call
        if call is not None:
            if self.failed:
                call.failed = self.failed
            if prepared.dropped:
                call.dropped_params = prepared.dropped
        if log is not None:
            log.succeed(answer, elapsed)
        return answer

    def _after(
        self,
        error: AiocomplError,
        prepared: Prepared[Any] | None,
        log: AttemptLog | None,
        begun: float,
        now: float,
    ) -> float | None:
        """Decide what comes after an attempt that failed, and take it down: seconds to wait, or None for the end."""
        if prepared is not None:
            self.plan.fail(prepared.deployment, error)
            self._tries += 1
        step = self._step(error, prepared, now)
        if log is not None:
            log.fail(error, now - begun, None if step is RAISE else step.wait)
        if prepared is not None and (step is not RAISE or self._groups > 1):
            self.failed += (failed_attempt(len(self.failed) + 1, prepared.route, error, now - begun),)
        if step is RAISE:
            return None
        if step is FALL_BACK:
            self.plan.fall_back(error)
            self._tries, self._groups = 0, self._groups + 1
        return step.wait

    def _step(self, error: AiocomplError, prepared: Prepared[Any] | None, now: float) -> Step:
        plan = self.plan
        situation = Situation(
            attempt=max(1, self._tries),
            elsewhere=plan.has_elsewhere(),
            fallbacks=plan.has_fallback(error),
            now=now,
            deadline=self.deadline,
        )
        step = next_step(error, situation, plan.policy, self.rng)
        if step.kind == "again" and (prepared is None or not prepared.deployment.child.grants_retry()):
            return FALL_BACK if situation.fallbacks else RAISE
        return step

    def _all_failed(self, error: AiocomplError) -> AllModelsFailedError:
        """How it ended where several model groups were asked."""
        causes = [attempt.error for attempt in self.failed if attempt.error is not None]
        if not causes or causes[-1] is not error:  # nobody could be asked in the end
            causes.append(error)
        failure = AllModelsFailedError(
            f"none of the {self._groups} models that were asked one after another gave an answer", causes
        )
        failure.attempts = self.failed
        return failure


def failed_attempt(number: int, route: OperationRoute[Any], error: AiocomplError, elapsed: float) -> Attempt:
    """The record of an attempt that failed."""
    return Attempt(
        number=number,
        provider=route.endpoint.provider,
        endpoint=route.endpoint.base_url,
        model=route.model,
        error=without_traceback(error),
        elapsed=elapsed,
    )
