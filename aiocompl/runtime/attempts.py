"""What is told of each attempt: to the caller's `logger_fn`, to the log, and on the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from aiocompl import telemetry
from aiocompl.types.call import Attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocompl.codecs.routing import Route
    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.request import ChatRequest


@attrs.define(eq=False)
class AttemptLog:
    """The attempts of one call, as they happen."""

    route: Route
    request: ChatRequest
    logger_fn: Callable[[dict[str, Any]], object] | None
    verbose: bool
    failed: tuple[Attempt, ...] = ()

    @classmethod
    def of(cls, route: Route, request: ChatRequest, options: Mapping[str, Any]) -> AttemptLog:
        """The log of a call with these options."""
        return cls(route, request, options.get("logger_fn"), bool(options.get("verbose")))

    @property
    def number(self) -> int:
        """The attempt that runs, counted from 1."""
        return len(self.failed) + 1

    def begin(self) -> None:
        """An attempt is about to be made."""
        telemetry.attempt("attempt.started", verbose=self.verbose, **self._identity())
        if self.logger_fn is not None:
            self._tell("pre_api_call")

    def fail(self, error: Exception, elapsed: float, retry_in: float | None) -> None:
        """It failed after `elapsed` seconds; another follows in `retry_in`, or none."""
        telemetry.attempt(
            "attempt.failed",
            verbose=self.verbose,
            error=type(error).__name__,
            elapsed=elapsed,
            retry_in=retry_in,
            **self._identity(),
        )
        if self.logger_fn is not None:
            self._tell("post_api_call", error=error, elapsed=elapsed, retry_in=retry_in)
        if retry_in is not None:
            # Without its traceback: that holds frames, and those the session.
            self.failed += (self._attempt(error.with_traceback(None), 0.0, elapsed),)

    def succeed(self, answer: ChatCompletion | CompletionStream, elapsed: float) -> None:
        """It answered after `elapsed` seconds (a stream: it opened)."""
        telemetry.attempt("attempt.finished", verbose=self.verbose, elapsed=elapsed, **self._identity())
        call = answer.call
        if call is not None:
            call.attempts = (*self.failed, self._attempt(None, call.queued, elapsed))
        if self.logger_fn is not None:
            self._tell("post_api_call", response=answer, elapsed=elapsed)

    def _attempt(self, error: Exception | None, queued: float, elapsed: float) -> Attempt:
        endpoint = self.route.endpoint
        return Attempt(
            number=self.number,
            provider=endpoint.provider,
            endpoint=endpoint.base_url,
            model=self.route.model,
            error=error,
            queued=queued,
            elapsed=elapsed,
        )

    def _identity(self) -> dict[str, Any]:
        endpoint = self.route.endpoint
        return {
            "provider": endpoint.provider,
            "endpoint": endpoint.base_url,
            "model": self.route.model,
            "attempt": self.number,
        }

    def _tell(self, moment: str, **more: object) -> None:
        """Call the caller's function; what it does wrong is logged and cannot break the call."""
        request = self.request
        details: dict[str, Any] = {
            "log_event_type": moment,
            **self._identity(),
            "stream": request.stream,
            "messages": request.messages,
            "optional_params": dict(request.params),
            "extra_headers": sorted(request.extra_headers or ()),  # names only: values may be secrets
            **more,
        }
        if self.logger_fn is None:
            return
        try:
            self.logger_fn(details)
        except Exception as error:  # noqa: BLE001 - a hook must not break a call
            telemetry.warning("logger_fn.failed", error=repr(error))
