"""What llama.cpp's server would pass over in a request in OpenAI's format, said in its own way. Pure."""

from __future__ import annotations

from typing import Any, Final

import orjson

_MARK: Final = b'"tool_choice"'


def adapt(body: bytes) -> bytes:
    """Rewrite the body of a chat completion where the server does not do what `tool_choice` says.

    - ``"none"``: the server shows the model the tools nevertheless, which then writes calls that nobody reads. The
      tools are taken out.
    - a named tool: the server ignores the name. The other tools are taken out, and a call is required.
    - ``"required"``: the server lets any amount of prose come before the call. The chat template is told
      (``tool_call_required``), and makes the model begin with it.

    Anything else, JSON or not, is returned as the very same object. Observed with xllamacpp 2026.10.
    """
    if _MARK not in body:
        return body
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    if not isinstance(request, dict) or not isinstance(request.get("tools"), list):
        return body
    return orjson.dumps(request) if _say(request) else body


def _say(request: dict[str, Any]) -> bool:
    """Change the request in place; whether anything was changed."""
    choice = request.get("tool_choice")
    if choice == "none":
        del request["tools"], request["tool_choice"]
        request.pop("parallel_tool_calls", None)
        return True
    if (name := _named(choice)) is not None:
        request["tools"] = [tool for tool in request["tools"] if _named(tool) == name]
        request["tool_choice"] = "required"
    elif choice != "required":
        return False
    given = request.get("chat_template_kwargs")
    request["chat_template_kwargs"] = {
        "tool_call_required": True,
        **(given if isinstance(given, dict) else {}),
    }
    return True


def _named(tool: object) -> str | None:
    """The function's name in a tool or in a `tool_choice` that names one."""
    function = tool.get("function") if isinstance(tool, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) else None
