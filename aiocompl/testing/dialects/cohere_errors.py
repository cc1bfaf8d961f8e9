"""How Cohere words errors and lets callers in, in both versions of its chat."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import orjson

from aiocompl.testing.dialects import parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.testing.asked import Problem, ProblemKind

STATUSES: Final[Mapping[ProblemKind, int]] = MappingProxyType({"quota": 429, "content_policy": 498})
"""The statuses that are Cohere's own."""

WORDING: Final[dict[ProblemKind, str]] = {
    "invalid_request": "invalid request: the request is not valid",
    "authentication": "invalid api token",
    "permission": "the caller does not have permission to use this resource",
    "not_found": "not found",
    "method_not_allowed": "method not allowed",
    "timeout": "request timed out",
    "conflict": "the request conflicts with another",
    "rate_limit": "Please wait and try again later",
    "quota": "You are using a Trial key, which is limited to 1000 API calls / month. "
    "You can continue to use the Trial key for free or upgrade to a Production key.",
    "context_length": "too many tokens: size limit exceeded by 1001 tokens. "
    "Try using shorter or fewer inputs. The limit for this model is 128000 tokens.",
    "content_policy": "invalid token: the request was blocked",
    "server_error": "internal server error",
    "overloaded": "service temporarily unavailable",
}
"""What is said to people about each kind of problem."""


def authorise(headers: Mapping[str, str], api_key: str | None) -> None:
    """Raise a ProblemError unless the request has the key, where there is one."""
    if api_key is None:
        return
    if not headers.get("authorization"):
        raise parts.refused("no api key supplied", status=401, kind="authentication")
    if parts.bearer(headers) != api_key:
        raise parts.refused(status=401, kind="authentication")


def check_model(body: Mapping[str, object], models: Sequence[str] | None) -> None:
    """Raise a ProblemError unless the model is one of those there are."""
    model = body.get("model")
    if models is not None and model not in models:
        text = f"model '{model}' not found, make sure the correct model ID was used and that you have access to the model."
        raise parts.refused(text, status=404, kind="not_found")


def check_numbers(body: Mapping[str, object]) -> None:
    """Raise a ProblemError where a parameter that both versions have is out of its range."""
    ranges = {"p": (0.01, 0.99), "k": (0, 500), "frequency_penalty": (0, 1), "presence_penalty": (0, 1)}
    for name, (low, high) in ranges.items():
        if not parts.within(body.get(name), low, high):
            raise parts.refused(f"invalid request: {name} must be between {low} and {high} inclusive.")
    if not parts.within(body.get("temperature"), 0, float("inf")):
        raise parts.refused("invalid request: temperature must be at least 0.")
    stops = body.get("stop_sequences")
    if stops is not None and (not isinstance(stops, list) or len(stops) > 5):  # noqa: PLR2004 - Cohere's limit
        raise parts.refused("invalid request: stop_sequences must be a list of at most 5 strings.")


def body_of(problem: Problem, number: int = 0) -> bytes:
    """The body of an error."""
    return orjson.dumps({"id": parts.uuid(number, 9), "message": problem.message or WORDING[problem.kind]})
