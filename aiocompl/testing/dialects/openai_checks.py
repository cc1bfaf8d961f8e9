"""What OpenAI refuses before it asks a model, with its words as far as they are known.

Source: https://platform.openai.com/docs/api-reference/chat (2026-11) and the errors that its users report.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.testing.asked import Problem, ProblemError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ROLES: Final = ("system", "assistant", "user", "function", "tool", "developer")
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_MODERN: Final = re.compile(r"o\d|gpt-[5-9](?!-chat)")  # models that dropped max_tokens
_RANGES: Final = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
    "top_logprobs": (0, 20),
    "n": (1, 128),
    "max_tokens": (1, float("inf")),
    "max_completion_tokens": (1, float("inf")),
}
_WHOLE: Final = ("top_logprobs", "n", "max_tokens", "max_completion_tokens")
_MAX_STOPS: Final = 4
_MAX_TOOLS: Final = 128


def check(raw: bytes) -> dict[str, Any]:
    """Parse the body of a chat request and hold it to the rules.

    Raises:
        ProblemError: OpenAI would answer it with 400.
    """
    body = _parsed(raw)
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise _bad("you must provide a model parameter")
    _check_messages(body.get("messages"))
    _check_ranges(body)
    _check_tools(body)
    _check_rest(body)
    return body


def _bad(message: str, param: str | None = None, code: str | None = None) -> ProblemError:
    return ProblemError(Problem(status=400, kind="invalid_request", message=message, param=param, code=code))


def _parsed(raw: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise _bad(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP "
            "library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)"
        )
    return body


def _check_messages(messages: Any) -> None:
    if messages is None:
        raise _bad("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
    if not isinstance(messages, list):
        raise _bad("Invalid type for 'messages': expected an array of objects.", "messages", "invalid_type")
    if not messages:
        message = "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead."
        raise _bad(message, "messages", "empty_array")
    for at, message in enumerate(messages):
        _check_message(message, f"messages[{at}]")
    _check_tool_answers(messages)


def _check_message(message: Any, where: str) -> None:
    if not isinstance(message, dict):
        raise _bad(f"Invalid type for '{where}': expected an object.", where, "invalid_type")
    role = message.get("role")
    if role is None:
        raise _bad(
            f"Missing required parameter: '{where}.role'.", f"{where}.role", "missing_required_parameter"
        )
    if role not in _ROLES:
        known = ", ".join(repr(name) for name in _ROLES)
        raise _bad(
            f"Invalid value: '{role}'. Supported values are: {known}.", f"{where}.role", "invalid_value"
        )
    content = message.get("content")
    if content is None and role not in ("assistant", "function"):
        text = f"Invalid value for 'content': expected a string, got null. ({where}.content)"
        raise _bad(text, f"{where}.content", "invalid_type")
    if content is not None and not isinstance(content, str | list):
        text = f"Invalid type for '{where}.content': expected one of a string or array of objects."
        raise _bad(text, f"{where}.content", "invalid_type")
    if role == "tool" and not message.get("tool_call_id"):
        missing = f"{where}.tool_call_id"
        raise _bad(f"Missing required parameter: '{missing}'.", missing, "missing_required_parameter")


def _check_tool_answers(messages: Sequence[Mapping[str, Any]]) -> None:
    """Each tool call is answered right after its message, and nothing answers a call that was not made."""
    open_calls: list[str] = []
    for at, message in enumerate(messages):
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_calls:
                text = "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
                raise _bad(text, f"messages.[{at}].role")
            open_calls.remove(message["tool_call_id"])
            continue
        if open_calls:
            raise _unanswered(open_calls, at)
        open_calls = [call["id"] for call in message.get("tool_calls") or ()]
    if open_calls:
        raise _unanswered(open_calls, len(messages))


def _unanswered(calls: Sequence[str], at: int) -> ProblemError:
    text = (
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        f"The following tool_call_ids did not have response messages: {', '.join(calls)}"
    )
    return _bad(text, f"messages.[{at}].role")


def _check_ranges(body: Mapping[str, Any]) -> None:
    for name, (low, high) in _RANGES.items():
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise _bad(f"Invalid type for '{name}': expected a number.", name, "invalid_type")
        if name in _WHOLE and not isinstance(value, int):
            raise _bad(f"Invalid type for '{name}': expected an integer.", name, "invalid_type")
        if value < low:
            text = f"Invalid '{name}': number below minimum value. Expected a value >= {low}, but got {value} instead."
            raise _bad(text, name, "decimal_below_min_value")
        if value > high:
            text = f"Invalid '{name}': number above maximum value. Expected a value <= {high}, but got {value} instead."
            raise _bad(text, name, "decimal_above_max_value")


def _check_tools(body: Mapping[str, Any]) -> None:
    tools = body.get("tools")
    if tools is None:
        if body.get("tool_choice") not in (None, "none"):
            raise _bad("'tool_choice' is only allowed when 'tools' are specified.", "tool_choice")
        return
    if not isinstance(tools, list) or not 0 < len(tools) <= _MAX_TOOLS:
        raise _bad(
            f"Invalid 'tools': expected an array of 1 to {_MAX_TOOLS} objects.", "tools", "invalid_value"
        )
    for at, tool in enumerate(tools):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind not in ("function", "custom") or not isinstance(tool.get(kind), dict):
            raise _bad(
                f"Missing required parameter: 'tools[{at}].type'.",
                f"tools[{at}].type",
                "missing_required_parameter",
            )
        if not _NAME.fullmatch(tool[kind].get("name") or ""):
            where = f"tools[{at}].{kind}.name"
            text = (
                f"Invalid '{where}': string does not match pattern. Expected the pattern '^[a-zA-Z0-9_-]+$'."
            )
            raise _bad(text, where, "invalid_value")


def _check_rest(body: Mapping[str, Any]) -> None:
    if body.get("stream_options") is not None and not body.get("stream"):
        raise _bad(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options"
        )
    if not isinstance(body.get("stream_options") or {}, dict):
        raise _bad("Invalid type for 'stream_options': expected an object.", "stream_options", "invalid_type")
    stop = body.get("stop")
    if isinstance(stop, list) and len(stop) > _MAX_STOPS:
        text = f"Invalid 'stop': array too long. Expected an array with maximum length {_MAX_STOPS}."
        raise _bad(text, "stop", "array_above_max_length")
    if body.get("max_tokens") is not None and _MODERN.match(body["model"]):
        text = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        raise _bad(text, "max_tokens", "unsupported_parameter")
    kind = (body.get("response_format") or {}).get("type")
    if kind == "json_object" and b"json" not in orjson.dumps(body["messages"]).lower():
        text = "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        raise _bad(text, "messages")
