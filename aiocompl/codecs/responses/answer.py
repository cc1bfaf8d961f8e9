"""A response object as a chat completion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiocompl.codecs.base import whole_number
from aiocompl.codecs.responses.items import CALLS, RAW_ITEMS, message_parts, text_parts, texts_of
from aiocompl.types.completion import (
    Annotation,
    ChatCompletion,
    ChatCompletionMessage,
    Choice,
    ChoiceLogprobs,
    CompletionTokensDetails,
    CustomCall,
    FunctionCall,
    PromptTokensDetails,
    TokenLogprob,
    ToolCall,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.types.model import JSON

INCOMPLETE: Final[Mapping[str, str]] = {"max_output_tokens": "length", "content_filter": "content_filter"}
"""Why an answer is not complete, as OpenAI's finish reason; others pass as they are."""

FINISHED: Final = frozenset({"completed", "incomplete"})

_ORDER: Final[Mapping[str, int]] = {"reasoning": 0, "message": 1, "function_call": 2, "custom_tool_call": 2}
"""The items that OpenAI's shape has a place for, in the order in which they are sent back from there."""

_MESSAGE_PLACED: Final = frozenset({"id", "type", "status", "role", "content", "phase"})
_PART_PLACED: Final = {
    "output_text": frozenset({"type", "text", "annotations", "logprobs"}),
    "refusal": frozenset({"type", "refusal"}),
}
_CALL_PLACED: Final = frozenset({"id", "type", "status", "call_id", "name", "arguments", "input"})

_PLACED: Final = frozenset(
    {
        "created_at",
        "error",
        "id",
        "incomplete_details",
        "model",
        "object",
        "output",
        "output_text",
        "service_tier",
        "status",
        "usage",
    }
)
_ECHOED: Final = frozenset({"instructions", "prompt", "text", "tool_choice", "tools"})
"""The caller's own words, given back: not kept."""

_USAGE_PLACED: Final = frozenset(
    {"input_tokens", "output_tokens", "total_tokens", "input_tokens_details", "output_tokens_details"}
)


def completion_of(body: Mapping[str, Any], model: str) -> ChatCompletion:
    """Read a response object; `model` stands in where it does not say which.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: It is not as the dialect promises.
    """
    items = body["output"]
    message = message_of(items)
    finish_reason, native = finish_reasons(body, called=bool(message.tool_calls))
    entries = [entry for part in text_parts(items) for entry in part.get("logprobs") or ()]
    choice = Choice(
        index=0,
        message=message,
        finish_reason=finish_reason,
        logprobs=logprobs_of(entries),
        model_extra={"native_finish_reason": native},
    )
    return ChatCompletion(
        id=body["id"],
        created=whole_number(body.get("created_at") or 0),
        model=body.get("model") or model,
        choices=[choice],
        usage=usage_of(body),
        service_tier=body.get("service_tier"),
        model_extra=response_extra(body),
    )


def message_of(items: Sequence[Mapping[str, Any]]) -> ChatCompletionMessage:
    """The output's items as a message."""
    calls = [tool_call(item) for item in items if item["type"] in CALLS]
    content, refusal = "".join(texts_of(items)), refusal_of(items)
    bare = bool(calls) or refusal is not None
    return ChatCompletionMessage(
        content=content or (None if bare else ""),
        refusal=refusal,
        reasoning_content="\n\n".join(thoughts_of(items)) or None,
        tool_calls=calls or None,
        annotations=[Annotation.take(item) for item in annotations_of(items)] or None,
        model_extra=message_extra(items),
    )


def finish_reasons(body: Mapping[str, Any], *, called: bool) -> tuple[str, str]:
    """OpenAI's finish reason, and the dialect's own word: the status, or why the answer is not complete.

    Raises:
        ValueError: The answer is not finished at all (it was asked for in the background, or cancelled).
    """
    status = body.get("status") or "completed"  # a few hosts leave it out
    if status not in FINISHED:
        raise ValueError(f"the answer's status is {status!r:.40}")
    if status == "incomplete":
        native = (body.get("incomplete_details") or {}).get("reason") or status
        return INCOMPLETE.get(native, native), native
    return "tool_calls" if called else "stop", status


def tool_call(item: Mapping[str, Any]) -> ToolCall:
    """A call of a function or of a custom tool."""
    call_id, extra = item["call_id"], call_extra(item)
    if item["type"] == "custom_tool_call":
        custom = CustomCall(name=item["name"], input=item["input"])
        return ToolCall(id=call_id, type="custom", custom=custom, model_extra=extra)
    function = FunctionCall(name=item["name"], arguments=item["arguments"])
    return ToolCall(id=call_id, function=function, model_extra=extra)


def call_extra(item: Mapping[str, Any]) -> JSON:
    """What a call says beyond OpenAI's shape, such as ``namespace``."""
    return {name: value for name, value in item.items() if name not in _CALL_PLACED and value is not None}


def refusal_of(items: Sequence[Mapping[str, Any]]) -> str | None:
    """The refusal, or None where there is none."""
    refusals = [part["refusal"] for part in message_parts(items) if part["type"] == "refusal"]
    return "".join(refusals) if refusals else None


def thoughts_of(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """The reasoning, part by part: its summary, and its text from hosts that show it."""
    return [
        part["text"]
        for item in items
        if item["type"] == "reasoning"
        for part in (*(item.get("summary") or ()), *(item.get("content") or ()))
        if part["text"]
    ]


def annotations_of(items: Sequence[Mapping[str, Any]]) -> list[JSON]:
    """The remarks on the text, in chat completions' shape: positions count from the start of the whole text."""
    annotations: list[JSON] = []
    length = 0
    for part in text_parts(items):
        for given in part.get("annotations") or ():
            kind = given["type"]
            fields = {name: value for name, value in given.items() if name != "type"}
            for name in ("start_index", "end_index"):
                if length and isinstance(fields.get(name), int):
                    fields[name] += length
            annotations.append({"type": kind, kind: fields})
        length += len(part["text"])
    return annotations


def message_extra(items: Sequence[Mapping[str, Any]]) -> JSON:
    """What OpenAI's shape has no place for: reasoning items to be sent back, pictures, and the rest as it came."""
    extra: JSON = {}
    thinking = [item for item in items if item["type"] == "reasoning"]
    if thinking:
        extra["thinking_blocks"] = thinking
    pictures = [item for item in items if item["type"] == "image_generation_call" and item.get("result")]
    if pictures:
        extra["images"] = [_image(item, index) for index, item in enumerate(pictures)]
    if not _fits(items):
        extra["provider_specific_fields"] = {RAW_ITEMS: list(items)}
    elif phase := next((item["phase"] for item in items if item.get("phase")), None):
        extra["provider_specific_fields"] = {"phase": phase}
    return extra


def response_extra(body: Mapping[str, Any]) -> JSON:
    """What else the response says of itself, such as ``billing`` and ``content_filters``."""
    return {
        name: value
        for name, value in body.items()
        if value is not None and name not in _PLACED and name not in _ECHOED
    }


def logprobs_of(entries: list[JSON]) -> ChoiceLogprobs | None:
    """The log probabilities of the text, or None where there are none."""
    return (
        ChoiceLogprobs(content=[TokenLogprob.model_validate(item) for item in entries]) if entries else None
    )


def usage_of(body: Mapping[str, Any]) -> Usage | None:
    """The usage; cached and reasoning tokens are part of the counts, as in chat completions."""
    counts = body.get("usage")
    if counts is None:
        return None
    prompt, completion = counts["input_tokens"], counts["output_tokens"]
    read, written = counts.get("input_tokens_details"), counts.get("output_tokens_details")
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=counts.get("total_tokens", prompt + completion),
        prompt_tokens_details=PromptTokensDetails.model_validate(read) if read else None,
        completion_tokens_details=CompletionTokensDetails.model_validate(written) if written else None,
        model_extra={name: value for name, value in counts.items() if name not in _USAGE_PLACED},
    )


def _fits(items: Sequence[Mapping[str, Any]]) -> bool:
    """Whether reasoning, one message and calls, in this order, are all there is."""
    last = 0
    for item in items:
        order = _ORDER.get(item["type"], -1)
        if order < last or (order == last == 1) or (order == 1 and not _message_fits(item)):
            return False
        last = order
    return True


def _message_fits(item: Mapping[str, Any]) -> bool:
    parts = item["content"]
    known = item.keys() <= _MESSAGE_PLACED and item.get("role", "assistant") == "assistant"
    return known and all(part.keys() <= _PART_PLACED.get(part["type"], frozenset()) for part in parts)


def _image(item: Mapping[str, Any], index: int) -> JSON:
    """A picture as LiteLLM has it."""
    url = f"data:image/{item.get('output_format') or 'png'};base64,{item['result']}"
    return {"type": "image_url", "image_url": {"url": url}, "index": index}
