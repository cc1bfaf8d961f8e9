"""OpenAI's parameters as ``generationConfig``, ``tools``, ``toolConfig`` and the rest of the body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from aiocompl.codecs.gemini.schema import json_schema, openapi_schema
from aiocompl.codecs.gemini.thinking import thinking_config
from aiocompl.codecs.tools import EMPTY_SCHEMA, response_schema, stop_of, tool_choice_of, tools_of
from aiocompl.errors import UnsupportedParamsError

if TYPE_CHECKING:
    from aiocompl.codecs.gemini.surfaces import Surface
    from aiocompl.codecs.gemini.traits import Traits
    from aiocompl.codecs.tools import Tool, ToolChoice

GENERATION_FIELDS: Final[Mapping[str, str]] = {
    "max_tokens": "maxOutputTokens",
    "max_completion_tokens": "maxOutputTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "n": "candidateCount",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "logprobs": "responseLogprobs",
}
"""OpenAI's parameters that only change their names."""

NATIVE_GENERATION_FIELDS: Final[Mapping[str, str]] = {
    "top_k": "topK",
    "response_mime_type": "responseMimeType",
    "response_schema": "responseSchema",
    "response_json_schema": "responseJsonSchema",
    "response_modalities": "responseModalities",
    "speech_config": "speechConfig",
    "image_config": "imageConfig",
    "media_resolution": "mediaResolution",
    "audio_timestamp": "audioTimestamp",
    "routing_config": "routingConfig",
}
"""Gemini's own parameters of the generation, under the names of its Python library."""

NATIVE_BODY_FIELDS: Final[Mapping[str, str]] = {
    "safety_settings": "safetySettings",
    "cached_content": "cachedContent",
    "labels": "labels",
    "model_armor_config": "modelArmorConfig",
}
"""Gemini's own parameters beside the generation's."""

NATIVE_PARAMS: Final = frozenset(
    {*NATIVE_GENERATION_FIELDS, *NATIVE_BODY_FIELDS, "thinking", "thinking_config", "tool_config"}
)

SERVER_TOOLS: Final[Mapping[str, str]] = {
    "code_execution": "codeExecution",
    "computer_use": "computerUse",
    "enterprise_web_search": "enterpriseWebSearch",
    "file_search": "fileSearch",
    "google_maps": "googleMaps",
    "google_search": "googleSearch",
    "google_search_retrieval": "googleSearchRetrieval",
    "retrieval": "retrieval",
    "url_context": "urlContext",
    "web_search": "googleSearch",
    "web_search_preview": "googleSearch",
}
"""Tools that Google runs itself, by `type`; their settings stand under the type's name."""

_GOOGLE_SEARCH: Final[Mapping[str, Any]] = {"googleSearch": {}}
_MODES: Final = {"auto": "AUTO", "none": "NONE", "required": "ANY", "named": "ANY"}
_AUDIO_FORMATS: Final = frozenset({None, "pcm16", "pcm"})
_TIERS: Final = {"auto": None, "default": "standard"}


def body_fields(params: Mapping[str, Any], surface: Surface, traits: Traits) -> dict[str, Any]:
    """All of the body that comes from parameters.

    Raises:
        UnsupportedParamsError: A value has no place in the dialect, or the model can't do it.
        BadRequestError: A value is none that OpenAI's API has.
    """
    body: dict[str, Any] = {}
    if config := _generation_config(params, traits):
        body["generationConfig"] = config
    _add_tools(body, params, surface, traits)
    for given, sent in NATIVE_BODY_FIELDS.items():
        if (value := params.get(given)) is not None:
            body[sent] = value
    if surface.labels and params.get("metadata"):
        body.setdefault("labels", params["metadata"])
    tier = params.get("service_tier")
    if tier is not None and (sent_tier := _TIERS.get(tier, tier)) is not None:
        body["serviceTier"] = sent_tier
    return body


def _generation_config(params: Mapping[str, Any], traits: Traits) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for fields in (GENERATION_FIELDS, NATIVE_GENERATION_FIELDS):
        for given, sent in fields.items():
            if (value := params.get(given)) is not None:
                config[sent] = value
    if params.get("top_logprobs"):
        config["logprobs"] = params["top_logprobs"]
    if stops := stop_of(params):
        config["stopSequences"] = stops
    if (thinking := thinking_config(params, traits)) is not None:
        config["thinkingConfig"] = thinking
    if modalities := params.get("modalities"):
        config["responseModalities"] = [modality.upper() for modality in modalities]
    if (audio := params.get("audio")) is not None:
        config.setdefault("speechConfig", _speech(audio))
    return config | _response_format(params, traits)


def _response_format(params: Mapping[str, Any], traits: Traits) -> dict[str, Any]:
    form = params.get("response_format")
    if not isinstance(form, Mapping) or form.get("type") == "text":
        return {}
    fields: dict[str, Any] = {"responseMimeType": "application/json"}
    if (wanted := response_schema(params)) is None:
        return fields
    if traits.json_schema:
        return fields | {"responseJsonSchema": json_schema(wanted["schema"])}
    return fields | {"responseSchema": openapi_schema(wanted["schema"], param="response_format")}


def _speech(audio: Mapping[str, Any]) -> dict[str, Any]:
    if audio.get("format") not in _AUDIO_FORMATS:
        raise UnsupportedParamsError("audio.format: this provider speaks 'pcm16' only", param="audio")
    voice = audio.get("voice")
    return {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}} if voice else {}


def _add_tools(body: dict[str, Any], params: Mapping[str, Any], surface: Surface, traits: Traits) -> None:
    functions, others = tools_of(params)
    tools: list[Mapping[str, Any]] = [_server_tool(index, tool) for index, tool in enumerate(others)]
    if (search := params.get("web_search_options")) is not None and _GOOGLE_SEARCH not in tools:
        if search.get("user_location"):  # the context size is a hint, and left out
            raise UnsupportedParamsError(
                "web_search_options.user_location: this provider's search takes no place",
                param="web_search_options",
            )
        tools.append(_GOOGLE_SEARCH)
    mixed = bool(functions and tools) and surface.mixing_flag and traits.mixes_tools
    if functions:
        tools.insert(0, {"functionDeclarations": [_declaration(tool, traits) for tool in functions]})
    if tools:
        body["tools"] = tools
    if params.get("parallel_tool_calls") is False and functions:
        raise UnsupportedParamsError(
            "parallel_tool_calls: this provider cannot be kept from calling tools in parallel",
            param="parallel_tool_calls",
        )
    config = {"includeServerSideToolInvocations": True} if mixed else {}
    config |= _calling(tool_choice_of(params)) | dict(params.get("tool_config") or {})
    if config:
        body["toolConfig"] = config


def _declaration(tool: Tool, traits: Traits) -> dict[str, Any]:
    made: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        made["description"] = tool.description
    if tool.parameters is EMPTY_SCHEMA:
        return made
    if traits.json_schema:
        made["parametersJsonSchema"] = json_schema(tool.parameters)
    elif tool.parameters.get("properties"):  # an empty object is refused in this form
        made["parameters"] = openapi_schema(tool.parameters, param="tools")
    return made


def _server_tool(index: int, tool: Mapping[str, Any]) -> dict[str, Any]:
    kind = tool["type"]
    name = SERVER_TOOLS.get(kind)
    if name is None:
        raise UnsupportedParamsError(
            f"tools: this provider has no tool of type {kind!r} (entry {index} of those that are no functions); "
            f"it has {', '.join(SERVER_TOOLS)}",
            param="tools",
        )
    return {name: tool.get(kind) or {}}


def _calling(choice: ToolChoice | None) -> dict[str, Any]:
    """Which function must be called. A choice among some, calling none allowed, is mode VALIDATED."""
    if choice is None:
        return {}
    names = [choice.name] if choice.name is not None else list(choice.allowed)
    if not names:
        return {"functionCallingConfig": {"mode": _MODES[choice.mode]}}
    mode = "VALIDATED" if choice.mode == "auto" else _MODES[choice.mode]
    return {"functionCallingConfig": {"mode": mode, "allowedFunctionNames": names}}
