"""Whether anybody watches a call; the object that is told of its steps is only made where somebody does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from aiocompl import telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocompl.codecs.routing import OperationRoute
    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.telemetry.attempt_watch import AttemptWatch
    from aiocompl.telemetry.hooks import Hooks
    from aiocompl.telemetry.watch import CallWatch
    from aiocompl.types.call import Answer
    from aiocompl.types.request import Request


def begin_watch(
    request: Request,
    route: OperationRoute[Any] | None,
    options: Mapping[str, Any],
    *,
    started: float,
    clock: Callable[[], float],
    hooks: Hooks | None = None,
    group: str | None = None,
) -> CallWatch | None:
    """Begin to watch a call, in the task that awaits it, or None where nobody wants to know.

    Args:
        request: What is asked.
        route: Who is asked first, where that is known yet.
        options: The call's own options.
        started: When the call began, by `clock`.
        clock: `loop.time`.
        hooks: The supervisor's, if it has any.
        group: The model group that is asked for, where it is one.
    """
    logger_fn, verbose = _asked(options)
    if hooks is None and logger_fn is None and not telemetry.watched(verbose=verbose):
        return None
    from aiocompl.telemetry.watch import CallWatch  # noqa: PLC0415 - only for those who watch

    watch = CallWatch(request, route, started, clock, hooks, logger_fn, verbose, group)
    watch.begin()
    return watch


@attrs.define(eq=False)
class AttemptLog:
    """The attempts of a call, where nobody watches the call as a whole."""

    watch: CallWatch
    attempt: AttemptWatch = attrs.field(init=False)
    """The one that runs."""

    @classmethod
    def of(
        cls, route: OperationRoute[Any], request: Request, options: Mapping[str, Any]
    ) -> AttemptLog | None:
        """The log of a call with these options, or None where nobody wants to know."""
        logger_fn, verbose = _asked(options)
        if logger_fn is None and not telemetry.watched(verbose=verbose):
            return None
        from aiocompl.telemetry.watch import CallWatch  # noqa: PLC0415 - only for those who watch

        watch = CallWatch(request, route, 0.0, float, logger_fn=logger_fn, verbose=verbose)
        watch.listen()
        return cls(watch)

    def begin(self, number: int) -> None:
        """An attempt is about to be made, counted from 1."""
        self.watch.attempts = number - 1
        self.attempt = self.watch.attempt_started()

    def fail(self, error: Exception, elapsed: float, retry_in: float | None) -> None:
        """It failed after `elapsed` seconds; another follows in `retry_in`, or none."""
        self.attempt.failed(error, elapsed, retry_in)

    def succeed(self, answer: Answer | CompletionStream, elapsed: float) -> None:
        """It answered after `elapsed` seconds (a stream: it opened)."""
        self.attempt.finished(answer, elapsed)


def _asked(options: Mapping[str, Any]) -> tuple[Callable[[dict[str, Any]], object] | None, bool]:
    """What a call's own options say: `logger_fn`, and whether it is to be logged."""
    return (options.get("logger_fn"), bool(options.get("verbose"))) if options else (None, False)
