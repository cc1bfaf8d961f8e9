"""`tool_choice` in every form of OpenAI's, in every dialect: what is sent, or that it cannot be said."""

from __future__ import annotations

from typing import Any, Final

import orjson
import pytest

from aiocompl.codecs.routing import Target, resolve
from aiocompl.errors import BadRequestError, UnsupportedParamsError
from aiocompl.types.request import ChatRequest

F, G = ({"type": "function", "function": {"name": name}} for name in "fg")
FORMS: Final[dict[str, Any]] = {
    "auto": "auto",
    "none": "none",
    "required": "required",
    "named": F,
    "some": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [F]}},
    "one of some": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [F]}},
    "custom": {"type": "custom", "custom": {"name": "c"}},
}
REFUSED = "refused"
ENV = {
    "AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com",
    "AWS_REGION": "us-east-1",
    "WATSONX_PROJECT_ID": "p",
}


def chosen(model: str, choice: Any) -> Any:
    """The names of the tools sent, and what is said of the choice among them."""
    route = resolve(Target(model, api_key="sk-x"), ENV)
    request = ChatRequest(
        route.model, [{"role": "user", "content": "Hi"}], {"tools": [F, G], "tool_choice": choice}
    )
    try:
        body = orjson.loads(route.codec.encode_request(request).body)
    except UnsupportedParamsError as error:
        return REFUSED if error.param == "tool_choice" else error
    config = body.get("toolConfig") or {}
    calling = config.get("functionCallingConfig") or config.get("toolChoice")
    choice = body.get("tool_choice", body.get("tool_choice_option", calling))
    return "".join(name for name in "fg" if f'"name":"{name}"'.encode() in _tools(body)), choice


def _tools(body: Any) -> bytes:
    return orjson.dumps(body.get("tools") or (body.get("toolConfig") or {}).get("tools") or [])


AS_IT_IS = {name: ("fg", choice) for name, choice in FORMS.items()}
SOME: Final[dict[str, Any]] = {"some": ("f", "auto"), "one of some": ("f", "required")}
CONVERSE: Final[dict[str, Any]] = {
    "auto": ("fg", {"auto": {}}),
    "none": ("", None),
    "required": ("fg", {"any": {}}),
    "named": ("fg", {"tool": {"name": "f"}}),
    "some": ("f", {"auto": {}}),
    "one of some": ("f", {"any": {}}),
    "custom": REFUSED,
}
SENT: Final[dict[str, dict[str, Any]]] = {
    "openai/gpt-4o": AS_IT_IS,
    "azure/gpt-4o": AS_IT_IS,
    "groq/m": AS_IT_IS | SOME,
    "deepseek/m": AS_IT_IS | SOME,
    "together/m": AS_IT_IS | SOME,
    "xai/m": AS_IT_IS | SOME,
    "mistral/m": AS_IT_IS | {"required": ("fg", "any"), "some": ("f", "auto"), "one of some": ("f", "any")},
    "watsonx/m": AS_IT_IS,
    "openai/responses/gpt-4o": AS_IT_IS
    | {
        "named": ("fg", {"type": "function", "name": "f"}),
        "some": (
            "fg",
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
        ),
        "one of some": (
            "fg",
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]},
        ),
        "custom": ("fg", {"type": "custom", "name": "c"}),
    },
    "anthropic/claude-sonnet-4-5": {
        "auto": ("fg", {"type": "auto"}),
        "none": ("fg", {"type": "none"}),
        "required": ("fg", {"type": "any"}),
        "named": ("fg", {"type": "tool", "name": "f"}),
        "some": ("f", {"type": "auto"}),
        "one of some": ("f", {"type": "any"}),
        "custom": REFUSED,
    },
    "gemini/gemini-2.5-flash": {
        "auto": ("fg", {"mode": "AUTO"}),
        "none": ("fg", {"mode": "NONE"}),
        "required": ("fg", {"mode": "ANY"}),
        "named": ("fg", {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        "some": ("fg", {"mode": "VALIDATED", "allowedFunctionNames": ["f"]}),
        "one of some": ("fg", {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        "custom": REFUSED,
    },
    "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0": CONVERSE,
    "bedrock/meta.llama3-1-70b-instruct-v1:0": CONVERSE
    | {"required": REFUSED, "named": REFUSED, "one of some": REFUSED},
    "cohere/command-a-03-2025": {
        "auto": ("fg", None),
        "none": ("fg", "NONE"),
        "required": ("fg", "REQUIRED"),
        "named": ("f", "REQUIRED"),
        "some": ("f", None),
        "one of some": ("f", "REQUIRED"),
        "custom": REFUSED,
    },
    "cohere/v1/command-r": {
        "auto": ("fg", None),
        "none": ("", None),
        "required": REFUSED,
        "named": REFUSED,
        "some": ("f", None),
        "one of some": REFUSED,
        "custom": REFUSED,
    },
    "ollama/llama3.2": {
        "auto": ("fg", None),
        "none": ("", None),
        "required": REFUSED,
        "named": REFUSED,
        "some": ("f", None),
        "one of some": REFUSED,
        "custom": REFUSED,
    },
}
NATIVE = [model for model, sent in SENT.items() if sent["custom"] == REFUSED]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("model", SENT)
def test_each_form_in_each_dialect(model: str, form: str) -> None:
    assert chosen(model, FORMS[form]) == SENT[model][form]


@pytest.mark.parametrize("choice", ["often", {"type": "function"}, {"type": "allowed_tools"}, {}, 5, [F]])
@pytest.mark.parametrize("model", NATIVE)
def test_what_is_no_choice_is_a_bad_request(model: str, choice: Any) -> None:
    with pytest.raises(BadRequestError) as caught:
        chosen(model, choice)
    assert caught.value.param == "tool_choice"
