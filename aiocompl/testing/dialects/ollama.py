"""Ollama's own API as its server speaks it.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md and the types of the official Python client 0.6.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.testing.asked import Asked, Problem, ProblemKind, Received, Tool
from aiocompl.testing.delivery import Delivery
from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.base import Event
from aiocompl.testing.dialects.embeddings import ollama as embeddings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aiocompl.testing.answer import Answer

_CREATED: Final = "2026-01-01T00:00:00.000001Z"
_NANOSECONDS: Final = 1_000_000  # of each duration, since none is measured
_DEFAULT_MODELS: Final = ("llama3.2:latest", "qwen3:latest")
_ROLES: Final = ("system", "user", "assistant", "tool")
_WORDING: Final[dict[ProblemKind, str]] = {
    "invalid_request": "invalid request",
    "authentication": "unauthorized",
    "permission": "this model requires a subscription, upgrade for access",
    "not_found": "404 page not found",
    "method_not_allowed": "405 method not allowed",
    "timeout": "timed out waiting for llama runner to start",
    "conflict": "conflict",
    "rate_limit": "you've reached your hourly usage limit, please upgrade to continue",
    "quota": "you've reached your weekly usage limit, please upgrade to continue",
    "context_length": "the input length exceeds the context length",
    "content_policy": "the request was refused",
    "server_error": "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error",
    "overloaded": "server busy, please try again.  maximum pending requests exceeded",
}


def make(*, api_key: str | None = None, models: Sequence[str] | None = None) -> OllamaDialect:
    """Make the dialect; see `make_dialect`."""
    return OllamaDialect(api_key=api_key, models=models)


class OllamaDialect:
    """``POST /api/chat``, ``/api/embed`` and the older ``/api/embeddings``, and ``GET /api/tags``. See `Dialect`.

    Args:
        api_key: The only key that is let in, as ollama.com asks for one; None lets in all, and none.
        models: The only models there are; None takes any name.
    """

    base_path = ""
    stream_type = "application/x-ndjson"
    end_event = b""
    statuses: Mapping[ProblemKind, int] = MappingProxyType({})

    def __init__(self, *, api_key: str | None = None, models: Sequence[str] | None = None) -> None:
        self._api_key = api_key
        self._models = tuple(models) if models is not None else None

    def read(self, received: Received) -> Asked | Delivery:
        """Understand a request; see `Dialect`."""
        if self._api_key is not None and parts.bearer(received.headers) != self._api_key:
            raise parts.refused(status=401, kind="authentication")
        if received.path == "/api/tags":
            parts.need_method("GET", received)
            names = self._models or _DEFAULT_MODELS
            return Delivery.json({"models": [_installed(name) for name in names]})
        if received.path not in ("/api/chat", *embeddings.PATHS):
            raise parts.refused(status=404, kind="not_found")
        parts.need_method("POST", received)
        if received.path in embeddings.PATHS:
            asked = embeddings.read(received)
        else:
            asked = _asked(received, _checked(received))
        if self._models is not None and asked.model not in self._models:
            raise parts.refused(f"model '{asked.model}' not found", status=404, kind="not_found")
        return asked

    def headers(self, number: int) -> Mapping[str, str]:
        """No headers of its own; see `Dialect`."""
        return {}

    def body(self, asked: Asked, answers: Sequence[Answer]) -> bytes:
        """A blocking answer; see `Dialect`. There are no choices here: the first is sent."""
        if asked.inputs:
            return embeddings.body(asked, answers)
        answer = answers[0]
        message: dict[str, Any] = {"role": "assistant", "content": parts.spoken(answer) or ""}
        if answer.reasoning is not None:
            message["thinking"] = answer.reasoning
        if calls := _calls(asked, answer):
            message["tool_calls"] = calls
        made = {**_line(asked, message), **_end(asked, answers)}
        if asked.body.get("logprobs"):
            tokens = answer.cut(parts.spoken(answer))
            made["logprobs"] = [_logprob(asked, answer, at, token) for at, token in enumerate(tokens)]
        return orjson.dumps(made)

    def events(self, asked: Asked, answers: Sequence[Answer]) -> list[Event]:
        """A streamed answer; see `Dialect`."""
        lines = [
            Event(self.frame(orjson.dumps(line)), token=True) for line in _token_lines(asked, answers[0])
        ]
        last = {**_line(asked, {"role": "assistant", "content": ""}), **_end(asked, answers)}
        return [*lines, Event(self.frame(orjson.dumps(last)))]

    def error_body(self, problem: Problem) -> bytes:
        """The body of an error; see `Dialect`."""
        return orjson.dumps({"error": problem.message or _WORDING[problem.kind]})

    def error_headers(self, problem: Problem) -> Mapping[str, str]:
        """No headers more; see `Dialect`."""
        return {}

    def error_event(self, problem: Problem) -> bytes:
        """The line of an error inside a stream; see `Dialect`."""
        return self.frame(self.error_body(problem))

    def frame(self, data: bytes) -> bytes:
        """Any bytes as a line; see `Dialect`."""
        return data + b"\n"

    def is_finish(self, frame: bytes) -> bool:
        """Whether it is the last line; see `Dialect`."""
        return b'"done":true' in frame


def _checked(received: Received) -> dict[str, Any]:
    if not received.body:
        raise parts.refused("missing request body")
    body = parts.parsed(received.body, "invalid character 'x' looking for beginning of value")
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise parts.refused("model is required")
    for message in body.get("messages") or ():
        if message.get("role") not in _ROLES:
            raise parts.refused(f"invalid role: {message.get('role')}")
        if not isinstance(message.get("content", ""), str):
            raise parts.refused(
                "json: cannot unmarshal array into Go struct field ChatRequest.messages.content of type string"
            )
        for call in message.get("tool_calls") or ():
            if not isinstance(call["function"]["arguments"], dict):
                raise parts.refused("Value looks like object, but can't find closing '}' symbol")
    return body


def _asked(received: Received, body: Mapping[str, Any]) -> Asked:
    options = body.get("options") or {}
    stop = options.get("stop") or ()
    limit = options.get("num_predict")
    form = body.get("format")
    users = [
        message.get("content", "") for message in body.get("messages") or () if message["role"] == "user"
    ]
    functions = [tool["function"] for tool in body.get("tools") or ()]
    return Asked(
        number=received.number,
        model=body["model"],
        stream=body.get("stream", True),
        text=users[-1] if users else "",
        prompt_tokens=parts.prompt_tokens(received),
        body=body,
        headers=received.headers,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        max_tokens=limit if limit and limit > 0 else None,
        tools=tuple(Tool(name=each["name"], parameters=each.get("parameters") or {}) for each in functions),
        schema={} if form == "json" else form or None,
    )


def _installed(name: str) -> dict[str, Any]:
    details = {"format": "gguf", "family": "llama", "parameter_size": "3.2B", "quantization_level": "Q4_K_M"}
    row = {
        "name": name,
        "model": name,
        "modified_at": _CREATED,
        "size": 2_019_393_189,
        "digest": "a80c4f17acd5",
    }
    return {**row, "details": details}


def _line(asked: Asked, message: Mapping[str, Any]) -> dict[str, Any]:
    return {"model": asked.model, "created_at": _CREATED, "message": message, "done": False}


def _end(asked: Asked, answers: Sequence[Answer]) -> dict[str, Any]:
    count = parts.counts(asked, answers)
    return {
        "done": True,
        "done_reason": "length" if answers[0].ending == "length" else "stop",
        "total_duration": 3 * _NANOSECONDS,
        "load_duration": _NANOSECONDS,
        "prompt_eval_count": count.prompt,
        "prompt_eval_duration": _NANOSECONDS,
        "eval_count": count.completion,
        "eval_duration": _NANOSECONDS,
    }


def _token_lines(asked: Asked, answer: Answer) -> Iterator[dict[str, Any]]:
    for piece in answer.cut(answer.reasoning):
        yield _line(asked, {"role": "assistant", "content": "", "thinking": piece})
    for at, piece in enumerate(answer.cut(parts.spoken(answer))):
        line = _line(asked, {"role": "assistant", "content": piece})
        if asked.body.get("logprobs"):
            line["logprobs"] = [_logprob(asked, answer, at, piece)]
        yield line
    for call in _calls(asked, answer):
        yield _line(asked, {"role": "assistant", "content": "", "tool_calls": [call]})


def _calls(asked: Asked, answer: Answer) -> list[dict[str, Any]]:
    return [
        {
            "id": parts.call_id(asked, at, call, "call_"),
            "function": {"index": at, "name": call.name, "arguments": parts.arguments(call)},
        }
        for at, call in enumerate(answer.tool_calls)
    ]


def _logprob(asked: Asked, answer: Answer, at: int, token: str) -> dict[str, Any]:
    value = parts.logprob(answer, at)
    made = _entry(token, value)
    top = parts.likeliest(token, value, asked.body.get("top_logprobs") or 0)
    return {**made, "top_logprobs": [_entry(*each) for each in top]} if top else made


def _entry(token: str, value: float) -> dict[str, Any]:
    return {"token": token, "logprob": value, "bytes": list(token.encode())}
