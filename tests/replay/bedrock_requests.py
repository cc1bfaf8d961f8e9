"""Converse's recorded requests said in OpenAI's words, and what is the same on the wire."""

from __future__ import annotations

import base64

import orjson
from bedrock_native import Json, read_calls, read_reasoning, read_text


def to_openai(body: Json) -> Json:
    """The recorded body in OpenAI's words."""
    messages: list[Json] = []
    if body.get("system"):
        messages.append({"role": "system", "content": to_parts(body["system"])})
    for turn in body["messages"]:
        messages += from_turn(turn)
    params: Json = {}
    names = {
        "maxTokens": "max_tokens",
        "temperature": "temperature",
        "topP": "top_p",
        "stopSequences": "stop",
    }
    params |= {names[key]: value for key, value in (body.get("inferenceConfig") or {}).items()}
    for key in ("guardrailConfig", "additionalModelRequestFields"):
        if body.get(key):
            params[key] = body[key]
    params |= from_model_fields(params)
    if tier := body.get("serviceTier"):
        params["service_tier"] = tier["type"]
    if config := body.get("toolConfig"):
        params |= from_tool_config(config)
    if output := body.get("outputConfig"):
        schema = output["textFormat"]["structure"]["jsonSchema"]
        wanted = schema | {"schema": orjson.loads(schema["schema"])}
        params["response_format"] = {"type": "json_schema", "json_schema": wanted}
    return {"messages": messages, "params": params}


def from_model_fields(params: Json) -> Json:
    """Model fields that have a parameter of their own are given by that."""
    fields = params.get("additionalModelRequestFields", {})
    if set(fields) == {"thinking"}:
        del params["additionalModelRequestFields"]
        return {"thinking": fields["thinking"]}
    if set(fields) == {"inferenceConfig"}:
        del params["additionalModelRequestFields"]
        return {"top_k": fields["inferenceConfig"]["topK"]}
    if set(fields) == {"reasoning_effort"} or fields.get("reasoning_config") == "high":
        del params["additionalModelRequestFields"]
        return {"reasoning_effort": "high"}
    return {}


def from_turn(turn: Json) -> list[Json]:
    blocks = turn["content"]
    if turn["role"] == "assistant":
        return [from_assistant(blocks)]
    messages: list[Json] = []
    for block in blocks:
        result = block.get("toolResult")
        if result is not None:
            message = {
                "role": "tool",
                "tool_call_id": result["toolUseId"],
                "content": to_parts(result["content"]),
            }
            messages.append(message | {key: result[key] for key in ("status",) if key in result})
        elif "cachePoint" in block and not (messages and messages[-1]["role"] == "user"):
            messages[-1]["cache_control"] = {"type": "ephemeral"}
        else:
            if not messages or messages[-1]["role"] != "user":
                messages.append({"role": "user", "content": []})
            messages[-1]["content"] += to_parts([block])
    return messages


def from_assistant(blocks: list[Json]) -> Json:
    texts = [{"type": "text", "text": block["text"]} for block in blocks if "text" in block]
    message: Json = {"role": "assistant", "content": texts if len(texts) > 1 else read_text(blocks)}
    _, thinking = read_reasoning(blocks)
    if thinking:
        message["thinking_blocks"] = thinking
    calls = [
        {
            "id": call_id,
            "type": "function",
            "function": {"name": name, "arguments": orjson.dumps(arguments).decode()},
        }
        for call_id, name, arguments in read_calls(blocks)
    ]
    if calls:
        message["tool_calls"] = calls
    if not all({"text", "toolUse", "reasoningContent"} & set(block) for block in blocks) or any(
        block.get("toolUse", {}).get("type") == "server_tool_use" for block in blocks
    ):
        message["content"] = read_text(blocks)
        message["provider_specific_fields"] = {"converse_blocks": blocks}
    return message


def to_parts(blocks: list[Json]) -> list[Json]:
    parts: list[Json] = []
    for block in blocks:
        ((kind, value),) = block.items()
        if kind == "cachePoint" and parts:
            parts[-1]["cache_control"] = {"type": "ephemeral"}
        elif kind == "text":
            parts.append({"type": "text", "text": value})
        elif kind == "image":
            source = value["source"]
            url = (
                source.get("s3Location", {}).get("uri")
                or f"data:image/{value['format']};base64,{source['bytes']}"
            )
            parts.append({"type": "image_url", "image_url": {"url": url}})
        elif kind == "document" and "bytes" in value["source"]:
            file = {
                "filename": f"{value['name']}.{value['format']}",
                "file_data": f"data:;base64,{value['source']['bytes']}",
            }
            parts.append(
                {"type": "file", "file": file}
                | {key: value[key] for key in ("citations", "context") if key in value}
            )
        else:
            parts.append({"type": kind, kind: value})
    return parts


def from_tool_config(config: Json) -> Json:
    tools: list[Json] = []
    for tool in config["tools"]:
        spec = tool.get("toolSpec")
        if spec is not None:
            function = {"name": spec["name"], "parameters": spec["inputSchema"]["json"]}
            function |= {key: spec[key] for key in ("description", "strict") if key in spec}
            tools.append({"type": "function", "function": function})
        elif "cachePoint" in tool:
            tools[-1]["cache_control"] = {"type": "ephemeral"}
        else:
            tools.append({"type": "systemTool", **tool})
    params: Json = {"tools": tools}
    if choice := config.get("toolChoice"):
        ((kind, value),) = choice.items()
        named = {"type": "function", "function": value}
        params["tool_choice"] = {"auto": "auto", "any": "required", "tool": named}[kind]
    return params


def normal(body: Json) -> Json:
    """The body without differences that mean nothing: empty objects, schemas as text, turns of one role in two."""
    inference = {key: value for key, value in (body.get("inferenceConfig") or {}).items() if value != []}
    body = {
        key: value for key, value in (body | {"inferenceConfig": inference}).items() if value not in ({}, [])
    }
    turns: list[Json] = []
    for turn in body["messages"]:
        if turns and turns[-1]["role"] == turn["role"]:
            turns[-1]["content"] += turn["content"]
        else:
            turns.append(turn)
        for block in turn["content"]:
            normal_block(block)
    body["messages"] = turns
    if "outputConfig" in body:
        schema = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
        schema["schema"] = orjson.loads(schema["schema"])
    for tool in body.get("toolConfig", {}).get("tools", ()):
        if "toolSpec" in tool:
            tool["toolSpec"]["inputSchema"]["json"].setdefault("type", "object")
    return body


def normal_block(block: Json) -> None:
    use = block.get("toolUse")
    if use is not None and use.get("type") == "tool_use":
        del use["type"]
    for document in [block, *block.get("toolResult", {}).get("content", ())]:
        if (source := document.get("document", {}).get("source", {}).get("bytes")) is not None:
            document["document"]["source"]["bytes"] = base64.b64decode(source)
