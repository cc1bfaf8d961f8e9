"""Mistral's chat completions as its server speaks them: OpenAI's envelope, with thoughts in the content and rules of its own.

Its real path is OpenAI's too, so here it stands under ``/mistral``.

Source: https://docs.mistral.ai/api, the official SDK 3.7 and recorded traffic (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl._compat import override
from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.base import Event
from aiocompl.testing.dialects.mistral_checks import check_mistral
from aiocompl.testing.dialects.openai import OpenAIDialect
from aiocompl.testing.dialects.openai_request import as_asked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aiocompl.testing.answer import Answer
    from aiocompl.testing.asked import Asked, Problem, ProblemKind, Received

_CREATED: Final = 1_767_225_600  # the first second of 2026: answers are the same in every run
_FINISHES: Final = {"content_filter": "error", "function_call": "tool_calls"}
"""Reasons that go under another name."""

_WORDING: Final[dict[ProblemKind, tuple[str, str | None, str]]] = {
    "permission": ("forbidden", None, "You are not allowed to do this."),
    "not_found": ("invalid_model", "1500", "Invalid model."),
    "rate_limit": ("rate_limited", "1300", "Requests rate limit exceeded"),
    "quota": ("payment_required", None, "Your subscription is not active, please check your payments."),
    "context_length": (
        "invalid_request_prompt",
        "3051",
        "Prompt contains 9001 tokens and 0 draft tokens, too large for model with 8192 maximum context length",
    ),
    "content_policy": ("content_policy", None, "The request was blocked by the moderation guardrail."),
    "server_error": ("internal_server_error", "1000", "Service unavailable."),
    "overloaded": ("service_unavailable", "1000", "Service unavailable."),
}
"""Type, code and message of each kind of problem; OpenAI's words for the rest."""


def make(*, api_key: str | None = None, models: Sequence[str] | None = None) -> MistralDialect:
    """Make the dialect; see `make_dialect`."""
    return MistralDialect(api_key=api_key, models=models)


class MistralDialect(OpenAIDialect):
    """``POST /mistral/v1/chat/completions``; see `OpenAIDialect`."""

    base_path = "/mistral/v1"
    statuses: Mapping[ProblemKind, int] = {"quota": 402, "content_policy": 403}

    @override
    def headers(self, number: int) -> Mapping[str, str]:
        """The headers that each answer has; see `Dialect`."""
        return {
            "mistral-correlation-id": parts.uuid(number),
            "x-kong-request-id": parts.uuid(number),
            "x-ratelimit-limit-req-minute": "300",
            "x-ratelimit-remaining-req-minute": "299",
        }

    @override
    def body(self, asked: Asked, answers: Sequence[Answer]) -> bytes:
        """A blocking answer; see `Dialect`."""
        choices = [
            {
                "index": index,
                "finish_reason": _finish(answer),
                "message": _message(asked, index, answer),
                **_logprobs(asked, answer, answer.cut(parts.spoken(answer)), 0),
            }
            for index, answer in enumerate(answers)
        ]
        head = {**_head(asked, "chat.completion"), "usage": _usage(asked, answers)}
        return orjson.dumps({**head, "choices": choices})

    @override
    def events(self, asked: Asked, answers: Sequence[Answer]) -> list[Event]:
        """A streamed answer; see `Dialect`."""
        head, made = _head(asked, "chat.completion.chunk"), list[Event]()

        def add(index: int, delta: Mapping[str, Any], *, token: bool = False, **more: Any) -> None:
            choice = {"index": index, "delta": delta, "finish_reason": None} | more.pop("choice", {})
            made.append(Event(parts.sse({**head, "choices": [choice], **more}), token))

        for index in range(len(answers)):
            add(index, {"role": "assistant", "content": ""})
        for index, answer in enumerate(answers):
            for content, beside in _pieces(asked, answer):
                add(index, {"content": content}, token=True, choice=beside)
            last: dict[str, Any] = {"content": ""}
            if answer.tool_calls:
                last = {"content": None, "tool_calls": _calls(asked, index, answer)}
            final = {"usage": _usage(asked, answers)} if index == len(answers) - 1 else {}
            ending = {"finish_reason": _finish(answer)}
            add(index, last, token=bool(answer.tool_calls), choice=ending, **final)
        return [*made, Event(self.end_event)]

    @override
    def error_body(self, problem: Problem) -> bytes:
        """The body of an error, of which there are three shapes; see `Dialect`."""
        if problem.kind == "authentication":
            return orjson.dumps({"detail": problem.message or "Invalid API Key"})
        error: dict[str, Any] = orjson.loads(super().error_body(problem))["error"]
        if problem.status == parts.UNPROCESSABLE:
            where = ["body", *(problem.param.split(".") if problem.param else ())]
            detail = {"type": problem.code or "value_error", "loc": where, "msg": error["message"]}
            return orjson.dumps({"detail": [{**detail, "input": None}]})
        kind, code, message = _WORDING.get(problem.kind, (error["type"], error["code"], error["message"]))
        error = {"message": problem.message or message, "type": kind, "param": problem.param}
        return orjson.dumps({"object": "error", **error, "code": problem.code or code})

    @override
    def _read_chat(self, received: Received) -> Asked:
        body = check_mistral(received.body)
        if self._models is not None and body["model"] not in self._models:
            raise parts.refused(f"Invalid model: {body['model']}", kind="not_found")
        if body.get("tool_choice") == "any":
            body["tool_choice"] = "required"
        return as_asked(received, body)


def _head(asked: Asked, kind: str) -> dict[str, Any]:
    return {
        "id": f"{asked.number:032x}",
        "object": kind,
        "created": _CREATED + asked.number,
        "model": asked.model,
    }


def _finish(answer: Answer) -> str:
    return _FINISHES.get(answer.ending, answer.ending)


def _usage(asked: Asked, answers: Sequence[Answer]) -> dict[str, Any]:
    counted = parts.counts(asked, answers)
    return {
        "prompt_tokens": counted.prompt,
        "total_tokens": counted.prompt + counted.completion,
        "completion_tokens": counted.completion,
        "prompt_tokens_details": {"cached_tokens": counted.cached},
    }


def _thinking(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}], **more}


def _message(asked: Asked, choice: int, answer: Answer) -> dict[str, Any]:
    text = parts.spoken(answer) or ""
    content: Any = text
    if answer.reasoning is not None:
        content = [
            _thinking(answer.reasoning, closed=True),
            *([{"type": "text", "text": text}] if text else []),
        ]
    calls = _calls(asked, choice, answer) or None
    return {"role": "assistant", "tool_calls": calls, "content": content}


def _pieces(asked: Asked, answer: Answer) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The contents of the chunks, thoughts in blocks, text plainly; and what stands beside them in the choice."""
    for piece in answer.cut(answer.reasoning):
        yield [_thinking(piece)], {}
    for at, piece in enumerate(answer.cut(parts.spoken(answer))):
        yield piece, _logprobs(asked, answer, [piece], at)


def _logprobs(asked: Asked, answer: Answer, tokens: Sequence[str], first: int) -> dict[str, Any]:
    """The log probabilities of some tokens, the first of which is the answer's `first`, where they are asked for."""
    if not asked.body.get("logprobs"):
        return {}
    content = []
    for at, token in enumerate(tokens, first):
        value = parts.logprob(answer, at)
        top = parts.likeliest(token, value, asked.body.get("top_logprobs") or 0)
        content.append({**_entry(token, value), "top_logprobs": [_entry(*each) for each in top]})
    return {"logprobs": {"content": content}}


def _entry(token: str, value: float) -> dict[str, Any]:
    return {"token": token, "logprob": value, "bytes": list(token.encode()), "token_id": len(token)}


def _calls(asked: Asked, choice: int, answer: Answer) -> list[dict[str, Any]]:
    return [
        {
            "id": call.id or f"{asked.number:06d}{choice}{at:02d}"[-9:],
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
            "index": at,
        }
        for at, call in enumerate(answer.tool_calls)
    ]
