"""What is told of each attempt: to the log, and to the caller's `logger_fn`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from aiocompl import telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocompl.codecs.routing import OperationRoute
    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.types.call import Answer
    from aiocompl.types.request import Request


@attrs.define(eq=False)
class AttemptLog:
    """The attempts of one call, as they happen."""

    route: OperationRoute[Any]
    request: Request
    logger_fn: Callable[[dict[str, Any]], object] | None
    verbose: bool
    number: int = 0
    """The attempt that runs, counted from 1."""

    @classmethod
    def of(
        cls, route: OperationRoute[Any], request: Request, options: Mapping[str, Any]
    ) -> AttemptLog | None:
        """The log of a call with these options, or None where nobody wants to know."""
        logger_fn = verbose = None
        if options:
            logger_fn, verbose = options.get("logger_fn"), options.get("verbose")
        if logger_fn is None and not telemetry.watched(verbose=bool(verbose)):
            return None
        return cls(route, request, logger_fn, bool(verbose))

    def begin(self, number: int) -> None:
        """An attempt is about to be made, counted from 1."""
        self.number = number
        self._tell("attempt.started", "pre_api_call")

    def fail(self, error: Exception, elapsed: float, retry_in: float | None) -> None:
        """It failed after `elapsed` seconds; another follows in `retry_in`, or none."""
        self._tell("attempt.failed", "post_api_call", elapsed=elapsed, error=error, retry_in=retry_in)

    def succeed(self, answer: Answer | CompletionStream, elapsed: float) -> None:
        """It answered after `elapsed` seconds (a stream: it opened)."""
        self._tell("attempt.finished", "post_api_call", elapsed=elapsed, response=answer)

    def _tell(self, event: str, moment: str, **more: Any) -> None:
        """Log a step, and call the caller's function; what that does wrong is logged and cannot break the call."""
        endpoint, request = self.route.endpoint, self.request
        identity: dict[str, Any] = {
            "provider": endpoint.provider,
            "endpoint": endpoint.base_url,
            "model": self.route.model,
            "attempt": self.number,
        }
        told = {name: value for name, value in more.items() if name != "response"}
        if (error := more.get("error")) is not None:
            told["error"] = type(error).__name__
        telemetry.attempt(event, verbose=self.verbose, **identity, **told)
        if self.logger_fn is None:
            return
        details = {
            "log_event_type": moment,
            **identity,
            "stream": request.stream,
            **request.asked(),
            "optional_params": dict(request.params),
            "extra_headers": sorted(request.extra_headers or ()),  # names only: values may be secrets
            **more,
        }
        try:
            self.logger_fn(details)
        except Exception as error:  # noqa: BLE001 - a hook must not break a call
            telemetry.warning("logger_fn.failed", error=repr(error))
