"""Anthropic's Messages as a server speaks them, also where Vertex AI and Foundry host them.

Source: https://docs.anthropic.com/en/api/messages and the types of the official Python SDK 2.12 (2026-11).
"""

from __future__ import annotations

import base64
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.testing.delivery import Delivery
from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.anthropic_batches import AnthropicBatchDesk
from aiocompl.testing.dialects.anthropic_request import as_asked, check
from aiocompl.testing.dialects.base import Event
from aiocompl.testing.dialects.operations import page

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aiocompl.testing.answer import Answer, FinishReason, ToolCall
    from aiocompl.testing.asked import Asked, Problem, ProblemKind, Received
    from aiocompl.testing.dialects.batches import BatchAsked

_DEFAULT_MODELS: Final = ("claude-sonnet-4-5", "claude-haiku-4-5")
_STOP_REASONS: Final[dict[FinishReason, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
_WORDING: Final[dict[ProblemKind, tuple[str, str]]] = {
    "invalid_request": ("invalid_request_error", "The request is not valid."),
    "authentication": ("authentication_error", "invalid x-api-key"),
    "permission": (
        "permission_error",
        "Your API key does not have permission to use the specified resource.",
    ),
    "not_found": ("not_found_error", "Not found"),
    "method_not_allowed": ("invalid_request_error", "Method Not Allowed"),
    "timeout": ("timeout_error", "Request timed out."),
    "conflict": ("conflict_error", "The request conflicts with another."),
    "rate_limit": (
        "rate_limit_error",
        "This request would exceed your organization's rate limit of 50 requests per minute.",
    ),
    "quota": (
        "invalid_request_error",
        (
            "Your credit balance is too low to access the Anthropic API. "
            "Please go to Plans & Billing to upgrade or purchase credits."
        ),
    ),
    "context_length": ("invalid_request_error", "prompt is too long: 209001 tokens > 200000 maximum"),
    "content_policy": ("invalid_request_error", "Output blocked by content filtering policy"),
    "server_error": ("api_error", "Internal server error"),
    "overloaded": ("overloaded_error", "Overloaded"),
}
"""Type and message of each kind of problem."""


def make(*, api_key: str | None = None, models: Sequence[str] | None = None) -> AnthropicDialect:
    """Make the dialect; see `make_dialect`."""
    return AnthropicDialect(api_key=api_key, models=models)


class AnthropicDialect:
    """``POST /v1/messages``, Vertex AI's ``:rawPredict`` and ``:streamRawPredict``, ``GET /v1/models``, batches. See `Dialect`.

    Args:
        api_key: The only key that is let in; None lets in all, and none.
        models: The only models there are; None takes any name.
    """

    base_path = ""
    stream_type = "text/event-stream; charset=utf-8"
    end_event = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    statuses: Mapping[ProblemKind, int] = MappingProxyType({"overloaded": 529, "quota": 400})

    def __init__(self, *, api_key: str | None = None, models: Sequence[str] | None = None) -> None:
        self._api_key = api_key
        self._models = tuple(models) if models is not None else None
        self._batches = AnthropicBatchDesk(self._read_message)

    def read(self, received: Received) -> Asked | BatchAsked | Delivery:
        """Understand a request; see `Dialect`."""
        self._authorise(received.headers)
        hosted = "/publishers/anthropic/" in received.path
        if not hosted and not received.headers.get("anthropic-version"):
            raise parts.refused("anthropic-version: header is required")
        if received.path.startswith("/v1/models"):
            parts.need_method("GET", received)
            return self._list_models(received)
        if (begun := self._batches.answer(received)) is not None:
            return begun
        if not hosted and not received.path.endswith("/v1/messages"):
            raise parts.refused(status=404, kind="not_found")
        parts.need_method("POST", received)
        return self._read_message(received, hosted=hosted)

    def _read_message(self, received: Received, *, hosted: bool = False) -> Asked:
        body = check(received, hosted=hosted)
        if self._models is not None and body["model"] not in self._models:
            raise parts.refused(f"model: {body['model']}", status=404, kind="not_found")
        return as_asked(received, body)

    def headers(self, number: int) -> Mapping[str, str]:
        """The headers that each answer has; see `Dialect`."""
        return {
            "request-id": f"req_{number:08d}",
            "anthropic-organization-id": parts.uuid(0),
            "anthropic-ratelimit-requests-limit": "4000",
            "anthropic-ratelimit-requests-remaining": "3999",
            "anthropic-ratelimit-requests-reset": "2026-01-01T00:00:00Z",
        }

    def body(self, asked: Asked, answers: Sequence[Answer]) -> bytes:
        """A blocking answer; see `Dialect`. There are no choices here: the first is sent."""
        answer = answers[0]
        head = _head(asked, answers, parts.counts(asked, answers).completion)
        return orjson.dumps({**head, "content": _blocks(asked, answer), **_stop(answer)})

    def events(self, asked: Asked, answers: Sequence[Answer]) -> list[Event]:
        """A streamed answer; see `Dialect`."""
        made = [Event(parts.sse(value, value["type"]), token) for value, token in _stream(asked, answers)]
        return [*made, Event(self.end_event)]

    def error_body(self, problem: Problem) -> bytes:
        """The body of an error; see `Dialect`."""
        kind, message = _WORDING[problem.kind]
        error = {"type": problem.code or kind, "message": problem.message or message}
        return orjson.dumps({"type": "error", "error": error, "request_id": "req_simulated"})

    def error_headers(self, problem: Problem) -> Mapping[str, str]:
        """No headers more; see `Dialect`."""
        return {}

    def error_event(self, problem: Problem) -> bytes:
        """The frame of an error inside a stream; see `Dialect`."""
        return b"event: error\ndata: " + self.error_body(problem) + b"\n\n"

    def frame(self, data: bytes) -> bytes:
        """Any bytes as an event; see `Dialect`."""
        return b"event: content_block_delta\ndata: " + data + b"\n\n"

    def is_finish(self, frame: bytes) -> bool:
        """Whether a frame holds a stop reason; see `Dialect`."""
        return frame.startswith(b"event: message_delta\n")

    def _authorise(self, headers: Mapping[str, str]) -> None:
        if self._api_key is None:
            return
        keys = (headers.get("x-api-key"), headers.get("api-key"), parts.bearer(headers))
        if not any(keys):
            raise parts.refused("x-api-key header is required", status=401, kind="authentication")
        if self._api_key not in keys:
            raise parts.refused(status=401, kind="authentication")

    def _list_models(self, received: Received) -> Delivery:
        names, following = page(received, self._models or _DEFAULT_MODELS, size="limit", start="after_id")
        rows = [
            {
                "type": "model",
                "id": name,
                "display_name": name,
                "created_at": "2026-01-01T00:00:00Z",
                "max_input_tokens": 200_000,
                "max_tokens": 64_000,
            }
            for name in names
        ]
        ends = {"first_id": names[0], "last_id": names[-1]} if names else {"first_id": None, "last_id": None}
        return Delivery.json({"data": rows, "has_more": following is not None, **ends})


def _head(asked: Asked, answers: Sequence[Answer], output_tokens: int) -> dict[str, Any]:
    count = parts.counts(asked, answers)
    usage: dict[str, Any] = {
        "input_tokens": count.prompt - count.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": count.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output_tokens,
        "service_tier": "standard",
    }
    if count.reasoning and output_tokens == count.completion:
        usage["output_tokens_details"] = {"thinking_tokens": count.reasoning}
    return {
        "model": asked.model,
        "id": f"msg_sim{asked.number:08d}",
        "type": "message",
        "role": "assistant",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "usage": usage,
    }


def _stop(answer: Answer) -> dict[str, Any]:
    refusal = answer.refusal is not None and answer.finish_reason is None
    return {"stop_reason": "refusal" if refusal else _STOP_REASONS[answer.ending]}


def _signature(asked: Asked) -> str:
    return base64.b64encode(f"signature of {asked.number}".encode()).decode()


def _tool_use(asked: Asked, at: int, call: ToolCall, given: Any) -> dict[str, Any]:
    return {
        "type": "tool_use",
        "id": parts.call_id(asked, at, call, "toolu_"),
        "name": call.name,
        "input": given,
    }


def _blocks(asked: Asked, answer: Answer) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if answer.reasoning is not None:
        blocks.append({"type": "thinking", "thinking": answer.reasoning, "signature": _signature(asked)})
    if text := parts.spoken(answer):
        blocks.append({"type": "text", "text": text})
    blocks += [_tool_use(asked, at, call, parts.arguments(call)) for at, call in enumerate(answer.tool_calls)]
    return blocks


def _stream(asked: Asked, answers: Sequence[Answer]) -> Iterator[tuple[dict[str, Any], bool]]:
    """The events but for the last, and whether each holds a token."""
    answer = answers[0]
    count = parts.counts(asked, answers)
    yield {"type": "message_start", "message": _head(asked, answers, 1)}, False
    for index, (block, deltas) in enumerate(_pieces(asked, answer)):
        yield {"type": "content_block_start", "index": index, "content_block": block}, False
        if not index:
            yield {"type": "ping"}, False
        for delta in deltas:
            value = {"type": "content_block_delta", "index": index, "delta": delta}
            yield value, delta["type"] != "signature_delta"
        yield {"type": "content_block_stop", "index": index}, False
    usage: dict[str, Any] = {
        "input_tokens": count.prompt - count.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": count.cached,
        "output_tokens": count.completion,
    }
    if count.reasoning:
        usage["output_tokens_details"] = {"thinking_tokens": count.reasoning}
    stop = {**_stop(answer), "stop_sequence": None, "stop_details": None}
    yield {"type": "message_delta", "delta": stop, "usage": usage}, False


def _pieces(asked: Asked, answer: Answer) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each block as it starts, and its deltas."""
    if answer.reasoning is not None:
        deltas = [{"type": "thinking_delta", "thinking": each} for each in answer.cut(answer.reasoning)]
        signed = {"type": "signature_delta", "signature": _signature(asked)}
        yield {"type": "thinking", "thinking": "", "signature": ""}, [*deltas, signed]
    if text := parts.spoken(answer):
        pieces = answer.cut(text)
        yield {"type": "text", "text": ""}, [{"type": "text_delta", "text": each} for each in pieces]
    for at, call in enumerate(answer.tool_calls):
        pieces = answer.cut(call.arguments)
        deltas = [{"type": "input_json_delta", "partial_json": each} for each in pieces]
        yield _tool_use(asked, at, call, {}), deltas
