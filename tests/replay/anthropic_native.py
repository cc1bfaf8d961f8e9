"""What the replay of Anthropic's exchanges knows of the dialect by itself: independent of the codec under test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from aiocompl.types.completion import ChatCompletion

JSON = dict[str, Any]

FINISH = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "tool_calls"}


def check(got: ChatCompletion, native: dict[str, Any]) -> None:
    """Compare a completion with what an independent reader finds in the provider's message."""
    (choice,) = got.choices
    message, blocks, usage = choice.message, native["content"], native["usage"]
    called = [(b["id"], b["name"], b["input"]) for b in blocks if b["type"] == "tool_use"]
    text = "".join(b["text"] for b in blocks if b["type"] == "text")
    assert got.id == native["id"]
    assert got.model == native["model"]
    assert message.content == (text or (None if called else ""))
    assert called == [
        (call.id, call.function.name, orjson.loads(call.function.arguments))
        for call in message.tool_calls or ()
        if call.function
    ]
    assert message.reasoning_content == (
        "".join(b["thinking"] for b in blocks if b["type"] == "thinking") or None
    )
    assert choice.finish_reason == FINISH[native["stop_reason"]]
    assert choice.native_finish_reason == native["stop_reason"]
    assert choice.get("stop_sequence") == native["stop_sequence"]
    check_usage(got, usage)


def check_usage(got: ChatCompletion, usage: dict[str, Any]) -> None:
    cached = usage.get("cache_read_input_tokens", 0)
    written = usage.get("cache_creation_input_tokens", 0)
    assert got.usage is not None
    assert got.usage.prompt_tokens == usage["input_tokens"] + cached + written
    assert got.usage.completion_tokens == usage["output_tokens"]
    assert got.usage.total_tokens == got.usage.prompt_tokens + got.usage.completion_tokens
    if "cache_read_input_tokens" in usage:
        assert got.usage.prompt_tokens_details is not None
        assert got.usage.prompt_tokens_details.cached_tokens == cached
        assert got.usage.prompt_tokens_details.cache_write_tokens == written
    if "output_tokens_details" in usage:
        assert got.usage.completion_tokens_details is not None
        thought = got.usage.completion_tokens_details.reasoning_tokens
        assert thought == usage["output_tokens_details"]["thinking_tokens"]
    for name, value in usage.items():
        if value is not None and name not in {"input_tokens", "output_tokens"}:
            assert got.usage[name] == value


def assembled_message(body: bytes) -> JSON:
    """The message that a stream's events make, put together as the provider documents it."""
    message: JSON = {}
    pieces: dict[int, str] = {}
    for line in body.decode().splitlines():
        if not line.startswith("data:"):
            continue
        event = orjson.loads(line[5:])
        match event["type"]:
            case "message_start":
                message = event["message"]
            case "content_block_start":
                message["content"].append(event["content_block"])
                assert len(message["content"]) == event["index"] + 1
            case "content_block_delta":
                _add(message["content"][event["index"]], event["delta"], pieces, event["index"])
            case "content_block_stop" if pieces.get(event["index"]):
                message["content"][event["index"]]["input"] = orjson.loads(pieces[event["index"]])
            case "message_delta":
                message |= event["delta"]
                message["usage"] |= event["usage"]
            case _:
                pass
    return message


def _add(block: JSON, delta: JSON, pieces: dict[int, str], index: int) -> None:
    match delta["type"]:
        case "input_json_delta":
            pieces[index] = pieces.get(index, "") + delta["partial_json"]
        case "citations_delta":
            block["citations"] = [*(block.get("citations") or ()), delta["citation"]]
        case kind:
            name = kind.removesuffix("_delta")
            block[name] += delta[name]


# ---------------------------------------------------------------- from the dialect to OpenAI's parameters


def openai_form(body: JSON) -> tuple[list[JSON], JSON]:
    """Messages and parameters in OpenAI's form, with the dialect's own parameters where OpenAI has none."""
    params = {key: value for key, value in body.items() if key not in _SAID_OTHERWISE and value is not None}
    messages = [{"role": "system", "content": _openai_parts(body["system"])}] if body.get("system") else []
    for turn in body["messages"]:
        messages += _openai_messages(turn)
    if "stop_sequences" in body:
        params["stop"] = body["stop_sequences"]
    if "metadata" in body:
        params["user"] = body["metadata"]["user_id"]
    if body.get("tools"):
        params["tools"] = [_openai_tool(tool) for tool in body["tools"]]
    if choice := body.get("tool_choice"):
        params |= _openai_choice(choice)
    return messages, params | _openai_output(body)


_SAID_OTHERWISE = {
    "messages",
    "metadata",
    "model",
    "output_config",
    "output_format",
    "stop_sequences",
    "stream",
    "system",
    "tool_choice",
    "tools",
}


def _openai_output(body: JSON) -> JSON:
    config = body.get("output_config") or {}
    form = config.get("format") or body.get("output_format")
    params: JSON = {}
    if form:
        schema = {"name": "answer", "schema": form["schema"]}
        params["response_format"] = {"type": "json_schema", "json_schema": schema}
    if config.get("effort"):
        if (body.get("thinking") or {}).get("type") == "adaptive":
            params["reasoning_effort"] = config["effort"]
        else:
            params["output_config"] = {"effort": config["effort"]}
    return params


def _openai_messages(turn: JSON) -> list[JSON]:
    content = turn["content"]
    if isinstance(content, str) or turn["role"] == "system":
        return [{"role": turn["role"], "content": content}]
    if turn["role"] == "assistant":
        return [_openai_assistant(content)]
    results = [_openai_result(block) for block in content if block["type"] == "tool_result"]
    parts = [_openai_part(block) for block in content if block["type"] != "tool_result"]
    return results + ([{"role": "user", "content": parts}] if parts else [])


def _openai_assistant(content: list[JSON]) -> JSON:
    message: JSON = {"role": "assistant"}
    if texts := [block for block in content if block["type"] == "text"]:
        message["content"] = texts
    if calls := [_openai_call(block) for block in content if block["type"] == "tool_use"]:
        message["tool_calls"] = calls
    kinds = [block["type"] for block in content]
    if set(kinds) - {"text", "tool_use", "thinking"}:
        message["provider_specific_fields"] = {"content_blocks": content}
    elif "thinking" in kinds:
        message["thinking_blocks"] = [block for block in content if block["type"] == "thinking"]
    return message


def _openai_call(block: JSON) -> JSON:
    function = {"name": block["name"], "arguments": orjson.dumps(block["input"]).decode()}
    return {"type": "function", "id": block["id"], "function": function}


def _openai_result(block: JSON) -> JSON:
    beside: JSON = {key: block[key] for key in ("is_error", "cache_control") if key in block}
    return {
        "role": "tool",
        "tool_call_id": block["tool_use_id"],
        "content": _openai_parts(block["content"]),
        **beside,
    }


def _openai_parts(content: Any) -> Any:
    return content if isinstance(content, str) else [_openai_part(block) for block in content]


def _openai_part(block: JSON) -> JSON:
    source = block.get("source")
    own = {("document", "text"), ("image", "file")}
    if not isinstance(source, dict) or (block["type"], source["type"]) in own:
        return block  # text, or a block that only the dialect has
    beside = {key: value for key, value in block.items() if key not in {"type", "source"}}
    url = source.get("url") or f"data:{source.get('media_type')};base64,{source.get('data')}"
    if block["type"] == "image":
        return {"type": "image_url", "image_url": {"url": url}, **beside}
    key = {"url": "file_url", "base64": "file_data", "file": "file_id"}[source["type"]]
    return {"type": "file", "file": {key: source.get("file_id") or url}, **beside}


def _openai_tool(tool: JSON) -> JSON:
    if tool.get("type", "custom") != "custom":
        return tool
    names = {"name": "name", "description": "description", "input_schema": "parameters", "strict": "strict"}
    function = {names[key]: value for key, value in tool.items() if key in names}
    beside = {key: value for key, value in tool.items() if key not in names and key != "type"}
    return {"type": "function", "function": function, **beside}


def _openai_choice(choice: JSON) -> JSON:
    words = {"auto": "auto", "any": "required", "none": "none"}
    named = {"type": "function", "function": {"name": choice.get("name")}}
    params: JSON = {"tool_choice": words.get(choice["type"], named)}
    if choice.get("disable_parallel_tool_use"):
        params["parallel_tool_calls"] = False
    return params


# ---------------------------------------------------------------- what is the same on the wire


def normalised(body: JSON) -> JSON:
    """The body with everything that the dialect documents as equivalent written in one way.

    A string stands for one text block; turns of one role that follow each other are joined, results first; what is the
    default may be left out; `output_format` is the older spelling of `output_config`.
    """
    same = {
        key: value
        for key, value in body.items()
        if value is not None and key not in {"stream", "output_format"}
    }
    if body.get("stream"):
        same["stream"] = True
    if body.get("system"):
        same["system"] = _blocks(body["system"])
    if form := body.get("output_format"):
        same["output_config"] = {"format": form}
    if body.get("tools"):
        same["tools"] = [_tool(tool) for tool in body["tools"]]
    if choice := body.get("tool_choice"):
        same["tool_choice"] = {key: value for key, value in choice.items() if value is not False}
    same["messages"] = _turns(body["messages"])
    return same


def _turns(messages: list[JSON]) -> list[JSON]:
    turns: list[JSON] = []
    for message in messages:
        blocks = [_block(block) for block in _blocks(message["content"])]
        blocks = [block for block in blocks if block["type"] != "text" or block["text"].strip()]
        if turns and turns[-1]["role"] == message["role"]:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": message["role"], "content": blocks})
    for turn in turns:
        if turn["role"] == "user":
            turn["content"].sort(key=lambda block: block["type"] != "tool_result")
    return turns


def _blocks(content: Any) -> list[JSON]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _block(block: JSON) -> JSON:
    same = {
        key: value
        for key, value in block.items()
        if value is not None and not (key == "is_error" and not value)
    }
    if block["type"] == "tool_result":
        same["content"] = [_block(item) for item in _blocks(block["content"])]
    return same


def _tool(tool: JSON) -> JSON:
    return {
        key: value
        for key, value in tool.items()
        if (key, value) not in (("type", "custom"), ("strict", False))
    }
