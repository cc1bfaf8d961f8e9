"""The contract of a simulated dialect.

A dialect is written from the provider's documentation and shares nothing with `aiocompl.codecs`, so that one checks
the other. It is pure: it decides what is sent, and leaves time, chance, faults and sockets to others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.testing.answer import Answer
    from aiocompl.testing.asked import Asked, Problem, ProblemKind, Received
    from aiocompl.testing.delivery import Delivery
    from aiocompl.testing.dialects.batches import BatchAsked


class Event(NamedTuple):
    """One event of a stream."""

    frame: bytes
    """As it goes over the wire."""

    token: bool = False
    """Whether it holds a token, and so waits for it; others come at once."""


class Dialect(Protocol):
    """A provider's wire format, seen from its side."""

    base_path: str
    """What follows host and port in the address that clients are given, such as ``"/v1"``."""

    stream_type: str
    """The content type of its streams."""

    end_event: bytes
    """The frame that ends a stream, or empty where the finish reason or nothing but the connection does."""

    statuses: Mapping[ProblemKind, int]
    """The statuses of errors that have another one here than elsewhere, such as Anthropic's 529 for overload."""

    def read(self, received: Received) -> Asked | BatchAsked | Delivery:
        """Understand a request: a question to a model, many at once, or something that is answered without one.

        Raises:
            ProblemError: The real provider would refuse it.
        """
        ...

    def headers(self, number: int) -> Mapping[str, str]:
        """The headers that each answer has, but for its content type."""
        ...

    def body(self, asked: Asked, answers: Sequence[Answer]) -> bytes:
        """A blocking answer; one of `answers` for each choice."""
        ...

    def events(self, asked: Asked, answers: Sequence[Answer]) -> list[Event]:
        """A streamed answer, with its end."""
        ...

    def error_body(self, problem: Problem) -> bytes:
        """The body of an error."""
        ...

    def error_headers(self, problem: Problem) -> Mapping[str, str]:
        """The headers of an error beside those of every answer."""
        ...

    def error_event(self, problem: Problem) -> bytes:
        """The frame of an error inside a stream."""
        ...

    def frame(self, data: bytes) -> bytes:
        """Any bytes framed as an event."""
        ...

    def is_finish(self, frame: bytes) -> bool:
        """Whether a frame made by `events` holds a finish reason."""
        ...


@runtime_checkable
class JobDialect(Protocol):
    """A dialect in which a question begins a job: the answer is fetched by further requests, which `read` answers."""

    def begin(self, asked: Asked, received: Received, whole: Delivery, stream: Delivery) -> Delivery:
        """Begin a job.

        Args:
            asked: The question.
            received: The request it came with.
            whole: What the job ends with, `whole.delay` seconds from now.
            stream: The same as a stream.

        Returns:
            What that request is answered with.
        """
        ...
