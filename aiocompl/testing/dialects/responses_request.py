"""What OpenAI's Responses API refuses before it asks a model, and what a request that it takes asks for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from aiocompl.testing.asked import Asked, Problem, ProblemError, Received, Tool
from aiocompl.testing.dialects import parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_UNKNOWN: Final = (
    "messages",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "stop",
    "seed",
    "logit_bias",
    "logprobs",
    "frequency_penalty",
    "presence_penalty",
    "response_format",
    "reasoning_effort",
    "functions",
    "function_call",
)
"""Parameters of Chat Completions, which it does not take."""

_ROLES: Final = ("assistant", "system", "developer", "user")
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_MIN_OUTPUT: Final = 16


def check(raw: bytes) -> dict[str, Any]:
    """Parse the body of a request and hold it to the rules.

    Raises:
        ProblemError: OpenAI would answer it with 400.
    """
    body = parts.parsed(raw, "We could not parse the JSON body of your request.")
    if not body.get("model"):
        raise _bad("Missing required parameter: 'model'.", "model", "missing_required_parameter")
    for name in _UNKNOWN:
        if name in body:
            raise _bad(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    given = body.get("input")
    if given is None and not body.get("prompt") and not body.get("previous_response_id"):
        raise _bad("Missing required parameter: 'input'.", "input", "missing_required_parameter")
    for at, item in enumerate(given if isinstance(given, list) else ()):
        _check_item(item, f"input[{at}]")
    _check_outputs(given, body)
    _check_rest(body)
    return body


def no_model(model: str) -> ProblemError:
    """An exception that refuses a model, to be raised."""
    return _bad(f"The requested model '{model}' does not exist.", "model", "model_not_found")


def _bad(message: str, param: str, code: str | None = None) -> ProblemError:
    return ProblemError(Problem(status=400, kind="invalid_request", message=message, param=param, code=code))


def _check_item(item: Mapping[str, Any], where: str) -> None:
    if item.get("type", "message") != "message":
        return
    if item.get("role") not in _ROLES:
        known = ", ".join(f"'{role}'" for role in _ROLES)
        text = f"Invalid value: '{item.get('role')}'. Supported values are: {known}."
        raise _bad(text, where, "invalid_value")
    wanted = (
        ("output_text", "refusal")
        if item["role"] == "assistant"
        else ("input_text", "input_image", "input_file")
    )
    for at, part in enumerate(item["content"] if isinstance(item.get("content"), list) else ()):
        if part.get("type") not in wanted:
            text = (
                f"Invalid value: '{part.get('type')}'. Supported values are: {', '.join(map(repr, wanted))}."
            )
            raise _bad(text, f"{where}.content[{at}]", "invalid_value")


def _check_outputs(given: Any, body: Mapping[str, Any]) -> None:
    """Each function call of the input is answered in it, and nothing answers one that was not made."""
    items = given if isinstance(given, list) else []
    calls = [item["call_id"] for item in items if item.get("type") == "function_call"]
    outputs = [item["call_id"] for item in items if item.get("type") == "function_call_output"]
    for call in calls:
        if call not in outputs:
            raise _bad(f"No tool output found for function call {call}.", "input")
    for output in outputs:
        if output not in calls and not body.get("previous_response_id"):
            text = f"No tool call found for function call output with call_id {output}."
            raise _bad(text, "input")


def _check_rest(body: Mapping[str, Any]) -> None:
    limit = body.get("max_output_tokens")
    if not parts.within(limit, _MIN_OUTPUT, float("inf")):
        text = f"Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got {limit} instead."
        raise _bad(text, "max_output_tokens", "integer_below_min_value")
    for name, high in (("temperature", 2), ("top_p", 1)):
        if not parts.within(body.get(name), 0, high):
            text = f"Invalid '{name}': decimal out of range. Expected a value from 0 to {high}."
            raise _bad(text, name, "decimal_above_max_value")
    for at, tool in enumerate(body.get("tools") or ()):
        if not tool.get("type"):
            missing = f"tools[{at}].type"
            raise _bad(f"Missing required parameter: '{missing}'.", missing, "missing_required_parameter")
        if tool["type"] == "function" and not _NAME.fullmatch(tool.get("name") or ""):
            missing = f"tools[{at}].name"
            raise _bad(f"Missing required parameter: '{missing}'.", missing, "missing_required_parameter")


def as_asked(received: Received, body: Mapping[str, Any]) -> Asked:
    """Say what the checked body asks for."""
    tools = tuple(
        Tool(name=tool["name"], parameters=tool.get("parameters") or {})
        for tool in body.get("tools") or ()
        if tool["type"] == "function"
    )
    return Asked(
        number=received.number,
        model=body["model"],
        stream=bool(body.get("stream")),
        text=_last_user_text(body.get("input")),
        prompt_tokens=parts.prompt_tokens(received),
        body=body,
        headers=received.headers,
        max_tokens=body.get("max_output_tokens"),
        tools=tools,
        must_call=_must_call(body.get("tool_choice"), tools),
        schema=_schema((body.get("text") or {}).get("format") or {}),
    )


def _last_user_text(given: Any) -> str:
    if isinstance(given, str):
        return given
    users = [item["content"] for item in given or () if item.get("role") == "user"]
    return parts.texts(users[-1]) if users else ""


def _must_call(choice: Any, tools: Sequence[Tool]) -> Tool | None:
    if choice == "required":
        return next(iter(tools), None)
    if not isinstance(choice, dict):
        return None
    if choice.get("type") == "allowed_tools":
        return parts.named(tools, choice["tools"][0].get("name")) if choice["mode"] == "required" else None
    return parts.named(tools, choice.get("name"))


def _schema(form: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if form.get("type") == "json_schema":
        schema: Mapping[str, Any] = form.get("schema") or {}
        return schema
    return {} if form.get("type") == "json_object" else None
