"""What the replay of the Responses API knows of the dialect by itself: independent of the codec under test."""

from __future__ import annotations

from typing import Any

import orjson

JSON = dict[str, Any]

ENDS = {"response.completed", "response.incomplete", "response.failed"}


def events_of(body: bytes) -> list[JSON]:
    lines = [line[5:].strip() for line in body.splitlines() if line.startswith(b"data:")]
    return [orjson.loads(line) for line in lines if line != b"[DONE]"]


def final_response(body: bytes) -> JSON:
    (response,) = [event["response"] for event in events_of(body) if event["type"] in ENDS]
    return dict(response)


def streamed_text(body: bytes) -> str:
    return "".join(e["delta"] for e in events_of(body) if e["type"] == "response.output_text.delta")


# ---------------------------------------------------------------- from the dialect to OpenAI's parameters


def openai_form(body: JSON) -> tuple[list[JSON], JSON]:
    """Messages and parameters in OpenAI's form, with the dialect's own parameters where OpenAI has none."""
    params = {key: value for key, value in body.items() if key not in _SAID_OTHERWISE and value is not None}
    params["include"] = body.get("include") or []
    if "tools" in body:
        params["tools"] = [_openai_tool(tool) for tool in body["tools"]]
    if isinstance(body.get("tool_choice"), dict):
        params["tool_choice"] = {"type": "function", "function": {"name": body["tool_choice"]["name"]}}
    if "max_output_tokens" in body:
        params["max_completion_tokens"] = body["max_output_tokens"]
    if set(body.get("reasoning") or {}) == {"effort"}:
        params["reasoning_effort"] = params.pop("reasoning")["effort"]
    if form := (body.get("text") or {}).get("format"):
        params["response_format"] = _openai_format(form)
    return _openai_messages(body["input"]), params


_SAID_OTHERWISE = {"include", "input", "max_output_tokens", "model", "stream", "text", "tools"}


def _openai_format(form: JSON) -> JSON:
    if form["type"] != "json_schema":
        return form
    return {"type": "json_schema", "json_schema": {k: v for k, v in form.items() if k != "type"}}


def _openai_tool(tool: JSON) -> JSON:
    if tool["type"] == "function":
        inner = {key: tool[key] for key in ("name", "description", "parameters", "strict") if key in tool}
        return {"function": inner, **{k: v for k, v in tool.items() if k not in inner}}
    if tool["type"] == "custom":
        form = {k: v for k, v in tool["format"].items() if k != "type"}
        custom = {"name": tool["name"], "description": tool["description"]}
        return {"type": "custom", "custom": custom | {"format": {"type": "grammar", "grammar": form}}}
    return tool


def _openai_messages(given: Any) -> list[JSON]:
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    messages: list[JSON] = []
    for item in given:
        kind = item.get("type", "message")
        if kind == "function_call_output":
            messages.append({"role": "tool", "tool_call_id": item["call_id"], "content": item["output"]})
        elif kind == "message" and item["role"] != "assistant":
            messages.append({"role": item["role"], "content": _openai_content(item["content"])})
        elif kind in {"message", "reasoning", "function_call"}:
            _add_to_answer(messages, kind, item)
        else:
            messages.append(_as_it_is(item))
    return messages


def _as_it_is(item: JSON) -> JSON:
    """An item for which OpenAI has no message, as answers with such items carry them."""
    return {"role": "assistant", "content": None, "provider_specific_fields": {"items": [item]}}


def _add_to_answer(messages: list[JSON], kind: str, item: JSON) -> None:
    """Items of one answer make one message, as long as they come in the order in which it would be sent."""
    last = messages[-1] if messages and messages[-1]["role"] == "assistant" else None
    later = {
        "reasoning": ("content", "tool_calls"),
        "message": ("content", "tool_calls"),
        "function_call": (),
    }
    fields = "provider_specific_fields"
    if last is None or any(last.get(name) for name in later[kind]) or "items" in last.get(fields, {}):
        last = {"role": "assistant", "content": None}
        messages.append(last)
    if kind == "reasoning":
        last.setdefault("thinking_blocks", []).append(item)
    elif kind == "message":
        last["content"] = _openai_content(item["content"])
        if "phase" in item:
            last[fields] = {"phase": item["phase"]}
    else:
        function = {"name": item["name"], "arguments": item["arguments"]}
        call = {"id": item["call_id"], "type": "function", "function": function}
        call |= {"namespace": item["namespace"]} if "namespace" in item else {}
        last.setdefault("tool_calls", []).append(call)


def _openai_content(content: Any) -> Any:
    return content if isinstance(content, str) else [_openai_part(part) for part in content]


def _openai_part(part: JSON) -> JSON:
    match part["type"]:
        case "input_text" | "output_text":
            return {k: v for k, v in part.items() if k not in _EMPTY} | {"type": "text"}
        case "input_image":
            image = {"url": part["image_url"]} | ({"detail": part["detail"]} if "detail" in part else {})
            return {"type": "image_url", "image_url": image}
        case "input_file":
            return {"type": "file", "file": {k: v for k, v in part.items() if k != "type"}}
        case kind:
            raise AssertionError(f"part {kind} is not known")


# ---------------------------------------------------------------- what is the same


_EMPTY = {"annotations", "logprobs"}
_IDENTITY = {"id", "status"}
"""Of messages and calls: who they were, which the provider needs only for what it stores itself."""


def normalised(body: JSON) -> JSON:
    """The body without what says nothing, and of two ways to say the same always one."""
    same = {key: value for key, value in body.items() if value is not None}
    if not same.get("stream"):
        same.pop("stream", None)
    for name in ("include", "tools"):
        if not same.get(name):
            same.pop(name, None)
    given = same["input"]
    items = normalised_items([{"role": "user", "content": given}] if isinstance(given, str) else given)
    first = items[0]
    if "instructions" not in same and first.get("role") in {"system", "developer"} and "content" in first:
        (part,) = items.pop(0)["content"]
        same["instructions"] = part["text"]
    same["input"] = items
    if "tools" in same:
        same["tools"] = [_normalised_tool(tool) for tool in same["tools"]]
    return same


def normalised_items(items: list[JSON]) -> list[JSON]:
    """The items in one form; an assistant's message without text says nothing."""
    same = [_normalised_item(item) for item in items]
    return [item for item in same if item.get("role") != "assistant" or item.get("content", True)]


def _normalised_tool(tool: JSON) -> JSON:
    """Left out, ``strict`` means true to the dialect and false to OpenAI's chat; only the latter can be expressed."""
    return {"strict": False, **tool} if tool["type"] == "function" else tool


def _normalised_item(item: JSON) -> JSON:
    kind = item.get("type", "message")
    if kind in {"function_call", "custom_tool_call"}:
        known = {"type", "call_id", "name", "arguments", "input", "namespace"}
        return {key: value for key, value in item.items() if key in known}
    if kind != "message":
        return item
    content = item["content"]
    if isinstance(content, str):
        said = "output_text" if item["role"] == "assistant" else "input_text"
        content = [{"type": said, "text": content}] if content else []
    parts = [{key: value for key, value in part.items() if key not in _EMPTY} for part in content]
    rest = {key: value for key, value in item.items() if key not in _IDENTITY}
    return {**rest, "type": "message", "content": parts}
