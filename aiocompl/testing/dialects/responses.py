"""OpenAI's Responses API as a server speaks it.

Source: https://platform.openai.com/docs/api-reference/responses and the types of the official Python SDK 3.54 (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl._compat import override
from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.base import Event
from aiocompl.testing.dialects.openai import OpenAIDialect
from aiocompl.testing.dialects.responses_request import as_asked, check, no_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aiocompl.testing.answer import Answer
    from aiocompl.testing.asked import Asked, Problem, Received
    from aiocompl.testing.delivery import Delivery
    from aiocompl.testing.dialects.batches import BatchAsked

_CREATED: Final = 1_767_225_600  # the first second of 2026: answers are the same in every run
_ECHOED: Final[Mapping[str, Any]] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
"""What an answer repeats of its request, with what stands there otherwise."""

_INCOMPLETE: Final = {"length": "max_output_tokens", "content_filter": "content_filter"}
_ENCRYPTED: Final = "reasoning.encrypted_content"
_LOGPROBS: Final = "message.output_text.logprobs"

_Piece = tuple[dict[str, Any], bool]
"""An event but for its number, and whether it holds a token."""


def make(*, api_key: str | None = None, models: Sequence[str] | None = None) -> ResponsesDialect:
    """Make the dialect; see `make_dialect`."""
    return ResponsesDialect(api_key=api_key, models=models)


class ResponsesDialect(OpenAIDialect):
    """``POST /v1/responses``, and under Azure's paths, where the key may stand in ``api-key``. See `OpenAIDialect`."""

    end_event = b""

    @override
    def read(self, received: Received) -> Asked | BatchAsked | Delivery:
        """Understand a request; see `Dialect`."""
        key = received.headers.get("api-key")
        self._authorise(f"Bearer {key}" if key else received.headers.get("authorization", ""))
        if not received.path.endswith("/responses"):
            return super().read(received)
        parts.need_method("POST", received)
        body = check(received.body)
        if self._models is not None and body["model"] not in self._models:
            raise no_model(body["model"])
        return as_asked(received, body)

    @override
    def body(self, asked: Asked, answers: Sequence[Answer]) -> bytes:
        """A blocking answer; see `Dialect`. There are no choices here: the first is sent."""
        return orjson.dumps(_response(asked, answers))

    @override
    def events(self, asked: Asked, answers: Sequence[Answer]) -> list[Event]:
        """A streamed answer, its events numbered; see `Dialect`."""
        return [
            Event(parts.sse({**value, "sequence_number": number}, value["type"]), token)
            for number, (value, token) in enumerate(_stream(asked, answers))
        ]

    @override
    def error_event(self, problem: Problem) -> bytes:
        """The frame of an error inside a stream; see `Dialect`."""
        error = orjson.loads(self.error_body(problem))["error"]
        fields = {
            "code": error["code"] or error["type"],
            "message": error["message"],
            "param": error["param"],
        }
        return parts.sse({"type": "error", **fields, "sequence_number": 0}, "error")

    @override
    def frame(self, data: bytes) -> bytes:
        """Any bytes as an event; see `Dialect`."""
        return b"event: response.output_text.delta\ndata: " + data + b"\n\n"

    @override
    def is_finish(self, frame: bytes) -> bool:
        """Whether a frame ends the response; see `Dialect`."""
        return frame.startswith((b"event: response.completed\n", b"event: response.incomplete\n"))


def _response(asked: Asked, answers: Sequence[Answer]) -> dict[str, Any]:
    answer = answers[0]
    reason = _INCOMPLETE.get(answer.ending)
    count = parts.counts(asked, answers)
    return {
        **_open_response(asked),
        "status": "incomplete" if reason else "completed",
        "incomplete_details": {"reason": reason} if reason else None,
        "output": _items(asked, answer),
        "usage": {
            "input_tokens": count.prompt,
            "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": count.cached},
            "output_tokens": count.completion,
            "output_tokens_details": {"reasoning_tokens": count.reasoning},
            "total_tokens": count.prompt + count.completion,
        },
    }


def _open_response(asked: Asked) -> dict[str, Any]:
    """The response before anything is said."""
    repeated = {
        name: default if asked.body.get(name) is None else asked.body[name]
        for name, default in _ECHOED.items()
    }
    for name in ("reasoning", "text"):
        repeated[name] = {**_ECHOED[name], **repeated[name]}
    return {
        "id": f"resp_sim{asked.number:08d}",
        "object": "response",
        "created_at": _CREATED + asked.number,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "model": asked.model,
        "output": [],
        "service_tier": "default",
        "usage": None,
        **repeated,
    }


def _items(asked: Asked, answer: Answer) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if answer.reasoning is not None:
        items.append(_reasoning(asked, answer.reasoning))
    if answer.text is not None or answer.refusal is not None:
        items.append(_message(asked, answer))
    items += [
        {**_call_opening(asked, at, answer), "status": "completed", "arguments": call.arguments}
        for at, call in enumerate(answer.tool_calls)
    ]
    return items


def _reasoning(asked: Asked, text: str | None) -> dict[str, Any]:
    summary = [] if text is None else [{"type": "summary_text", "text": text}]
    item: dict[str, Any] = {"id": f"rs_sim{asked.number:08d}", "type": "reasoning", "summary": summary}
    if _ENCRYPTED in (asked.body.get("include") or ()):
        item["encrypted_content"] = f"gAAAAA{asked.number:08d}"
    return item


def _message(asked: Asked, answer: Answer) -> dict[str, Any]:
    content = [_part(kind, text, _logprobs(asked, answer, kind)) for kind, text in _said(answer)]
    status = "incomplete" if answer.ending in _INCOMPLETE else "completed"
    return {**_message_opening(asked), "status": status, "content": content}


def _said(answer: Answer) -> list[tuple[str, str]]:
    said = (("refusal", answer.refusal), ("output_text", answer.text))
    return [(kind, text) for kind, text in said if text is not None]


def _logprobs(asked: Asked, answer: Answer, kind: str) -> list[dict[str, Any]]:
    """One entry for each token of the text, where they are asked for."""
    if kind == "refusal" or _LOGPROBS not in (asked.body.get("include") or ()):
        return []
    entries = []
    for at, token in enumerate(answer.cut(answer.text)):
        value = parts.logprob(answer, at)
        top = parts.likeliest(token, value, asked.body.get("top_logprobs") or 0)
        entries.append({**_entry(token, value), "top_logprobs": [_entry(*each) for each in top]})
    return entries


def _entry(token: str, value: float) -> dict[str, Any]:
    return {"token": token, "logprob": value, "bytes": list(token.encode())}


def _bare(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry as events have it: without bytes."""
    made = {"token": entry["token"], "logprob": entry["logprob"]}
    if "top_logprobs" in entry:
        made["top_logprobs"] = [_bare(each) for each in entry["top_logprobs"]]
    return made


def _part(kind: str, text: str, logprobs: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    if kind == "refusal":
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "annotations": [], "logprobs": logprobs, "text": text}


def _message_opening(asked: Asked) -> dict[str, Any]:
    head = {"id": f"msg_sim{asked.number:08d}", "type": "message", "status": "in_progress"}
    return {**head, "content": [], "role": "assistant"}


def _call_opening(asked: Asked, at: int, answer: Answer) -> dict[str, Any]:
    call = answer.tool_calls[at]
    head = {"id": f"fc_sim{asked.number:08d}_{at}", "type": "function_call", "status": "in_progress"}
    given = parts.call_id(asked, at, call, "call_")
    return {**head, "arguments": "", "call_id": given, "name": call.name}


def _stream(asked: Asked, answers: Sequence[Answer]) -> Iterator[_Piece]:
    answer = answers[0]
    for kind in ("response.created", "response.in_progress"):
        yield {"type": kind, "response": _open_response(asked)}, False
    index = 0
    if answer.reasoning is not None:
        yield from _reasoning_events(asked, answer, index)
        index += 1
    if answer.text is not None or answer.refusal is not None:
        yield from _message_events(asked, answer, index)
        index += 1
    for at in range(len(answer.tool_calls)):
        yield from _call_events(asked, answer, at, index + at)
    whole = _response(asked, answers)
    yield {"type": f"response.{whole['status']}", "response": whole}, False


def _item_event(kind: str, index: int, item: Mapping[str, Any]) -> _Piece:
    return {"type": f"response.output_item.{kind}", "output_index": index, "item": item}, False


def _reasoning_events(asked: Asked, answer: Answer, index: int) -> Iterator[_Piece]:
    whole = _reasoning(asked, answer.reasoning)
    text = answer.reasoning or ""
    where = {"item_id": whole["id"], "output_index": index, "summary_index": 0}
    part = {"type": "summary_text", "text": ""}
    yield _item_event("added", index, _reasoning(asked, None))
    yield {"type": "response.reasoning_summary_part.added", **where, "part": part}, False
    for piece in answer.cut(text):
        yield {"type": "response.reasoning_summary_text.delta", **where, "delta": piece}, True
    yield {"type": "response.reasoning_summary_text.done", **where, "text": text}, False
    yield {"type": "response.reasoning_summary_part.done", **where, "part": {**part, "text": text}}, False
    yield _item_event("done", index, whole)


def _message_events(asked: Asked, answer: Answer, index: int) -> Iterator[_Piece]:
    opening = _message_opening(asked)
    yield _item_event("added", index, opening)
    for content_index, (kind, text) in enumerate(_said(answer)):
        where = {"item_id": opening["id"], "output_index": index, "content_index": content_index}
        logprobs = _logprobs(asked, answer, kind)
        bare = [_bare(entry) for entry in logprobs]
        yield {"type": "response.content_part.added", **where, "part": _part(kind, "")}, False
        for at, piece in enumerate(answer.cut(text)):
            extra: dict[str, Any] = {} if kind == "refusal" else {"logprobs": bare[at : at + 1]}
            yield {"type": f"response.{kind}.delta", **where, "delta": piece, **extra}, True
        said: dict[str, Any] = {kind.removeprefix("output_"): text}
        if kind != "refusal":
            said["logprobs"] = bare
        yield {"type": f"response.{kind}.done", **where, **said}, False
        part = _part(kind, text, logprobs)
        yield {"type": "response.content_part.done", **where, "part": part}, False
    yield _item_event("done", index, _message(asked, answer))


def _call_events(asked: Asked, answer: Answer, at: int, index: int) -> Iterator[_Piece]:
    opening = _call_opening(asked, at, answer)
    given = answer.tool_calls[at].arguments
    where = {"item_id": opening["id"], "output_index": index}
    yield _item_event("added", index, opening)
    for piece in answer.cut(given):
        yield {"type": "response.function_call_arguments.delta", **where, "delta": piece}, True
    yield {"type": "response.function_call_arguments.done", **where, "arguments": given}, False
    yield _item_event("done", index, {**opening, "status": "completed", "arguments": given})
