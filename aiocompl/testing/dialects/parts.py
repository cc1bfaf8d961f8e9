"""What the native dialects do alike: reading JSON, refusing, counting, framing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qsl

import orjson

from aiocompl.testing.asked import Problem, ProblemError, ProblemKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aiocompl.testing.answer import Answer, ToolCall
    from aiocompl.testing.asked import Asked, Received, Tool

UNPROCESSABLE: Final = 422
_BYTES_PER_TOKEN: Final = 4  # of a request, so that prompts are counted believably


class Counts(NamedTuple):
    """The tokens of an exchange; the last two are included in the first two."""

    prompt: int
    completion: int
    cached: int
    reasoning: int


def counts(asked: Asked, answers: Sequence[Answer]) -> Counts:
    """Count what was asked and answered, or take what the script says."""
    if (usage := answers[0].usage) is not None:
        return Counts(
            usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens, usage.reasoning_tokens
        )
    completion = sum(answer.completion_tokens() for answer in answers)
    reasoning = sum(len(answer.cut(answer.reasoning)) for answer in answers)
    return Counts(asked.prompt_tokens, completion, 0, reasoning)


def prompt_tokens(received: Received) -> int:
    """Estimate the tokens of a request."""
    return max(1, len(received.body) // _BYTES_PER_TOKEN)


def refused(
    message: str | None = None,
    *,
    param: str | None = None,
    status: int = 400,
    kind: ProblemKind = "invalid_request",
) -> ProblemError:
    """An exception that refuses a request, to be raised."""
    return ProblemError(Problem(status=status, kind=kind, message=message, param=param))


def parsed(raw: bytes, message: str) -> dict[str, Any]:
    """Parse a body that must be a JSON object.

    Raises:
        ProblemError: It is none; `message` says so.
    """
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise refused(message)
    return body


def need_method(method: str, received: Received) -> None:
    """Raise a ProblemError (405) unless the request has this method."""
    if received.method != method:
        raise refused(f"Method {received.method} not allowed.", status=405, kind="method_not_allowed")


def query(received: Received) -> dict[str, str]:
    """The parameters in a request's URL."""
    return dict(parse_qsl(received.query))


def need_list(body: Mapping[str, Any], name: str, message: str) -> list[Any]:
    """The list that stands in `body`, not empty.

    Raises:
        ProblemError: It does not; `message` says so.
    """
    value = body.get(name)
    if not isinstance(value, list) or not value:
        raise refused(message, param=name)
    return value


def bearer(headers: Mapping[str, str]) -> str:
    """The key of an Authorization header, or an empty string."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key if scheme.lower() == "bearer" else ""


def within(value: Any, low: float, high: float) -> bool:
    """Whether a parameter is left out or a number between two bounds."""
    if value is None:
        return True
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def texts(parts: Any) -> str:
    """The text of a content: a string, or parts of which some have a ``text``."""
    if isinstance(parts, str):
        return parts
    return "".join(part["text"] for part in parts or () if isinstance(part.get("text"), str))


def named(tools: Iterable[Tool], name: str | None) -> Tool | None:
    """The tool of this name, or None."""
    return next((tool for tool in tools if tool.name == name), None)


def spoken(answer: Answer) -> str | None:
    """The text, or the refusal where a dialect has no other place for it."""
    return answer.text if answer.refusal is None else answer.refusal + (answer.text or "")


def logprob(answer: Answer, at: int) -> float:
    """The log probability of the token in this place: the script's, or one made up, the same in every run."""
    scripted = answer.logprobs or ()
    return scripted[at] if at < len(scripted) else -0.01 * (at % 10 + 1)


def likeliest(token: str, value: float, count: int) -> list[tuple[str, float]]:
    """The likeliest tokens in the place of one, with their log probabilities; the token itself is the first."""
    others = [(f"{token}{rank}", value - rank) for rank in range(1, count)]
    return [(token, value), *others] if count else []


def arguments(call: ToolCall) -> Any:
    """The arguments as a value, for dialects that send them so; text that is no JSON goes out as a string."""
    try:
        return orjson.loads(call.arguments)
    except orjson.JSONDecodeError:
        return call.arguments


def call_id(asked: Asked, at: int, call: ToolCall, prefix: str) -> str:
    """The id that the script gives a call, or one made from the request's number."""
    return call.id or f"{prefix}{asked.number:08d}_{at}"


def uuid(number: int, kind: int = 0) -> str:
    """A number in the form of a UUID, the same in every run."""
    return f"{kind:08x}-0000-4000-8000-{number:012d}"


def sse(value: Mapping[str, Any], name: str | None = None) -> bytes:
    """A server-sent event."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + orjson.dumps(value) + b"\n\n"
