"""What Google refuses before it asks a model, and what a request that it takes asks for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from aiocompl.testing.asked import Asked, Received, Tool
from aiocompl.testing.dialects import parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FIELDS: Final = (
    "contents",
    "systemInstruction",
    "generationConfig",
    "tools",
    "toolConfig",
    "safetySettings",
    "cachedContent",
    "labels",
    "serviceTier",
    "store",
    "model",
)
_MODES: Final = ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED")
_NAME: Final = re.compile(r"[a-zA-Z_][\w.:-]{0,127}")
_MAX_STOPS: Final = 5


def check(raw: bytes) -> dict[str, Any]:
    """Parse the body of a request and hold it to the rules. Names may be in snake_case, as Google takes them.

    Raises:
        ProblemError: Google would answer it with 400.
    """
    body = parts.parsed(raw, "Invalid JSON payload received.")
    body = {_camel(name): value for name, value in body.items()}
    for name in body:
        if name not in _FIELDS:
            raise parts.refused(
                f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.', param=name
            )
    missing = "* GenerateContentRequest.contents: contents is not specified\n"
    contents = parts.need_list(body, "contents", missing)
    for at, content in enumerate(contents):
        _check_content(content, at)
    _check_answers(contents)
    config = {_camel(name): value for name, value in (body.get("generationConfig") or {}).items()}
    _check_config(config)
    _check_tools(body)
    return {**body, "generationConfig": config}


def _camel(name: str) -> str:
    head, *others = name.split("_")
    return head + "".join(word.capitalize() for word in others)


def _check_content(content: Mapping[str, Any], at: int) -> None:
    if content.get("role", "user") not in ("user", "model"):
        raise parts.refused("Please use a valid role: user, model.")
    where = f"* GenerateContentRequest.contents[{at}].parts"
    for part in parts.need_list(content, "parts", f"{where}: contents.parts must not be empty.\n"):
        if not part or part == {"text": ""}:
            raise parts.refused(
                f"{where}: Unable to submit request because it must include at least one parts field."
            )


def _check_answers(contents: Sequence[Mapping[str, Any]]) -> None:
    """As many function responses as the turn before has calls."""
    calls = 0
    for content in contents:
        answers = sum("functionResponse" in part for part in content["parts"])
        if answers != calls and (answers or content.get("role", "user") == "user"):
            raise parts.refused(
                "Please ensure that the number of function response parts is equal to the number of function call "
                "parts of the function call turn."
            )
        calls = sum("functionCall" in part for part in content["parts"])


def _check_config(config: Mapping[str, Any]) -> None:
    ranges = {
        "temperature": (0, 2),
        "topP": (0, 1),
        "candidateCount": (1, 8),
        "maxOutputTokens": (1, float("inf")),
    }
    for name, (low, high) in ranges.items():
        if not parts.within(config.get(name), low, high):
            raise parts.refused(
                f"* GenerateContentRequest.generation_config.{name}: {name} must be in the range [{low}, {high}].\n"
            )
    if len(config.get("stopSequences") or ()) > _MAX_STOPS:
        raise parts.refused("The number of stop sequences must be at most 5.")
    thinking = config.get("thinkingConfig") or {}
    if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
        raise parts.refused("You can only set only one of thinking budget and thinking level.")
    schema = config.get("responseSchema") or config.get("responseJsonSchema")
    if schema and config.get("responseMimeType", "text/plain") == "text/plain":
        raise parts.refused("Response schema requires a response mime type of application/json.")


def _check_tools(body: Mapping[str, Any]) -> None:
    for each in _functions(body):
        if not _NAME.fullmatch(each.get("name") or ""):
            raise parts.refused(
                "* GenerateContentRequest.tools[0].function_declarations[0].name: Invalid function name. Must start "
                "with a letter or an underscore.\n"
            )
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    if calling.get("mode", "AUTO") not in _MODES:
        raise parts.refused(f"Invalid value at 'tool_config.function_calling_config.mode': {calling['mode']}")
    if calling.get("allowedFunctionNames") and calling.get("mode") not in ("ANY", "VALIDATED"):
        raise parts.refused("Allowed function names should only be set when calling mode is ANY.")


def _functions(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    declared = [each for tool in body.get("tools") or () for each in tool.get("functionDeclarations") or ()]
    return [{_camel(name): value for name, value in each.items()} for each in declared]


def as_asked(received: Received, body: Mapping[str, Any], model: str, *, stream: bool) -> Asked:
    """Say what the checked body asks for."""
    config = body["generationConfig"]
    tools = tuple(
        Tool(name=each["name"], parameters=each.get("parametersJsonSchema") or _plain(each.get("parameters")))
        for each in _functions(body)
    )
    users = [content["parts"] for content in body["contents"] if content.get("role", "user") == "user"]
    return Asked(
        number=received.number,
        model=model,
        stream=stream,
        text=parts.texts(users[-1]) if users else "",
        prompt_tokens=parts.prompt_tokens(received),
        body=body,
        headers=received.headers,
        choices=config.get("candidateCount") or 1,
        stop=tuple(config.get("stopSequences") or ()),
        max_tokens=config.get("maxOutputTokens"),
        tools=tools,
        must_call=_must_call(body, tools),
        schema=_schema(config),
    )


def _must_call(body: Mapping[str, Any], tools: Sequence[Tool]) -> Tool | None:
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    if calling.get("mode") != "ANY":
        return None
    names = calling.get("allowedFunctionNames")
    return parts.named(tools, names[0]) if names else next(iter(tools), None)


def _schema(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if config.get("responseMimeType") != "application/json":
        return None
    schema: Mapping[str, Any] = config.get("responseJsonSchema") or _plain(config.get("responseSchema"))
    return schema


def _plain(schema: Any) -> Any:
    """OpenAPI's form, whose types are in capitals, as JSON Schema."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema or {}
    return {
        name: value.lower() if name == "type" and isinstance(value, str) else _plain_part(value)
        for name, value in schema.items()
    }


def _plain_part(value: Any) -> Any:
    return _plain(value) if isinstance(value, dict | list) else value
