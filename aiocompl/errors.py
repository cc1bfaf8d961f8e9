"""Every exception that aiocompl raises.

The tree::

    AiocomplError
    ├── APIError
    │   ├── APIConnectionError
    │   │   ├── APITimeoutError (also TimeoutError)
    │   │   └── IncompleteStreamError
    │   ├── APIResponseValidationError
    │   │   ├── ResponseFormatError
    │   │   └── ResponseTooLargeError
    │   └── APIStatusError
    │       ├── BadRequestError
    │       │   ├── ContentPolicyViolationError
    │       │   ├── ContextWindowExceededError
    │       │   └── UnsupportedParamsError
    │       ├── AuthenticationError
    │       ├── PermissionDeniedError
    │       ├── NotFoundError
    │       ├── ConflictError
    │       ├── UnprocessableEntityError
    │       ├── RateLimitError
    │       │   └── WaitTooLongError
    │       └── InternalServerError
    │           ├── BadGatewayError
    │           └── ServiceUnavailableError
    ├── ActorDiedError
    ├── AnswerNotAcceptedError
    ├── BudgetExceededError
    ├── CircuitOpenError
    ├── BatchFileError
    │   └── BatchOutputError
    ├── ConfigError (also ValueError)
    ├── EndpointDownError
    ├── InboxFullError
    ├── LocalModelError
    ├── MissingExtraError (also ImportError)
    ├── ModelsFailedError (also ExceptionGroup)
    │   └── AllModelsFailedError
    ├── NotNeededError
    └── SupervisorClosedError

The names below ``APIError`` are OpenAI's (and LiteLLM's for what OpenAI's library has no name for), so that ``except``
clauses port. What a handler needs to know stands in class attributes, so nobody writes ``isinstance`` ladders:
``retryable`` and ``http_status`` (see `AiocomplError`). Every error pickles. No message holds a key or a prompt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from aiocompl._compat import override

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.combinators.report import RaceReport
    from aiocompl.rate_limits import RateLimits
    from aiocompl.types.call import Attempt
    from aiocompl.types.completion import ChatCompletion


class AiocomplError(Exception):
    """The root of the tree: everything that aiocompl raises on purpose.

    Attributes:
        message: What happened and what to do about it, on its own.
        provider: The provider it happened at, or None where it concerns none.
        model: The model name as the caller gave it, or None.
        retryable: Whether the same request may succeed if it is sent again.
        http_status: The status with which a gateway reports it.
        attempts: The attempts of the call before the one that ended in this error.
        partial: What had come of the answer when its stream broke; None where the model had written nothing.
    """

    retryable: bool = False
    http_status: ClassVar[int] = 500
    attempts: tuple[Attempt, ...] = ()
    partial: ChatCompletion | None = None

    def __init__(self, message: str, *, provider: str | None = None, model: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.provider = provider
        self.model = model

    @override
    def __str__(self) -> str:
        where = "/".join(part for part in (self.provider, self.model) if part)
        return f"{where}: {self.message}" if where else self.message

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (type(self), self.args), self.__dict__.copy()

    @property
    def llm_provider(self) -> str | None:
        """LiteLLM's name for `provider`."""
        return self.provider


def _revive(cls: type[AiocomplError], args: tuple[Any, ...]) -> AiocomplError:
    """Make an error without running its constructor; pickle then restores its attributes."""
    error = cls.__new__(cls, *args)
    super(AiocomplError, error).__init__(*args)  # Exception's, or that of the built-in error beside it
    return error


class APIError(AiocomplError):
    """Something went wrong between us and a provider.

    Attributes:
        status_code: The HTTP status of the answer, or the one that fits where there was no answer.
        code: The provider's own word for the error (``"context_length_exceeded"``), or None.
        type: The provider's own class of error (``"invalid_request_error"``), or None.
        param: The parameter at fault (``"messages[3].tool_call_id"``), or None.
        request_id: The provider's identifier of the request, to quote to its support, or None.
        retry_after: Seconds that the provider asks us to wait, or None.
        body: The answer's body: parsed where it is JSON, else the head of its text, else None. The provider's own words,
            which may repeat the prompt; `message` does not.
        headers: The answer's headers, their names in lower case.
        rate_limits: What they say of the provider's rate limits, as one `RateLimits`; None where they say nothing.
    """

    http_status = 502

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        model: str | None = None,
        status_code: int | None = None,
        code: str | None = None,
        type: str | None = None,  # noqa: A002 - OpenAI's name
        param: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, provider=provider, model=model)
        self.status_code = status_code if status_code is not None else self.http_status
        self.code = code
        self.type = type
        self.param = param
        self.request_id = request_id
        self.retry_after = retry_after
        self.body = body
        self.headers = {name.lower(): value for name, value in headers.items()} if headers else {}

    @property
    def rate_limits(self) -> RateLimits | None:
        """The provider's rate limits, read from `headers` at each access; None where they say nothing of any."""
        from aiocompl.rate_limits import read_rate_limits  # noqa: PLC0415 - only for those who ask

        return read_rate_limits(self.headers)


class APIConnectionError(APIError):
    """The provider could not be reached, or the connection broke before the answer was whole."""

    retryable = True


class APITimeoutError(APIConnectionError, TimeoutError):
    """The call's deadline passed, or the provider reported a timeout (408, 504)."""

    http_status = 504


class IncompleteStreamError(APIConnectionError):
    """A stream ended before its dialect's end: what was received is no whole answer; `partial` has it."""


class APIResponseValidationError(APIError):
    """The provider's answer is not what its dialect promises; `body` holds the head of it."""


class ResponseFormatError(APIResponseValidationError):
    """The answer's text is no JSON, or does not fit the class given as `response_format`; the message says where.

    Never raised by a call: it stands in the message's `parsing_error`, beside the text.
    """


class ResponseTooLargeError(APIResponseValidationError):
    """The answer is larger than `max_response_bytes` (or one event than `max_event_bytes`)."""


class APIStatusError(APIError):
    """The provider answered with an error status."""


class BadRequestError(APIStatusError):
    """The request is wrong (400, 413): sending it again gives the same answer; `param` says where."""

    http_status = 400


class ContentPolicyViolationError(BadRequestError):
    """The provider refuses the content of the prompt or of the answer."""


class ContextWindowExceededError(BadRequestError):
    """The prompt is longer than the model's context window."""


class UnsupportedParamsError(BadRequestError):
    """The model's dialect has no such parameter; `drop_params=True` leaves it out instead."""


class AuthenticationError(APIStatusError):
    """The API key is missing or not accepted (401)."""

    http_status = 401


class PermissionDeniedError(APIStatusError):
    """The key is good but may not do this (402, 403)."""

    http_status = 403


class NotFoundError(APIStatusError):
    """No such model, deployment or path (404)."""

    http_status = 404


class ConflictError(APIStatusError):
    """The request conflicts with another (409)."""

    retryable = True
    http_status = 409


class UnprocessableEntityError(APIStatusError):
    """The provider understood the request but cannot process it (422)."""

    http_status = 422


class RateLimitError(APIStatusError):
    """Too many requests or tokens (429); `retryable` is False on an exhausted quota."""

    retryable = True
    http_status = 429


class WaitTooLongError(RateLimitError):
    """Its turn in a line of ours would come in `retry_after` seconds, too late for its deadline: it was never sent."""


class InternalServerError(APIStatusError):
    """The provider failed (5xx)."""

    retryable = True
    http_status = 500


class BadGatewayError(InternalServerError):
    """A gateway before the provider failed (502)."""

    http_status = 502


class ServiceUnavailableError(InternalServerError):
    """The provider is overloaded or down for now (503, 529)."""

    http_status = 503


class ActorDiedError(AiocomplError):
    """The actor crashed while it had this request in flight; it is being restarted."""

    retryable = True
    http_status = 503


class AnswerNotAcceptedError(AiocomplError):
    """A model answered, and `accept` refused the answer; it stands among the causes where all models failed."""

    http_status = 502


class BatchFileError(AiocomplError):
    """A file of a batch cannot be used as it is; the message says what to do."""


class BatchOutputError(BatchFileError):
    """The output of a batch cannot be written any more: the disk is full, say. What was written is whole lines."""


class BudgetExceededError(AiocomplError):
    """The call could have exceeded a budget and was not made; `http_status` is one that no client repeats by itself.

    Attributes:
        budget: The budget's name; None for that of the whole supervisor.
        spent: US dollars spent in this period, and held for calls that are under way.
        max_budget: US dollars that may be spent in a period.
        resets_in: Seconds until the next period begins; None where there is none.
    """

    http_status = 402
    budget: str | None = None
    spent: float = 0.0
    max_budget: float = 0.0
    resets_in: float | None = None


class CircuitOpenError(AiocomplError):
    """The endpoint has failed too often, and its circuit breaker lets nothing pass for now.

    Attributes:
        retry_after: Seconds until it lets a call pass again.
    """

    http_status = 503
    retry_after: float | None = None


class ConfigError(AiocomplError, ValueError):
    """A configuration cannot be used as it is; the message says where (`where` too), why, and what would do."""

    where: str = ""


class EndpointDownError(AiocomplError):
    """The endpoint's actor crashed more often than its restart intensity allows; it is not started again."""

    http_status = 503


class InboxFullError(AiocomplError):
    """The endpoint's inbox holds `inbox_size` waiting requests and `overflow="raise"`."""

    http_status = 503


class LocalModelError(AiocomplError):
    """The local model's server, its weights or its settings are not usable; the message says how to mend it."""


class MissingExtraError(AiocomplError, ImportError):
    """An optional dependency is not installed; the message is the line that installs it."""


class ModelsFailedError(AiocomplError, ExceptionGroup[Exception]):
    """Models that were asked at once failed; `exceptions` holds each cause, in the order of the models.

    ``except*`` takes the causes apart. It is retryable where one of them is.

    Attributes:
        race: What became of each contestant, where it was a race.
    """

    http_status = 502
    message: Any = ""  # else ExceptionGroup's own, which cannot be set

    def __new__(cls, message: str, errors: Sequence[Exception], **_: object) -> Self:  # noqa: D102 - see the class
        return super().__new__(cls, message, errors)

    def __init__(self, message: str, errors: Sequence[Exception], *, race: RaceReport | None = None) -> None:
        super().__init__(message)
        self.args = (message, list(errors))
        self.retryable = any(isinstance(error, AiocomplError) and error.retryable for error in errors)
        self.race = race

    @override
    def derive(self, errors: Sequence[Exception]) -> Self:  # type: ignore[override] # of the class's own kind
        return type(self)(self.message, errors, race=self.race)

    @override
    def __str__(self) -> str:
        return f"{self.message} ({'; '.join(str(error) for error in self.exceptions)})"


class AllModelsFailedError(ModelsFailedError):
    """None of the models gave an answer that was accepted."""


class NotNeededError(AiocomplError):
    """Stands where an answer is missing because enough others had come; the call was cancelled."""


class SupervisorClosedError(AiocomplError):
    """The supervisor is closed or draining and takes no new requests."""

    http_status = 503


Timeout = APITimeoutError
"""LiteLLM's name for `APITimeoutError`."""
