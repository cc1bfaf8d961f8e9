"""The codec contract, and the one place where malformed answers become our error."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeAlias, TypeVar, runtime_checkable

import attrs

from aiocompl.errors import APIResponseValidationError
from aiocompl.types.completion import ChatCompletion
from aiocompl.types.request import ChatRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.errors import APIError
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.model import JSON
    from aiocompl.types.request import Request
    from aiocompl.wire.messages import Event, FrameDecoder, HTTPRequest, HTTPResponse, JobRequest

MALFORMED = (KeyError, TypeError, IndexError, ValueError, AttributeError)
"""What decoding raises when an answer is not what its dialect promises; see `raise_malformed`."""

BODY_HEAD = 2048
"""Bytes of a malformed body that an error keeps."""


MAX_BITS = 62
"""Of a count: the sum of two still fits into the 64 bits that JSON's integers have here."""

RequestT_contra = TypeVar("RequestT_contra", bound="Request", contravariant=True)
AnswerT_co = TypeVar("AnswerT_co", covariant=True)


class StreamDecoder(Protocol):
    """One stream's state: events in, chunks out. All chunks of a stream share one id."""

    @property
    def finished(self) -> bool:
        """Whether the dialect's end marker has been seen: nothing that follows matters."""
        ...

    def feed(self, events: list[Event], into: list[ChatCompletionChunk]) -> None:
        """Take events in order and append the chunks they make to `into`.

        Raises:
            APIError: An event is an error, or is malformed; the chunks before it have been appended.
        """
        ...

    def end(self, into: list[ChatCompletionChunk]) -> None:
        """Take the end of the stream; what is still to be said is appended to `into`.

        Raises:
            IncompleteStreamError: The dialect's end has not been seen.
        """
        ...


class Operation(Protocol[RequestT_contra, AnswerT_co]):
    """One kind of call in a dialect, bound to one endpoint: URL and headers are made once, when it is.

    Operations hold no state between calls. Encoding never changes the request and gives the same bytes every time: a
    race, a retry or a fallback sends the same request again.
    """

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of every request to the endpoint; requests with none of their own carry this very object."""
        ...

    @property
    def native_params(self) -> frozenset[str]:
        """Parameters beyond OpenAI's that the dialect takes under their own names."""
        ...

    @property
    def unsupported_params(self) -> frozenset[str]:
        """OpenAI's parameters that the dialect has no place for."""
        ...

    def encode_request(self, request: RequestT_contra) -> HTTPRequest:
        """Make the HTTP request.

        Raises:
            UnsupportedParamsError: The dialect cannot say this.
            BadRequestError: A value cannot be written as JSON.
        """
        ...

    def decode_response(self, request: RequestT_contra, response: HTTPResponse) -> AnswerT_co:
        """Read a whole answer with a 2xx status.

        Raises:
            APIError: The answer is malformed, or is an error in spite of its status.
        """
        ...

    def decode_error(self, request: RequestT_contra, response: HTTPResponse) -> APIError:
        """Read an answer with an error status. Total: any status, any body; never raises."""
        ...


class Codec(Operation[ChatRequest, ChatCompletion], Protocol):
    """A dialect's chat, which can be streamed. See `Operation`."""

    @property
    def takes_functions(self) -> bool:
        """Whether the dialect has `functions` and `function_call` itself; others get them as tools (see `legacy`)."""
        ...

    def frame_decoder(self) -> FrameDecoder:
        """A new decoder for the framing of the dialect's streams."""
        ...

    def stream_decoder(self, request: ChatRequest) -> StreamDecoder:
        """A new decoder for the events of one stream."""
        ...


Sign = Callable[["HTTPRequest", float], "HTTPRequest"]
"""Signs a request; the second argument is the wall clock in seconds since 1970."""

Rebind = Callable[["Endpoint"], Operation[Any, Any]]
"""Makes the same codec or operation for an endpoint whose credential has been fetched."""


@runtime_checkable
class Signer(Protocol):
    """A codec whose endpoint may have credentials that sign each request, right before it is sent."""

    @property
    def signs(self) -> bool:
        """Whether this endpoint's requests are signed."""
        ...

    def sign(self, request: HTTPRequest, now: float) -> HTTPRequest:
        """Sign a request; `now` is the wall clock in seconds since 1970."""
        ...


@attrs.frozen
class Poll:
    """The job's next step: ask after it, `after` seconds from now."""

    request: HTTPRequest
    after: float


@attrs.frozen
class Follow:
    """The job's next step: open its stream."""

    request: HTTPRequest


@attrs.frozen
class Done:
    """No next step: the response that came last is the call's answer, or its error."""


JobStep: TypeAlias = Poll | Follow | Done


class Job(Protocol):
    """One job's state: what the provider says goes in, what is to be done next comes out."""

    @property
    def cancel(self) -> HTTPRequest | None:
        """What ends the job at the provider, or None as long as there is none and once it is over."""
        ...

    def take(self, response: HTTPResponse) -> JobStep:
        """Take the answer to the request that began the job, or to the latest step."""
        ...

    def lose(self) -> JobStep | None:
        """The answer to the latest step was lost on the way. None gives up."""
        ...

    def feed(self, data: bytes) -> JobStep | None:
        """Take a slice of the job's stream; at its end there is one more step, to learn how the job ended."""
        ...

    def event(self) -> bytes:
        """What is known of the job, framed as an event of its stream."""
        ...


@runtime_checkable
class Jobs(Protocol):
    """A codec that encodes to a `JobRequest`: it is answered by a job and not, or not at once, by the model."""

    def start_job(self, request: JobRequest) -> Job:
        """The state of a new job."""
        ...


def unknown_event(event: Any) -> JSON:
    """What a chunk's delta has beyond OpenAI's shape where the stream says what its dialect does not know."""
    return {"provider_specific_fields": {"unknown_events": [event]}}


def whole_number(value: Any) -> int:
    """A count, or a time in seconds, as an integer.

    Raises:
        ValueError: It is none, or too large to be one: JSON could not hold it.
    """
    try:
        number = int(value)
    except OverflowError as error:
        raise ValueError(f"a number is {value}") from error
    if number.bit_length() > MAX_BITS:
        raise ValueError(f"a number has {number.bit_length()} bits")
    return number


def raise_malformed(cause: Exception, *, provider: str, model: str, status: int, body: bytes) -> NoReturn:
    """Report an answer that is not what its dialect promises.

    Raises:
        APIResponseValidationError: Always; it names provider, model and status and holds the head of the body.
    """
    reason = f"no {cause}" if isinstance(cause, KeyError) else f"{type(cause).__name__}: {cause}"
    head = body[:BODY_HEAD].decode("utf-8", "replace")
    raise APIResponseValidationError(
        f"the answer (status {status}) is not what its dialect promises ({reason}); see `body` for its head",
        provider=provider,
        model=model,
        status_code=status,
        body=head,
    ) from cause
