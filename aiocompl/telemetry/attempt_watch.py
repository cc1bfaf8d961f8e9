"""One attempt of a watched call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from aiocompl import telemetry
from aiocompl.errors import APIError
from aiocompl.telemetry import events
from aiocompl.types.call import CallInfo
from aiocompl.types.completion import ChatCompletion
from aiocompl.types.embedding import EmbeddingResponse
from aiocompl.types.rerank import RerankResponse

if TYPE_CHECKING:
    from aiocompl.codecs.routing import OperationRoute
    from aiocompl.telemetry.events import Event
    from aiocompl.telemetry.watch import CallWatch
    from aiocompl.types.call import AttemptKind
    from aiocompl.types.completion import Usage
    from aiocompl.types.request import Request


class AttemptWatch:
    """One attempt: `finished` or `failed` ends it, in the task that began it. Several may run at once.

    Args:
        call: The call that it is an attempt of.
        route: Who is asked.
        request: What it asks.
        number: Counted from 1.
        kind: Why it is made.
    """

    __slots__ = ("_call", "_request", "_route", "number")

    def __init__(
        self,
        call: CallWatch,
        route: OperationRoute[Any],
        request: Request,
        number: int,
        kind: AttemptKind = "first",
    ) -> None:
        self._call = call
        self._route = route
        self._request = request
        self.number = number
        self._tell(events.AttemptStarted, kind=kind)
        self._call_logger("pre_api_call")

    def headers(self) -> dict[str, str]:
        """What tracing adds to the HTTP request."""
        added: dict[str, str] = {}
        for observer, outlet, _ in self._call.observers:
            headers: Any = outlet.tell(observer.headers, self.number)
            added.update(headers or ())
        return added

    def dressed(self) -> Request:
        """The request with the headers that tracing adds; one that the caller has set stays as it is."""
        request, headers = self._request, self.headers()
        if not headers:
            return request
        given = {name.lower() for name in request.extra_headers or ()}
        added = {name: value for name, value in headers.items() if name.lower() not in given}
        dressed: Any = request  # all of them are attrs classes
        return attrs.evolve(dressed, extra_headers={**(request.extra_headers or {}), **added})  # type: ignore[no-any-return]

    def finished(self, answer: Any, elapsed: float) -> None:
        """It answered after so many seconds; a stream: it opened."""
        usage, call = usage_of(answer), answer.call
        self._tell(
            events.AttemptFinished,
            elapsed=elapsed,
            queued=None if call is None else call.queued,
            stream=self._request.stream,
            input_tokens=None if usage is None else usage.prompt_tokens,
            output_tokens=None if usage is None else usage.completion_tokens,
        )
        self._call_logger("post_api_call", elapsed=elapsed, response=answer)

    def failed(self, error: BaseException, elapsed: float) -> None:
        """It failed, or was cancelled, after so many seconds. What comes next, `CallWatch.decided` is told."""
        if not isinstance(error, Exception):
            self._tell(events.AttemptCancelled, elapsed=elapsed)
            return
        status = error.status_code if isinstance(error, APIError) else None
        self._tell(events.AttemptFailed, elapsed=elapsed, error=type(error).__name__, status=status)
        self._call.undecided.append((self, error, elapsed))

    def log_failure(self, error: Exception, elapsed: float, retry_in: float | None) -> None:
        """Tell the caller's own function of it, now that it is known what comes next."""
        self._call_logger("post_api_call", elapsed=elapsed, error=error, retry_in=retry_in)

    def _tell(self, event: type[Event], /, **fields: Any) -> None:
        self._call.tell(event, self._route, attempt=self.number, **fields)

    def _call_logger(self, moment: str, **more: Any) -> None:
        """Call the caller's own function; what that does wrong is logged and cannot break the call."""
        logger_fn, request = self._call.logger_fn, self._request
        if logger_fn is None:
            return
        details = {
            "log_event_type": moment,
            **identity(self._route),
            "attempt": self.number,
            "stream": request.stream,
            **request.asked(),
            "optional_params": dict(request.params),
            "extra_headers": sorted(request.extra_headers or ()),  # names only: values may be secrets
            **more,
        }
        try:
            logger_fn(details)
        except Exception as error:  # noqa: BLE001 - a hook must not break a call
            telemetry.warning("logger_fn.failed", error=repr(error))


def identity(where: OperationRoute[Any] | CallInfo) -> dict[str, Any]:
    """Who is meant, as events and reports have it."""
    if isinstance(where, CallInfo):
        return {"provider": where.provider, "endpoint": where.endpoint, "model": where.model}
    return {
        "provider": where.endpoint.provider,
        "endpoint": where.endpoint.base_url,
        "model": where.model,
    }


def usage_of(answer: object) -> Usage | None:
    """The tokens that a whole answer says were used."""
    if isinstance(answer, (ChatCompletion, EmbeddingResponse, RerankResponse)):
        return answer.usage
    return None
