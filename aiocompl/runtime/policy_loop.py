"""The one loop that decides what happens after each attempt of a call, whatever is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from aiocompl.errors import AiocomplError
from aiocompl.runtime.attempts import AttemptLog
from aiocompl.runtime.call import call_retries
from aiocompl.runtime.stream_limits import stream_limits
from aiocompl.runtime.tasks import without_traceback
from aiocompl.types.call import AnswerT, Attempt

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from aiocompl.codecs.base import Operation
    from aiocompl.codecs.routing import OperationRoute
    from aiocompl.policy.retry import RetryPolicy
    from aiocompl.runtime.child import Child
    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.types.request import Request


async def attempt(
    request: Request,
    route: OperationRoute[Operation[Any, AnswerT]],
    child: Child,
    *,
    options: Mapping[str, Any],
    policy: RetryPolicy,
    rng: random.Random,
    started: float,
    deadline: float,
    again: bool = False,
) -> AnswerT | CompletionStream:
    """Ask until there is an answer, an error that is final, or no time.

    Cancelled: the request is withdrawn, or its HTTP exchange aborted, before this returns.

    Args:
        request: What to ask.
        route: Whom to ask, and how to say it.
        child: Who serves the route's endpoint.
        options: The call's own options.
        policy: What is retried and when, unless `options` say how often.
        rng: Where the jitter comes from.
        started: When the call began, by `loop.time()`.
        deadline: When it must be over, by `loop.time()`.
        again: Whether the call has asked before: such a call goes on while the child drains.

    Raises:
        AiocomplError: The error of the last attempt.
    """
    time = child.loop.time
    if "num_retries" in options or "max_retries" in options:
        policy = attrs.evolve(policy, max_retries=call_retries(options))
    limits = stream_limits(options) if options and request.stream else None
    log = AttemptLog.of(route, request, options)
    failed: tuple[Attempt, ...] = ()
    begun = started
    while True:
        if log is not None:
            log.begin()
        try:
            answer = await child.ask(
                request,
                route.codec,
                started=started,
                deadline=deadline,
                again=again or bool(failed),
                rebind=route.rebind,
                limits=limits,
            )
        except AiocomplError as error:
            now, number = time(), len(failed) + 1
            wait = child.granted(policy.delay(error, attempt=number, now=now, deadline=deadline, rng=rng))
            if log is not None:
                log.fail(error, now - begun, wait)
            if wait is None:
                raise
            failed += (failed_attempt(number, route, error, now - begun),)
        else:
            if failed and answer.call is not None:
                answer.call.failed = failed
            if log is not None:
                log.succeed(answer, time() - begun)
            return answer
        await child.rest(wait)
        begun = time()


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
