"""Bad calls, found before any I/O. Each finding is a `BadRequestError` that says where (``messages[3].tool_call_id``).

Numeric ranges are not looked at: they are the provider's business and differ by model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, NoReturn

from aiocompl.errors import BadRequestError
from aiocompl.types.model import Model

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch
_MAX_STOPS: Final = 4
_ROLE_AND_TEXT: Final = 2  # the fields of most messages
_PLAIN_ROLES: Final = (
    "user",
    "assistant",
    "system",
    "developer",
)  # tuples: what is looked up may not be hashable
_ROLES: Final = (*_PLAIN_ROLES, "tool", "function")
_TEXT_MAY_BE_NULL: Final = frozenset({"assistant", "function"})


def check_messages(messages: object) -> Sequence[Mapping[str, Any]]:
    """The messages as plain mappings, checked.

    Args:
        messages: A sequence of mappings in OpenAI's shape, or of `ChatCompletionMessage` objects.

    Raises:
        BadRequestError: One of them is not as the API takes it; `param` says which.
    """
    if not isinstance(messages, Sequence) or isinstance(messages, (str, bytes)):
        _bad("messages", f"must be a list of messages, not {_kind(messages)}")
    if not messages:
        _bad("messages", "must hold at least one message")
    checked: Sequence[Any] = messages
    for index, message in enumerate(messages):
        if type(message) is dict:
            plain = len(message) == _ROLE_AND_TEXT and message.get("role") in _PLAIN_ROLES
            if plain and type(message.get("content")) is str:
                continue  # most messages
        else:
            if not isinstance(message, (Model, Mapping)):
                _bad(f"messages[{index}]", f"must be a mapping, not {_kind(message)}")
            if checked is messages:
                checked = list(messages)
            message = message.to_dict() if isinstance(message, Model) else dict(message)  # noqa: PLW2901 - as a dict
            checked[index] = message  # type: ignore[index] # a list by now
        _check_message(index, message)
    return checked


def check_params(params: Mapping[str, Any]) -> None:
    """Check what OpenAI's parameters must look like for any provider.

    Raises:
        BadRequestError: One of them does not; `param` says which.
    """
    stop = params.get("stop")
    if stop is not None and not isinstance(stop, str):
        _check_stop(stop)
    if (tools := params.get("tools")) is not None:
        _check_tools(tools)
    if (functions := params.get("functions")) is not None:
        for index, function in enumerate(_list("functions", functions)):
            _check_function(f"functions[{index}]", function)


def _check_message(index: int, message: Mapping[str, Any]) -> None:
    role = message.get("role")
    if role not in _ROLES:
        _bad(f"messages[{index}].role", f"must be one of {', '.join(sorted(_ROLES))}, not {role!r:.40}")
    name = message.get("name")
    if name is not None:
        _check_name(f"messages[{index}].name", name)
    elif role == "function":
        _bad(f"messages[{index}].name", "is missing: a function message needs the name of its function")
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        _bad(
            f"messages[{index}].tool_call_id",
            "is missing: a tool message needs the id of the call it answers",
        )
    content = message.get("content")
    if not isinstance(content, str):
        _check_content(index, role, content)


def _check_content(index: int, role: str, content: object) -> None:
    where = f"messages[{index}].content"
    if content is None:
        if role not in _TEXT_MAY_BE_NULL:
            _bad(where, f"must not be null or missing in a message of role {role!r}")
        return
    if not isinstance(content, (list, tuple)):
        _bad(where, f"must be text, a list of content parts, or null, not {_kind(content)}")
    for number, part in enumerate(content):
        if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
            _bad(
                f"{where}[{number}]", "must be a mapping with a 'type', such as {'type': 'text', 'text': ...}"
            )


def _check_stop(stop: object) -> None:
    texts = _list("stop", stop)
    if len(texts) > _MAX_STOPS:
        _bad("stop", f"must hold at most {_MAX_STOPS} sequences, not {len(texts)}")
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            _bad(f"stop[{index}]", f"must be text, not {_kind(text)}")


def _check_tools(tools: object) -> None:
    for index, tool in enumerate(_list("tools", tools)):
        where = f"tools[{index}]"
        if not isinstance(tool, Mapping) or not isinstance(tool.get("type"), str):
            _bad(where, "must be a mapping with a 'type', such as {'type': 'function', 'function': {...}}")
        if tool["type"] == "function":
            _check_function(f"{where}.function", tool.get("function"))


def _check_function(where: str, function: object) -> None:
    if not isinstance(function, Mapping):
        _bad(where, f"must be a mapping with a 'name', not {_kind(function)}")
    _check_name(f"{where}.name", function.get("name"))
    parameters = function.get("parameters")
    if parameters is None:
        return
    if not isinstance(parameters, Mapping) or parameters.get("type", "object") != "object":
        _bad(f"{where}.parameters", "must be a JSON Schema of type 'object'")
    if not isinstance(parameters.get("properties", {}), Mapping):
        _bad(f"{where}.parameters.properties", "must be a mapping of names to JSON Schemas")


def _check_name(where: str, name: object) -> None:
    if not isinstance(name, str) or _NAME(name) is None:
        _bad(where, f"must be 1 to 64 of the characters A-Z a-z 0-9 _ -, not {name!r:.80}")


def _list(where: str, value: object) -> Sequence[Any]:
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        _bad(where, f"must be a list, not {_kind(value)}")
    return value


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__


def _bad(param: str, message: str) -> NoReturn:
    raise BadRequestError(f"{param} {message}", param=param, type="invalid_request_error")


def seconds(name: str, value: object) -> float:
    """A positive number of seconds.

    Raises:
        BadRequestError: It is none.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0 and isfinite(value):
        return value
    raise BadRequestError(f"{name} must be a positive number of seconds, not {value!r}", param=name)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint with the nearest known names, such as ``"; did you mean 'temperature'?"``, or nothing."""
    from difflib import get_close_matches  # noqa: PLC0415 - only on the way to an error

    near = get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(repr(item) for item in near)}?" if near else ""
