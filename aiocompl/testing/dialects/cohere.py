"""Cohere's chat, version 2, as a server speaks it.

Source: https://docs.cohere.com/reference/chat, the types of the official Python SDK 7.3 (2026-11) and recorded streams,
which end with ``[DONE]`` though the documentation does not say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.testing.asked import Asked, Problem, Received, Tool
from aiocompl.testing.dialects import cohere_errors, operations, parts
from aiocompl.testing.dialects.base import Event
from aiocompl.testing.dialects.embeddings import cohere as embeddings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aiocompl.testing.answer import Answer, FinishReason
    from aiocompl.testing.delivery import Delivery

_FINISH_REASONS: Final[dict[FinishReason, str]] = {
    "stop": "COMPLETE",
    "length": "MAX_TOKENS",
    "tool_calls": "TOOL_CALL",
    "function_call": "TOOL_CALL",
    "content_filter": "ERROR_TOXIC",
}
_ROLES: Final = ("system", "user", "assistant", "tool")


def make(*, api_key: str | None = None, models: Sequence[str] | None = None) -> CohereDialect:
    """Make the dialect; see `make_dialect`."""
    return CohereDialect(api_key=api_key, models=models)


class CohereDialect:
    """``POST /v2/chat``, and ``/v2/embed`` with the older ``/v1/embed``. See `Dialect`.

    Args:
        api_key: The only key that is let in; None lets in all, and none.
        models: The only models there are; None takes any name.
    """

    base_path = ""
    stream_type = "text/event-stream"
    end_event = b"data: [DONE]\n\n"
    statuses = cohere_errors.STATUSES

    def __init__(self, *, api_key: str | None = None, models: Sequence[str] | None = None) -> None:
        self._api_key = api_key
        self._models = tuple(models) if models is not None else None

    def read(self, received: Received) -> Asked | Delivery:
        """Understand a request; see `Dialect`."""
        cohere_errors.authorise(received.headers, self._api_key)
        if (answer := operations.cohere(received, self._models)) is not None:
            return answer
        if received.path not in ("/v2/chat", *embeddings.PATHS):
            raise parts.refused(status=404, kind="not_found")
        parts.need_method("POST", received)
        if received.path in embeddings.PATHS:
            asked = embeddings.read(received)
            cohere_errors.check_model(asked.body, self._models)
            return asked
        body = _checked(received.body)
        cohere_errors.check_model(body, self._models)
        return _asked(received, body)

    def headers(self, number: int) -> Mapping[str, str]:
        """The headers that each answer has; see `Dialect`."""
        return {"x-debug-trace-id": f"{number:032x}"}

    def body(self, asked: Asked, answers: Sequence[Answer]) -> bytes:
        """A blocking answer; see `Dialect`. There are no choices here: the first is sent."""
        if asked.inputs:
            return embeddings.body(asked, answers)
        answer = answers[0]
        made: dict[str, Any] = {
            "id": parts.uuid(asked.number),
            "message": _message(asked, answer),
            "finish_reason": _FINISH_REASONS[answer.ending],
            "usage": _usage(asked, answers),
        }
        if asked.body.get("logprobs"):
            tokens = answer.cut(None if answer.tool_calls else parts.spoken(answer))
            made["logprobs"] = [_logprob(answer, at, token) for at, token in enumerate(tokens)]
        return orjson.dumps(made)

    def events(self, asked: Asked, answers: Sequence[Answer]) -> list[Event]:
        """A streamed answer; see `Dialect`."""
        made = [Event(parts.sse(value, value["type"]), token) for value, token in _stream(asked, answers)]
        return [*made, Event(self.end_event)]

    def error_body(self, problem: Problem) -> bytes:
        """The body of an error; see `Dialect`."""
        return cohere_errors.body_of(problem)

    def error_headers(self, problem: Problem) -> Mapping[str, str]:
        """No headers more; see `Dialect`."""
        return {}

    def error_event(self, problem: Problem) -> bytes:
        """The end of a message that failed; see `Dialect`."""
        text = problem.message or cohere_errors.WORDING[problem.kind]
        delta: dict[str, Any] = {"finish_reason": "ERROR", "error": text, "usage": {}}
        if problem.code is not None:
            delta["error_type"] = problem.code
        return parts.sse({"type": "message-end", "delta": delta}, "message-end")

    def frame(self, data: bytes) -> bytes:
        """Any bytes as an event; see `Dialect`."""
        return b"event: content-delta\ndata: " + data + b"\n\n"

    def is_finish(self, frame: bytes) -> bool:
        """Whether a frame ends the message; see `Dialect`."""
        return frame.startswith(b"event: message-end\n")


def _checked(raw: bytes) -> dict[str, Any]:
    body = parts.parsed(raw, "invalid request: the body is not valid JSON")
    if not body.get("model"):
        raise parts.refused("invalid request: model is required", status=422)
    missing = "invalid request: at least one message is required"
    for at, message in enumerate(parts.need_list(body, "messages", missing)):
        _check_message(message, f"messages[{at}]")
    cohere_errors.check_numbers(body)
    tools = body.get("tools") or ()
    for at, tool in enumerate(tools):
        if tool["function"].get("parameters") is None:
            raise parts.refused(f"invalid request: tools[{at}].function.parameters is required")
    choice = body.get("tool_choice")
    if choice is not None and (choice not in ("REQUIRED", "NONE") or not tools):
        raise parts.refused("invalid request: tool_choice must be REQUIRED or NONE and requires tools.")
    if tools and (body.get("response_format") or {}).get("type") == "json_object":
        raise parts.refused("invalid request: response_format is not supported together with tools.")
    return body


def _check_message(message: Mapping[str, Any], where: str) -> None:
    role = message.get("role")
    if role not in _ROLES:
        raise parts.refused(f"invalid request: {where}.role must be one of {', '.join(_ROLES)}")
    if role == "tool" and not message.get("tool_call_id"):
        raise parts.refused(f"invalid request: {where}.tool_call_id is required")
    if not message.get("content") and not message.get("tool_calls"):
        raise parts.refused(f"invalid request: {where} must have content or tool_calls")


def _asked(received: Received, body: Mapping[str, Any]) -> Asked:
    functions = [tool["function"] for tool in body.get("tools") or ()]
    tools = tuple(Tool(name=each["name"], parameters=each["parameters"]) for each in functions)
    form = body.get("response_format") or {}
    users = [message["content"] for message in body["messages"] if message["role"] == "user"]
    return Asked(
        number=received.number,
        model=body["model"],
        stream=bool(body.get("stream")),
        text=parts.texts(users[-1]) if users else "",
        prompt_tokens=parts.prompt_tokens(received),
        body=body,
        headers=received.headers,
        stop=tuple(body.get("stop_sequences") or ()),
        max_tokens=body.get("max_tokens"),
        tools=tools,
        must_call=tools[0] if tools and body.get("tool_choice") == "REQUIRED" else None,
        schema=form.get("json_schema") or {} if form.get("type") == "json_object" else None,
    )


def _calls(asked: Asked, answer: Answer) -> list[dict[str, Any]]:
    return [
        {
            "id": parts.call_id(asked, at, call, f"{call.name}_"),
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for at, call in enumerate(answer.tool_calls)
    ]


def _message(asked: Asked, answer: Answer) -> dict[str, Any]:
    """With tool calls the text is the plan for them, and no content."""
    text = parts.spoken(answer)
    content = [{"type": "thinking", "thinking": answer.reasoning}] if answer.reasoning is not None else []
    message: dict[str, Any] = {"role": "assistant"}
    if answer.tool_calls:
        if text is not None:
            message["tool_plan"] = text
        message["tool_calls"] = _calls(asked, answer)
    elif text is not None:
        content.append({"type": "text", "text": text})
    return {**message, "content": content} if content or not answer.tool_calls else message


def _usage(asked: Asked, answers: Sequence[Answer]) -> dict[str, Any]:
    count = parts.counts(asked, answers)
    units = {"input_tokens": count.prompt, "output_tokens": count.completion}
    tokens = {**units, "reasoning_tokens": count.reasoning} if count.reasoning else units
    return {"billed_units": units, "tokens": tokens, "cached_tokens": count.cached}


def _logprob(answer: Answer, at: int, token: str) -> dict[str, Any]:
    return {"text": token, "token_ids": [len(token)], "logprobs": [parts.logprob(answer, at)]}


def _stream(asked: Asked, answers: Sequence[Answer]) -> Iterator[tuple[dict[str, Any], bool]]:
    """The events but for ``[DONE]``, and whether each holds a token."""
    answer = answers[0]
    empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield {"id": parts.uuid(asked.number), "type": "message-start", "delta": {"message": empty}}, False
    index = 0
    if answer.reasoning is not None:
        yield from _content(answer, index, "thinking", answer.reasoning, logprobs=False)
        index += 1
    text = parts.spoken(answer)
    if answer.tool_calls:
        for piece in answer.cut(text):
            yield {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": piece}}}, True
        yield from _call_events(asked, answer)
    elif text is not None:
        yield from _content(answer, index, "text", text, logprobs=bool(asked.body.get("logprobs")))
    delta = {"finish_reason": _FINISH_REASONS[answer.ending], "usage": _usage(asked, answers)}
    yield {"type": "message-end", "delta": delta}, False


def _content(
    answer: Answer, index: int, kind: str, text: str, *, logprobs: bool
) -> Iterator[tuple[dict[str, Any], bool]]:
    def event(name: str, content: dict[str, str]) -> dict[str, Any]:
        return {"type": name, "index": index, "delta": {"message": {"content": content}}}

    yield event("content-start", {"type": kind, kind: ""}), False
    for at, token in enumerate(answer.cut(text)):
        delta = event("content-delta", {kind: token})
        yield {**delta, "logprobs": _logprob(answer, at, token)} if logprobs else delta, True
    yield {"type": "content-end", "index": index}, False


def _call_events(asked: Asked, answer: Answer) -> Iterator[tuple[dict[str, Any], bool]]:
    """One object each where a whole message has a list; the index stands on the event."""
    for index, call in enumerate(_calls(asked, answer)):
        function = {**call["function"], "arguments": ""}
        opening = {"message": {"tool_calls": {**call, "function": function}}}
        yield {"type": "tool-call-start", "index": index, "delta": opening}, False
        for piece in answer.cut(call["function"]["arguments"]):
            delta = {"message": {"tool_calls": {"function": {"arguments": piece}}}}
            yield {"type": "tool-call-delta", "index": index, "delta": delta}, True
        yield {"type": "tool-call-end", "index": index}, False
