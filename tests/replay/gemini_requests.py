"""Gemini's requests as OpenAI's parameters, and in a form that makes equivalent ones equal. Written for the replay."""

from __future__ import annotations

import re
from typing import Any

import orjson

SKIP = {"c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=", "skip_thought_signature_validator"}
OWN_PARTS = {"toolCall", "toolResponse", "executableCode", "codeExecutionResult"}

PARAMS = {
    "temperature": "temperature",
    "topP": "top_p",
    "topK": "top_k",
    "maxOutputTokens": "max_tokens",
    "candidateCount": "n",
    "seed": "seed",
    "responseLogprobs": "logprobs",
    "logprobs": "top_logprobs",
    "responseSchema": "response_schema",
    "thinkingConfig": "thinking_config",
}
BODY = {
    "safetySettings": "safety_settings",
    "cachedContent": "cached_content",
    "labels": "labels",
    "modelArmorConfig": "model_armor_config",
}
CHOICES = {"AUTO": "auto", "NONE": "none", "ANY": "required"}


def camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)


def snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda match: f"_{match[0].lower()}", name)


def keys(value: dict[str, Any]) -> dict[str, Any]:
    """The dict with its own keys in camel case; the server takes both."""
    return {camel(key): item for key, item in value.items()}


def canonical(body: dict[str, Any]) -> dict[str, Any]:
    """Documented equivalences undone: key case, base64 alphabets, neighbours of one role, empty fields, placeholders."""
    made = keys(body)
    config = keys(made.pop("generationConfig", {}))
    if "thinkingConfig" in config:
        config["thinkingConfig"] = keys(config["thinkingConfig"])
    calling = made.get("toolConfig", {}).get("functionCallingConfig", {})
    if "mode" in calling:
        made["toolConfig"] = made["toolConfig"] | {
            "functionCallingConfig": calling | {"mode": calling["mode"].upper()}
        }
    system = made.pop("systemInstruction", {})
    told = system.get("parts", [])
    return {
        **{key: value for key, value in made.items() if value not in ({}, [])},
        "contents": contents(made["contents"]),
        "systemInstruction": "".join(item["text"] for item in ([told] if isinstance(told, dict) else told)),
        "generationConfig": config,
        "tools": tools(made.get("tools", [])),
    }


def contents(raw: list[dict[str, Any]]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for content in raw:
        role = content.get("role", "user")
        parts = [part(item) for item in content.get("parts", [])]
        parts = [item for item in parts if item != {"text": ""} and item]
        if made and made[-1]["role"] == role:
            made[-1]["parts"] += parts
        elif parts:
            made.append({"role": role, "parts": parts})
    return made


def part(raw: dict[str, Any]) -> dict[str, Any]:
    made = keys(raw)
    if made.get("thoughtSignature") in SKIP:
        del made["thoughtSignature"]
    if "thoughtSignature" in made:
        made["thoughtSignature"] = standard(made["thoughtSignature"])
    for name in ("inlineData", "fileData", "functionCall", "functionResponse", "videoMetadata"):
        if name in made:
            made[name] = keys(made[name])
    if "inlineData" in made:
        made["inlineData"]["data"] = standard(made["inlineData"]["data"])
    if "functionCall" in made:
        made["functionCall"].setdefault("args", {})
    if "functionResponse" in made:
        response = made["functionResponse"]
        response.setdefault("response", {})
        if "parts" in response:
            response["parts"] = [part(item) for item in response["parts"]]
    return made


def standard(text: str) -> str:
    return text.replace("-", "+").replace("_", "/")


def tools(raw: list[dict[str, Any]] | dict[str, Any]) -> list[Any]:
    functions: list[Any] = []
    others: list[Any] = []
    for tool in [raw] if isinstance(raw, dict) else raw:
        for name, value in keys(tool).items():
            if name == "functionDeclarations":
                functions += [declaration(item) for item in value]
            else:
                others.append({name: value})
    return functions + others


def declaration(raw: dict[str, Any]) -> dict[str, Any]:
    made = {key: value for key, value in keys(raw).items() if value is not None}
    schema = made.pop("parameters", None) or made.pop("parametersJsonSchema", None)
    return made | ({"schema": lower_types(schema)} if schema else {})


def lower_types(schema: Any) -> Any:
    """A schema with its types in small letters: the OpenAPI form has them in capitals."""
    if isinstance(schema, list):
        return [lower_types(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    lowered = {key: lower_types(item) for key, item in schema.items()}
    kind = lowered.get("type")
    return lowered | ({"type": kind.lower()} if isinstance(kind, str) else {})


def openai_request(body: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The messages and parameters that say the same."""
    made = canonical(body)
    messages: list[dict[str, Any]] = []
    if made["systemInstruction"]:
        messages.append({"role": "system", "content": made["systemInstruction"]})
    calls: list[dict[str, Any]] = []
    for content in made["contents"]:
        if content["role"] == "model":
            message = assistant(content["parts"])
            calls = list(message.get("tool_calls", []))
            messages.append(message)
        else:
            messages += user(content["parts"], calls)
    return messages, parameters(made)


def assistant(parts: list[dict[str, Any]]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": []}
    for item in parts:
        signature = item.get("thoughtSignature")
        if "functionCall" in item:
            message.setdefault("tool_calls", []).append(call(item, len(message.get("tool_calls", []))))
        elif item.keys() & OWN_PARTS:
            message.setdefault("provider_specific_fields", {"parts": []})["parts"].append(item)
        elif item.get("thought") or signature:
            thought = item.get("text", "") if item.get("thought") else ""
            block = {"type": "thinking", "thinking": thought} | (
                {"signature": signature} if signature else {}
            )
            message.setdefault("thinking_blocks", []).append(block)
        if "text" in item and not item.get("thought"):
            message["content"].append({"type": "text", "text": item["text"]})
    if not message["content"]:
        message["content"] = None
    return message


def call(item: dict[str, Any], number: int) -> dict[str, Any]:
    function = item["functionCall"]
    made = {
        "id": function.get("id", f"call_{number}"),
        "type": "function",
        "function": {"name": function["name"], "arguments": orjson.dumps(function["args"]).decode()},
    }
    signature = item.get("thoughtSignature")
    return made | ({"provider_specific_fields": {"thought_signature": signature}} if signature else {})


def user(parts: list[dict[str, Any]], calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    said: list[dict[str, Any]] = []
    left = list(calls)
    for item in parts:
        if "functionResponse" not in item:
            said.append(spoken(item))
            continue
        response = item["functionResponse"]
        index = next(
            (
                i
                for i, c in enumerate(left)
                if c["id"] == response.get("id") or c["function"]["name"] == response["name"]
            ),
            None,
        )
        identity = response.get("id") or (left[index]["id"] if index is not None else "call_0")
        if index is not None:
            del left[index]
        content: list[dict[str, Any]] = [spoken(media) for media in response.get("parts", [])]
        if response["response"] or not content:
            content.insert(0, {"type": "text", "text": orjson.dumps(response["response"]).decode()})
        messages.append({"role": "tool", "tool_call_id": identity, "content": content})
    return [*messages, {"role": "user", "content": said}] if said else messages


def spoken(item: dict[str, Any]) -> dict[str, Any]:
    if "text" in item:
        return {"type": "text", "text": item["text"]}
    extra = {"video_metadata": item["videoMetadata"]} if "videoMetadata" in item else {}
    if "fileData" in item:
        file = item["fileData"]
        return {"type": "file", "file": {"file_id": file["fileUri"], "format": file["mimeType"]}} | extra
    kind, data = item["inlineData"]["mimeType"], item["inlineData"]["data"]
    if kind.startswith("image/"):
        return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{data}"}} | extra
    if kind.startswith("audio/"):
        return {"type": "input_audio", "input_audio": {"data": data, "format": kind.removeprefix("audio/")}}
    return {"type": "file", "file": {"file_data": f"data:{kind};base64,{data}"}} | extra


def parameters(made: dict[str, Any]) -> dict[str, Any]:
    config = dict(made["generationConfig"])
    params: dict[str, Any] = {given: config.pop(name) for name, given in PARAMS.items() if name in config}
    if "responseModalities" in config:
        params["modalities"] = [modality.lower() for modality in config.pop("responseModalities")]
    if "responseJsonSchema" in config:
        schema = {"name": "answer", "schema": config.pop("responseJsonSchema")}
        params["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif "responseMimeType" in config:
        params["response_format"] = {"type": "json_object"}
    config.pop("responseMimeType", None)
    assert not config, f"the replay does not know {config}"
    params |= {given: made[name] for name, given in BODY.items() if name in made}
    params |= tool_parameters(made)
    unknown = (
        made.keys()
        - BODY.keys()
        - {"contents", "systemInstruction", "generationConfig", "tools", "toolConfig"}
    )
    assert not unknown, f"the replay does not know {unknown}"
    return params


def tool_parameters(made: dict[str, Any]) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for tool in made["tools"]:
        if "name" in tool:
            function = {"name": tool["name"]} | ({"parameters": tool["schema"]} if "schema" in tool else {})
            if "description" in tool:
                function["description"] = tool["description"]
            params.setdefault("tools", []).append({"type": "function", "function": function})
        else:
            ((name, value),) = tool.items()
            params.setdefault("tools", []).append({"type": snake(name), snake(name): value})
    config = dict(made.get("toolConfig", {}))
    calling = config.pop("functionCallingConfig", None)
    if calling is not None:
        mode = calling["mode"].upper()
        names = calling.get("allowedFunctionNames", [])
        allowed = [{"type": "function", "function": {"name": name}} for name in names]
        if allowed:
            how = {"mode": "auto" if mode == "VALIDATED" else "required", "tools": allowed}
            params["tool_choice"] = {"type": "allowed_tools", "allowed_tools": how}
        elif mode in CHOICES:
            params["tool_choice"] = CHOICES[mode]
        else:
            config["functionCallingConfig"] = calling
    return params | ({"tool_config": config} if config else {})
