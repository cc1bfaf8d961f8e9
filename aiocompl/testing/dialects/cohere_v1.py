"""Cohere's chat, version 1, as a server speaks it: calls without ids, streams in JSON lines.

Source: https://docs.cohere.com/v1/reference/chat and the types of the official Python SDK 7.3 (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.testing.asked import Asked, Problem, Received, Tool
from aiocompl.testing.dialects import cohere_errors, operations, parts
from aiocompl.testing.dialects.base import Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aiocompl.testing.answer import Answer, FinishReason
    from aiocompl.testing.delivery import Delivery

_DEFAULT_MODEL: Final = "command-r-plus"
_FINISH_REASONS: Final[dict[FinishReason, str]] = {
    "stop": "COMPLETE",
    "length": "MAX_TOKENS",
    "tool_calls": "COMPLETE",
    "function_call": "COMPLETE",
    "content_filter": "ERROR_TOXIC",
}
_ROLES: Final = ("USER", "CHATBOT", "SYSTEM", "TOOL")
_JSON_TYPES: Final = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "dict": "object",
    "list": "array",
}
"""Python's names of types, which the parameters of tools have, as JSON Schema's."""


def make(*, api_key: str | None = None, models: Sequence[str] | None = None) -> CohereV1Dialect:
    """Make the dialect; see `make_dialect`."""
    return CohereV1Dialect(api_key=api_key, models=models)


class CohereV1Dialect:
    """``POST /v1/chat``. It has no place for reasoning. See `Dialect`.

    Args:
        api_key: The only key that is let in; None lets in all, and none.
        models: The only models there are; None takes any name.
    """

    base_path = ""
    stream_type = "application/stream+json"
    end_event = b""
    statuses = cohere_errors.STATUSES

    def __init__(self, *, api_key: str | None = None, models: Sequence[str] | None = None) -> None:
        self._api_key = api_key
        self._models = tuple(models) if models is not None else None

    def read(self, received: Received) -> Asked | Delivery:
        """Understand a request; see `Dialect`."""
        cohere_errors.authorise(received.headers, self._api_key)
        if (answer := operations.cohere(received, self._models)) is not None:
            return answer
        if received.path != "/v1/chat":
            raise parts.refused(status=404, kind="not_found")
        parts.need_method("POST", received)
        body = {"model": _DEFAULT_MODEL, **_checked(received.body)}
        cohere_errors.check_model(body, self._models)
        return _asked(received, body)

    def headers(self, number: int) -> Mapping[str, str]:
        """The headers that each answer has; see `Dialect`."""
        return {"x-debug-trace-id": f"{number:032x}", "x-endpoint-monthly-call-limit": "1000"}

    def body(self, asked: Asked, answers: Sequence[Answer]) -> bytes:
        """A blocking answer; see `Dialect`. There are no choices here: the first is sent."""
        return orjson.dumps(_whole(asked, answers))

    def events(self, asked: Asked, answers: Sequence[Answer]) -> list[Event]:
        """A streamed answer; see `Dialect`."""
        lines = []
        for kind, fields, token in _stream(asked, answers):
            value = {"is_finished": kind == "stream-end", "event_type": kind, **fields}
            lines.append(Event(self.frame(orjson.dumps(value)), token))
        return lines

    def error_body(self, problem: Problem) -> bytes:
        """The body of an error; see `Dialect`."""
        return cohere_errors.body_of(problem)

    def error_headers(self, problem: Problem) -> Mapping[str, str]:
        """No headers more; see `Dialect`."""
        return {}

    def error_event(self, problem: Problem) -> bytes:
        """The end of a stream that failed; see `Dialect`."""
        text = problem.message or cohere_errors.WORDING[problem.kind]
        response = {"response_id": parts.uuid(0, 9), "text": "", "finish_reason": "ERROR"}
        end = {"is_finished": True, "event_type": "stream-end", "finish_reason": "ERROR", "error": text}
        return self.frame(orjson.dumps({**end, "response": response}))

    def frame(self, data: bytes) -> bytes:
        """Any bytes as a line; see `Dialect`."""
        return data + b"\n"

    def is_finish(self, frame: bytes) -> bool:
        """Whether it is the last line; see `Dialect`."""
        return b'"event_type":"stream-end"' in frame


def _checked(raw: bytes) -> dict[str, Any]:
    body = parts.parsed(raw, "invalid request: the body is not valid JSON")
    results = body.get("tool_results")
    if not isinstance(body.get("message"), str) or not (body["message"] or results):
        raise parts.refused(
            "invalid request: message must be at least 1 token long or tool results must be specified."
        )
    if results and body["message"] and not body.get("force_single_step"):
        raise parts.refused(
            "invalid request: cannot specify both message and tool_results in multistep mode. "
            "To use single step mode, please specify force_single_step=True."
        )
    for at, turn in enumerate(body.get("chat_history") or ()):
        if str(turn.get("role")).upper() not in _ROLES:
            raise parts.refused(
                f"invalid request: chat_history[{at}].role must be one of {', '.join(_ROLES)}"
            )
    cohere_errors.check_numbers(body)
    return body


def _asked(received: Received, body: Mapping[str, Any]) -> Asked:
    form = body.get("response_format") or {}
    return Asked(
        number=received.number,
        model=body["model"],
        stream=bool(body.get("stream")),
        text=body["message"] or _last_user_text(body),
        prompt_tokens=parts.prompt_tokens(received),
        body=body,
        headers=received.headers,
        stop=tuple(body.get("stop_sequences") or ()),
        max_tokens=body.get("max_tokens"),
        tools=tuple(_tool(tool) for tool in body.get("tools") or ()),
        schema=form.get("schema") or {} if form.get("type") == "json_object" else None,
    )


def _last_user_text(body: Mapping[str, Any]) -> str:
    turns = [turn["message"] for turn in body.get("chat_history") or () if turn["role"].upper() == "USER"]
    return turns[-1] if turns else ""


def _tool(tool: Mapping[str, Any]) -> Tool:
    defined = tool.get("parameter_definitions") or {}
    properties = {
        name: {"type": _JSON_TYPES.get(str(each.get("type")).lower(), "string")}
        for name, each in defined.items()
    }
    return Tool(name=tool["name"], parameters={"type": "object", "properties": properties})


def _calls(answer: Answer) -> list[dict[str, Any]]:
    return [{"name": call.name, "parameters": parts.arguments(call)} for call in answer.tool_calls]


def _whole(asked: Asked, answers: Sequence[Answer]) -> dict[str, Any]:
    answer = answers[0]
    count = parts.counts(asked, answers)
    text = parts.spoken(answer) or ""
    units = {"input_tokens": count.prompt, "output_tokens": count.completion}
    history = [*(asked.body.get("chat_history") or ()), {"role": "USER", "message": asked.text}]
    made: dict[str, Any] = {
        "response_id": parts.uuid(asked.number),
        "text": text,
        "generation_id": parts.uuid(asked.number, 1),
        "chat_history": [*history, {"role": "CHATBOT", "message": text}],
        "finish_reason": _FINISH_REASONS[answer.ending],
        "meta": {
            "api_version": {"version": "1"},
            "billed_units": units,
            "tokens": units,
            "cached_tokens": count.cached,
        },
    }
    if answer.tool_calls:
        made["tool_calls"] = _calls(answer)
    return made


def _stream(asked: Asked, answers: Sequence[Answer]) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Each event's type and fields, and whether it holds a token."""
    answer = answers[0]
    text = parts.spoken(answer)
    yield "stream-start", {"generation_id": parts.uuid(asked.number, 1)}, False
    for piece in answer.cut(text):
        if answer.tool_calls:
            yield "tool-calls-chunk", {"text": piece}, True
        else:
            yield "text-generation", {"text": piece}, True
    for index, call in enumerate(answer.tool_calls):
        yield "tool-calls-chunk", {"tool_call_delta": {"name": call.name, "index": index}}, False
        for piece in answer.cut(call.arguments):
            yield "tool-calls-chunk", {"tool_call_delta": {"index": index, "parameters": piece}}, True
    if answer.tool_calls:
        yield "tool-calls-generation", {"text": text or "", "tool_calls": _calls(answer)}, False
    whole = _whole(asked, answers)
    yield "stream-end", {"finish_reason": whole["finish_reason"], "response": whole}, False
