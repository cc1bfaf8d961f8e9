"""Groq's chat completions as its server speaks them: OpenAI's, with ``x_groq``, reasoning, times and refusals of its own.

Azure's newer path looks like its real one, so here it stands under ``/groq``.

Source: https://console.groq.com/docs, the official SDK 1.7 and recorded traffic (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl._compat import override
from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.base import Event
from aiocompl.testing.dialects.openai import OpenAIDialect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.testing.answer import Answer
    from aiocompl.testing.asked import Asked, Problem, Received

_UNSUPPORTED: Final = ("logit_bias", "logprobs", "metadata", "store", "top_logprobs")
_MESSAGE_FIELDS: Final = frozenset(
    {"content", "function_call", "reasoning", "role", "tool_call_id", "tool_calls"}
)
_TIMES: Final = {"queue_time": 0.125, "prompt_time": 0.25, "completion_time": 0.5, "total_time": 0.75}


def make(*, api_key: str | None = None, models: Sequence[str] | None = None) -> GroqDialect:
    """Make the dialect; see `make_dialect`."""
    return GroqDialect(api_key=api_key, models=models)


class GroqDialect(OpenAIDialect):
    """``POST /groq/openai/v1/chat/completions``; see `OpenAIDialect`."""

    base_path = "/groq/openai/v1"

    @override
    def headers(self, number: int) -> Mapping[str, str]:
        """The headers that each answer has; see `Dialect`."""
        return {
            "x-request-id": f"req_{number:026d}",
            "x-ratelimit-limit-requests": "14400",
            "x-ratelimit-limit-tokens": "30000",
            "x-ratelimit-remaining-requests": "14399",
            "x-ratelimit-remaining-tokens": "29987",
            "x-ratelimit-reset-requests": "6s",
            "x-ratelimit-reset-tokens": "26ms",
        }

    @override
    def body(self, asked: Asked, answers: Sequence[Answer]) -> bytes:
        """A blocking answer; see `Dialect`."""
        made = orjson.loads(super().body(asked, answers))
        for choice in made["choices"]:
            _adapt(choice["message"])
            if choice["message"]["content"] is None:
                del choice["message"]["content"]
        own = {"usage_breakdown": None, "x_groq": {"id": _request_id(asked), "seed": asked.number}}
        return orjson.dumps({**made, "usage": _usage(asked, answers), "service_tier": "on_demand", **own})

    @override
    def events(self, asked: Asked, answers: Sequence[Answer]) -> list[Event]:
        """A streamed answer; see `Dialect`."""
        made = list[Event]()
        for frame, token in super().events(asked, answers):
            chunk = None if frame == self.end_event else orjson.loads(frame.removeprefix(b"data: "))
            if chunk is None:
                made.append(Event(frame))
            elif chunk["choices"]:  # the counts stand on the last chunk that has a choice
                made.append(Event(self._frame(chunk), token))
        self._put(made, 0, {"id": _request_id(asked), "seed": asked.number})
        usage = _usage(asked, answers)
        self._put(made, -2, {"id": _request_id(asked), "usage": usage}, usage=usage)
        return made

    @override
    def error_body(self, problem: Problem) -> bytes:
        """The body of an error; see `Dialect`."""
        error: dict[str, Any] = orjson.loads(super().error_body(problem))["error"]
        del error["param"]
        return orjson.dumps({"error": {name: value for name, value in error.items() if value is not None}})

    @override
    def error_event(self, problem: Problem) -> bytes:
        """The frame of an error inside a stream; see `Dialect`."""
        return parts.sse(orjson.loads(self.error_body(problem)), "error")

    @override
    def _read_chat(self, received: Received) -> Asked:
        body = parts.parsed(received.body, "The body is not valid JSON.")
        for name in _UNSUPPORTED:
            if body.get(name) is not None:
                raise parts.refused(f"property '{name}' is unsupported")
        if body.get("n") not in (None, 1):
            raise parts.refused("'n' : number must be at most 1", param="n")
        asked = super()._read_chat(received)
        for at, message in enumerate(body["messages"]):
            for name, value in message.items():
                if name not in _MESSAGE_FIELDS or (value is None and name != "content"):
                    raise parts.refused(f"'messages.{at}' : property '{name}' is unsupported")
        return asked

    def _frame(self, chunk: dict[str, Any]) -> bytes:
        for choice in chunk["choices"]:
            _adapt(choice["delta"])
        chunk.pop("service_tier")
        chunk.pop("usage", None)
        return self.frame(orjson.dumps(chunk))

    def _put(self, made: list[Event], at: int, x_groq: Mapping[str, Any], **more: Any) -> None:
        """Add to a chunk what Groq says of the whole exchange."""
        frame, token = made[at]
        chunk = orjson.loads(frame.removeprefix(b"data: "))
        made[at] = Event(self.frame(orjson.dumps({**chunk, "x_groq": x_groq, **more})), token)


def _adapt(said: dict[str, Any]) -> None:
    """Change a message or a delta into Groq's: no refusals, no annotations, thoughts under another name."""
    refusal = said.pop("refusal", None)
    if refusal:
        said["content"] = refusal + (said.get("content") or "")
    said.pop("annotations", None)
    if "reasoning_content" in said:
        said["reasoning"] = said.pop("reasoning_content")


def _request_id(asked: Asked) -> str:
    return f"req_{asked.number:026d}"


def _usage(asked: Asked, answers: Sequence[Answer]) -> dict[str, Any]:
    counted = parts.counts(asked, answers)
    return {
        "prompt_tokens": counted.prompt,
        "completion_tokens": counted.completion,
        "total_tokens": counted.prompt + counted.completion,
        **_TIMES,
        "prompt_tokens_details": {"cached_tokens": counted.cached},
        "completion_tokens_details": {"reasoning_tokens": counted.reasoning},
    }
