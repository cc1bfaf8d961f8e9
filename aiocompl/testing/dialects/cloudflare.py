"""Cloudflare Workers AI's native ``/ai/run/{model}`` as its server speaks it.

Source: https://developers.cloudflare.com/workers-ai/models and .../features/function-calling (2026-11).
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.testing.asked import Asked, Problem, ProblemKind, Received, Tool
from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.base import Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aiocompl.testing.answer import Answer
    from aiocompl.testing.delivery import Delivery

_PATH: Final = re.compile(r".*/run/(@.+)")
_MAX_TOKENS: Final = 256  # where the request sets no bound
_FIELDS: Final = frozenset(
    {
        "frequency_penalty",
        "lora",
        "max_tokens",
        "messages",
        "presence_penalty",
        "prompt",
        "repetition_penalty",
        "response_format",
        "seed",
        "stream",
        "temperature",
        "tools",
        "top_k",
        "top_p",
    }
)
_WORDING: Final[dict[ProblemKind, tuple[int, str]]] = {
    "invalid_request": (5006, "AiError: Bad input: the request is not valid"),
    "authentication": (10000, "Authentication error"),
    "permission": (10000, "Authentication error"),
    "not_found": (5007, "No such model or task"),
    "method_not_allowed": (10405, "Method not allowed for this authentication scheme"),
    "timeout": (3007, "AiError: Request timeout"),
    "conflict": (5006, "AiError: conflict"),
    "rate_limit": (3040, "AiError: Capacity temporarily exceeded, please try again."),
    "quota": (3036, "you have used up your daily free allocation of 10,000 neurons"),
    "context_length": (
        5021,
        (
            "AiError: The estimated number of input and maximum output tokens (9000) exceeded this model context "
            "window limit (8192)."
        ),
    ),
    "content_policy": (5006, "AiError: the request was flagged: content policy"),
    "server_error": (3043, "AiError: Internal server error"),
    "overloaded": (3040, "AiError: No more data centers to forward the request to"),
}
"""Code and message of each kind of problem."""


def make(*, api_key: str | None = None, models: Sequence[str] | None = None) -> CloudflareDialect:
    """Make the dialect; see `make_dialect`."""
    return CloudflareDialect(api_key=api_key, models=models)


class CloudflareDialect:
    """``POST .../ai/run/@cf/{maker}/{model}``. See `Dialect`.

    Args:
        api_key: The only key that is let in; None lets in all, and none.
        models: The only models there are; None takes any name.
    """

    base_path = "/client/v4/accounts/simulated/ai"
    stream_type = "text/event-stream"
    end_event = b"data: [DONE]\n\n"
    statuses: Mapping[ProblemKind, int] = MappingProxyType({"overloaded": 429, "timeout": 408})

    def __init__(self, *, api_key: str | None = None, models: Sequence[str] | None = None) -> None:
        self._api_key = api_key
        self._models = tuple(models) if models is not None else None

    def read(self, received: Received) -> Asked | Delivery:
        """Understand a request; see `Dialect`."""
        if self._api_key is not None and parts.bearer(received.headers) != self._api_key:
            raise parts.refused(status=401, kind="authentication")
        found = _PATH.fullmatch(received.path)
        if found is None or (self._models is not None and found[1] not in self._models):
            raise parts.refused(status=404, kind="not_found")
        parts.need_method("POST", received)
        body = parts.parsed(received.body, "AiError: Bad input: the body is no JSON")
        _check(body)
        return _asked(received, body, found[1])

    def headers(self, number: int) -> Mapping[str, str]:
        """The headers that each answer has; see `Dialect`."""
        return {"cf-ray": f"{number:016x}-AMS"}

    def body(self, asked: Asked, answers: Sequence[Answer]) -> bytes:
        """A blocking answer; see `Dialect`. There are no choices here: the first is sent."""
        answer = answers[0]
        text: Any = parts.spoken(answer)
        if asked.schema is not None and text:
            text = orjson.loads(text)  # JSON that was asked for comes parsed
        result: dict[str, Any] = {"response": text}
        if calls := _calls(answer):
            result["tool_calls"] = calls
        result["usage"] = _usage(asked, answers)
        return orjson.dumps({"result": result, "success": True, "errors": [], "messages": []})

    def events(self, asked: Asked, answers: Sequence[Answer]) -> list[Event]:
        """A streamed answer; see `Dialect`."""
        made = [Event(parts.sse(value), token) for value, token in _stream(asked, answers)]
        return [*made, Event(self.end_event)]

    def error_body(self, problem: Problem) -> bytes:
        """The body of an error; see `Dialect`."""
        code, message = _WORDING[problem.kind]
        error = {"code": code, "message": problem.message or message}
        return orjson.dumps({"success": False, "errors": [error], "messages": [], "result": None})

    def error_headers(self, problem: Problem) -> Mapping[str, str]:
        """No headers more; see `Dialect`."""
        return {}

    def error_event(self, problem: Problem) -> bytes:
        """The frame of an error inside a stream; see `Dialect`."""
        return self.frame(self.error_body(problem))

    def frame(self, data: bytes) -> bytes:
        """Any bytes as an event; see `Dialect`."""
        return b"data: " + data + b"\n\n"

    def is_finish(self, frame: bytes) -> bool:
        """There are no finish reasons here: the end says it; see `Dialect`."""
        return frame == self.end_event


def _check(body: Mapping[str, Any]) -> None:
    if "messages" not in body and "prompt" not in body:
        raise parts.refused("AiError: Bad input: must have required property 'messages'")
    for name in body.keys() - _FIELDS:
        raise parts.refused(f"AiError: Bad input: unknown property '{name}'")
    for at, message in enumerate(body.get("messages") or ()):
        if message.get("role") not in ("system", "user", "assistant", "tool"):
            raise parts.refused(f"AiError: Bad input: /messages/{at}/role: not one of the allowed values")
        if not isinstance(message.get("content"), str | list):
            raise parts.refused(f"AiError: Bad input: /messages/{at}: required properties are 'content'")
    if not parts.within(body.get("temperature"), 0, 5):
        raise parts.refused("AiError: Bad input: /temperature: must be between 0 and 5")


def _asked(received: Received, body: Mapping[str, Any], model: str) -> Asked:
    users = [message["content"] for message in body.get("messages") or () if message["role"] == "user"]
    functions = [tool.get("function") or tool for tool in body.get("tools") or ()]
    form = body.get("response_format")
    schema = None if form is None else form.get("json_schema") or {}
    return Asked(
        number=received.number,
        model=model,
        stream=bool(body.get("stream")),
        text=parts.texts(users[-1]) if users else body.get("prompt", ""),
        prompt_tokens=parts.prompt_tokens(received),
        body=body,
        headers=received.headers,
        max_tokens=body.get("max_tokens", _MAX_TOKENS),
        tools=tuple(Tool(name=each["name"], parameters=each.get("parameters") or {}) for each in functions),
        schema=schema,
    )


def _calls(answer: Answer) -> list[dict[str, Any]]:
    return [{"name": call.name, "arguments": parts.arguments(call)} for call in answer.tool_calls]


def _usage(asked: Asked, answers: Sequence[Answer]) -> dict[str, int]:
    count = parts.counts(asked, answers)
    total = count.prompt + count.completion
    return {"prompt_tokens": count.prompt, "completion_tokens": count.completion, "total_tokens": total}


def _stream(asked: Asked, answers: Sequence[Answer]) -> Iterator[tuple[dict[str, Any], bool]]:
    """The events but for the last, and whether each holds a token."""
    for piece in answers[0].cut(parts.spoken(answers[0])):
        yield {"response": piece, "p": "abdefghijklmnop"}, True
    if calls := _calls(answers[0]):
        yield {"response": "", "tool_calls": calls, "p": "abd"}, True
    yield {"response": "", "usage": _usage(asked, answers)}, False
