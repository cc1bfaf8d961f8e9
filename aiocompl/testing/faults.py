"""What can go wrong at a provider. Each fault spoils a delivery that was whole.

In a stream, positions count events from 0 and include those that hold no token (OpenAI's first event, the usage,
``[DONE]``). A blocking answer has one body instead, which is spoilt in its middle.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import attrs
import orjson

from aiocompl._compat import override
from aiocompl.testing.asked import KIND_OF_STATUS, Problem, ProblemKind
from aiocompl.testing.delivery import Delivery, Slice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.testing.delivery import Ending
    from aiocompl.testing.dialects.base import Dialect

_OK = 200
_FIRST_SERVER_ERROR = 500
_HTML = b"<html>\r\n<head><title>%d Bad Gateway</title></head>\r\n<body><center><h1>%d Bad Gateway</h1></center></body>\r\n</html>\r\n"


class Fault(ABC):
    """Something that goes wrong; your own need only this one method."""

    __slots__ = ()

    @abstractmethod
    def spoil(self, delivery: Delivery, dialect: Dialect) -> Delivery:
        """What is delivered instead."""


@attrs.frozen(kw_only=True)
class Status(Fault):
    """An error status instead of an answer. The functions below make the usual ones."""

    status: int
    kind: ProblemKind | None = None
    """What the dialect words the body from; None for what the status means."""

    message: str | None = None
    """The text for people; None for the dialect's own."""

    code: str | None = None
    param: str | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict)
    """Further headers, such as ``retry-after``."""

    body: bytes | None = None
    """Sent instead of the dialect's error body."""

    adapt: bool = False
    """Whether a dialect that has another status for this kind of error sends that one (Anthropic's 529 for 503)."""

    @override
    def spoil(self, delivery: Delivery, dialect: Dialect) -> Delivery:
        """Send the error after the same delay."""
        problem = self._problem(dialect)
        if problem.status == _OK and delivery.is_sse:
            return attrs.evolve(delivery, slices=(Slice(dialect.error_event(problem), 0.0, 1),))
        kept = {name: value for name, value in delivery.headers.items() if name != "content-type"}
        if (body := self.body) is None:
            body = dialect.error_body(problem)
            kept |= dialect.error_headers(problem)
        kept |= self.headers
        return Delivery.whole(body, status=problem.status, headers=kept, delay=delivery.delay)

    def _problem(self, dialect: Dialect) -> Problem:
        default: ProblemKind = "server_error" if self.status >= _FIRST_SERVER_ERROR else "invalid_request"
        kind = self.kind or KIND_OF_STATUS.get(self.status, default)
        status = dialect.statuses.get(kind, self.status) if self.adapt else self.status
        words = Problem(status=status, kind=kind, message=self.message, param=self.param, code=self.code)
        return attrs.evolve(words, retry_after=_seconds(self.headers.get("retry-after")))


def _seconds(value: str | None) -> float | None:
    return float(value) if value and value.replace(".", "", 1).isdigit() else None


@attrs.frozen(kw_only=True)
class Reset(Fault):
    """The connection is reset (RST) instead of an answer."""

    @override
    def spoil(self, delivery: Delivery, dialect: Dialect) -> Delivery:
        """Send nothing."""
        return attrs.evolve(delivery, opened=False, ending="reset", slices=())


@attrs.frozen(kw_only=True)
class Hangup(Fault):
    """The connection is closed in good order instead of an answer, as an idle one is."""

    @override
    def spoil(self, delivery: Delivery, dialect: Dialect) -> Delivery:
        """Send nothing."""
        return attrs.evolve(delivery, opened=False, ending="drop", slices=())


@attrs.frozen(kw_only=True)
class Silence(Fault):
    """The request is taken and never answered."""

    @override
    def spoil(self, delivery: Delivery, dialect: Dialect) -> Delivery:
        """Send nothing, and go on sending it."""
        return attrs.evolve(delivery, opened=False, ending="silence", slices=())


@attrs.frozen(kw_only=True)
class Cut(Fault):
    """The stream ends too early."""

    after_events: int = 1
    clean: bool = False
    """True ends the body properly, so that only the dialect's own end is missing; False drops the connection."""

    @override
    def spoil(self, delivery: Delivery, dialect: Dialect) -> Delivery:
        """Keep the first events, or half of a blocking body."""
        return _stopped(delivery, self.after_events, "whole" if self.clean else "drop")


@attrs.frozen(kw_only=True)
class ResetAfter(Fault):
    """The connection is reset (RST) within the answer."""

    after_events: int = 1

    @override
    def spoil(self, delivery: Delivery, dialect: Dialect) -> Delivery:
        """Keep the first events, or half of a blocking body."""
        return _stopped(delivery, self.after_events, "reset")


@attrs.frozen(kw_only=True)
class Stall(Fault):
    """The stream falls silent; 0 events leave only the headers."""

    after_events: int = 1

    @override
    def spoil(self, delivery: Delivery, dialect: Dialect) -> Delivery:
        """Keep the first events, or half of a blocking body."""
        return _stopped(delivery, self.after_events, "silence")


@attrs.frozen(kw_only=True)
class Malformed(Fault):
    """An event (or the body) that is no JSON; the rest comes as if nothing had been."""

    at_event: int = 1
    data: bytes = b'{"id": "broken", "choices": [{"index": 0, '

    @override
    def spoil(self, delivery: Delivery, dialect: Dialect) -> Delivery:
        """Put the broken event in the place of a good one."""
        return _replaced(delivery, self.at_event, self.data, dialect)


@attrs.frozen(kw_only=True)
class Oversized(Fault):
    """An event (or the body) that is too large to be true; an honest large event is an `Answer` with one long word."""

    at_event: int = 1
    size: int = 3 * 1024 * 1024
    """Bytes of padding."""

    @override
    def spoil(self, delivery: Delivery, dialect: Dialect) -> Delivery:
        """Put the large event in the place of a good one."""
        return _replaced(delivery, self.at_event, orjson.dumps({"padding": "x" * self.size}), dialect)


@attrs.frozen(kw_only=True)
class ErrorEvent(Fault):
    """An error inside a 200: the stream breaks off with it. A blocking answer is the error under the status 200."""

    at_event: int = 1
    kind: ProblemKind = "server_error"
    message: str | None = None
    code: str | None = None
    with_end: bool = False
    """Whether the dialect's end of stream still follows."""

    @override
    def spoil(self, delivery: Delivery, dialect: Dialect) -> Delivery:
        """Keep the events before the error."""
        problem = Problem(status=200, kind=self.kind, message=self.message, code=self.code)
        if not delivery.streaming:
            body = dialect.error_body(problem)
            return attrs.evolve(delivery, slices=(Slice(body),), length=len(body))
        tail = [Slice(dialect.error_event(problem), 0.0, 1)]
        if self.with_end and dialect.end_event:
            tail.append(Slice(dialect.end_event, 0.0, 1))
        return attrs.evolve(delivery, slices=(*delivery.slices[: self.at_event], *tail))


@attrs.frozen(kw_only=True)
class SlowBody(Fault):
    """The body comes a few bytes at a time."""

    seconds: float = 0.0
    """Between writes; with 0 the pieces still come apart, one write each."""

    size: int = 1
    """Bytes of each write."""

    @override
    def spoil(self, delivery: Delivery, dialect: Dialect) -> Delivery:
        """Cut every slice into pieces."""
        pieces: list[Slice] = []
        for data, delay, events in delivery.slices:
            starts = range(0, len(data), self.size)
            cut = [Slice(data[at : at + self.size], self.seconds) for at in starts]
            cut[0] = cut[0]._replace(delay=delay + self.seconds)
            cut[-1] = cut[-1]._replace(events=events)
            pieces += cut
        return attrs.evolve(delivery, slices=tuple(pieces))


@attrs.frozen(kw_only=True)
class MissingDone(Fault):
    """All events come but for the dialect's end (``[DONE]``); OpenAI's format is complete without it."""

    @override
    def spoil(self, delivery: Delivery, dialect: Dialect) -> Delivery:
        """Drop the end event."""
        kept = tuple(part for part in delivery.slices if part.data != dialect.end_event)
        return attrs.evolve(delivery, slices=kept)


@attrs.frozen(kw_only=True)
class MissingFinish(Fault):
    """The stream ends properly as bytes and with ``[DONE]``, but its last events, the finish reason's among them, lack."""

    @override
    def spoil(self, delivery: Delivery, dialect: Dialect) -> Delivery:
        """Keep the events that hold tokens, and the end."""
        if not delivery.streaming:
            return delivery
        kept = [part for part in delivery.slices if not dialect.is_finish(part.data)]
        return attrs.evolve(delivery, slices=tuple(kept))


@attrs.frozen(kw_only=True)
class ContentType(Fault):
    """A right answer under a wrong label."""

    content_type: str = "text/plain"

    @override
    def spoil(self, delivery: Delivery, dialect: Dialect) -> Delivery:
        """Change the label."""
        return attrs.evolve(delivery, headers={**delivery.headers, "content-type": self.content_type})


@attrs.frozen(kw_only=True)
class Truncated(Fault):
    """A body that ends in the middle of its JSON, properly framed; a stream loses half of its last event."""

    @override
    def spoil(self, delivery: Delivery, dialect: Dialect) -> Delivery:
        """Halve the body."""
        if delivery.streaming:
            *kept, last = delivery.slices
            half = last._replace(data=last.data[: len(last.data) // 2], events=0)
            return attrs.evolve(delivery, slices=(*kept, half))
        body = delivery.body()
        half_body = body[: len(body) // 2]
        return attrs.evolve(delivery, slices=(Slice(half_body),), length=len(half_body))


@attrs.frozen(kw_only=True)
class CloseAfter(Fault):
    """A right answer, after which the connection is closed though keep-alive was promised."""

    @override
    def spoil(self, delivery: Delivery, dialect: Dialect) -> Delivery:
        """Change nothing but the ending."""
        return attrs.evolve(delivery, ending="close")


@attrs.frozen(kw_only=True)
class OddFraming(Fault):
    """Server-sent events as the grammar allows and few servers write them; a client must not mind."""

    crlf: bool = True
    """Lines end with CRLF."""

    comments: bool = True
    """A comment stands before every event."""

    bom: bool = False
    """The stream begins with a byte order mark."""

    @override
    def spoil(self, delivery: Delivery, dialect: Dialect) -> Delivery:
        """Write the same events differently."""
        if not delivery.is_sse:
            return delivery
        slices = [part._replace(data=self._written(part.data)) for part in delivery.slices]
        if self.bom and slices:
            slices[0] = slices[0]._replace(data=b"\xef\xbb\xbf" + slices[0].data)
        return attrs.evolve(delivery, slices=tuple(slices))

    def _written(self, frame: bytes) -> bytes:
        written = b": keep-alive\n\n" + frame if self.comments else frame
        return written.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") if self.crlf else written


def _stopped(delivery: Delivery, after_events: int, ending: Ending) -> Delivery:
    if delivery.streaming:
        return attrs.evolve(delivery, slices=delivery.slices[:after_events], ending=ending)
    body = delivery.body()
    half = Slice(body[: len(body) // 2])
    length = len(half.data) if ending == "whole" else delivery.length
    return attrs.evolve(delivery, slices=(half,), ending=ending, length=length)


def _replaced(delivery: Delivery, at_event: int, data: bytes, dialect: Dialect) -> Delivery:
    if not delivery.streaming:
        return attrs.evolve(delivery, slices=(Slice(data),), length=len(data))
    slices = list(delivery.slices)
    at = min(at_event, len(slices) - 1)
    slices[at] = slices[at]._replace(data=dialect.frame(data))
    return attrs.evolve(delivery, slices=tuple(slices))


def rate_limited(retry_after: float | str | None = None, **headers: str) -> Status:
    """Too many requests (429).

    Args:
        retry_after: Seconds, or an HTTP date as text; None sends no ``retry-after``.
        headers: Further headers, with ``_`` for ``-`` (``x_ratelimit_remaining_requests="0"``).
    """
    made = {name.replace("_", "-"): value for name, value in headers.items()}
    if retry_after is not None:
        made["retry-after"] = f"{retry_after:g}" if isinstance(retry_after, int | float) else retry_after
    return Status(status=429, headers=made)


def quota_exhausted() -> Status:
    """No money left (429): asking again does not help."""
    return Status(status=429, kind="quota", adapt=True)


def context_length() -> Status:
    """The prompt is longer than the model's context window (400)."""
    return Status(status=400, kind="context_length", param="messages", adapt=True)


def content_policy() -> Status:
    """The prompt is refused for what it says (400)."""
    return Status(status=400, kind="content_policy", adapt=True)


def server_error() -> Status:
    """The provider failed (500)."""
    return Status(status=500)


def overloaded(retry_after: float | None = None) -> Status:
    """The provider has too much to do (503)."""
    wait = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
    return Status(status=503, headers=wait, adapt=True)


def html_page(status: int = 502) -> Status:
    """What a proxy before the provider says when it cannot reach it."""
    return Status(status=status, headers={"content-type": "text/html"}, body=_HTML % (status, status))


def quick() -> tuple[Fault, ...]:
    """One fault of each kind that ends by itself at once: what a burst under faults is mixed from."""
    return (
        rate_limited(retry_after=0),
        rate_limited(),
        quota_exhausted(),
        server_error(),
        overloaded(),
        html_page(),
        Reset(),
        Hangup(),
        Cut(after_events=2),
        Cut(after_events=2, clean=True),
        ResetAfter(after_events=2),
        Malformed(at_event=2),
        ErrorEvent(at_event=2),
        Truncated(),
    )
