"""Chat parameters as the dialect has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from aiocompl.codecs.parts import SYSTEM_ROLES
from aiocompl.codecs.responses.items import InputItems
from aiocompl.codecs.responses.tools import tool_fields
from aiocompl.codecs.tools import response_schema
from aiocompl.errors import UnsupportedParamsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.types.model import JSON
    from aiocompl.types.request import ChatRequest

NATIVE_PARAMS: Final = frozenset(
    {
        "background",
        "context_management",
        "conversation",
        "include",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "previous_response_id",
        "prompt",
        "reasoning",
        "text",
        "truncation",
    }
)

UNSUPPORTED_PARAMS: Final = frozenset(
    {
        "audio",
        "frequency_penalty",
        "logit_bias",
        "modalities",
        "prediction",
        "presence_penalty",
        "seed",
        "stop",
    }
)
"""OpenAI's parameters that the dialect has no place for."""

ENCRYPTED_REASONING: Final = "reasoning.encrypted_content"
LOGPROBS: Final = "message.output_text.logprobs"

_SAID_OTHERWISE: Final = frozenset(
    {
        "background",
        "include",
        "logprobs",
        "max_completion_tokens",
        "max_output_tokens",
        "max_tokens",
        "n",
        "reasoning",
        "reasoning_effort",
        "response_format",
        "stream_options",
        "text",
        "tool_choice",
        "tools",
        "verbosity",
        "web_search_options",
    }
)

_SAMPLING: Final = frozenset({"logprobs", "reasoning_effort", "temperature", "top_logprobs", "top_p"})

_REASONS: Final = re.compile(r"(?:^|[./:])(?:o[1-9](?![0-9])|gpt-[5-9]|codex-|grok-[4-9]|grok-3-mini)").search
_REASONS_NOT: Final = re.compile(r"-chat\b|non-reasoning").search


def request_body(request: ChatRequest) -> JSON:
    """The request's body.

    Raises:
        UnsupportedParamsError: The dialect cannot say this.
        BadRequestError: The messages are not in OpenAI's shape.
    """
    params = request.params
    _check(params)
    instructions, messages = _split_instructions(request.messages, params)
    stored = params.get("store") is not False
    body: JSON = {"model": request.model, "input": InputItems(messages, stored=stored).items}
    if instructions is not None:
        body["instructions"] = instructions
    body.update((name, value) for name, value in params.items() if name not in _SAID_OTHERWISE)
    body |= _bound(params) | tool_fields(params) | _text(params) | _reasoning(params)
    if include := _include(params, request.model):
        body["include"] = include
    if request.stream:
        body |= {"stream": True} | _stream_options(params)
    return body


def reasons(model: str) -> bool:
    """Whether the model reasons, as far as its name tells: others refuse to be asked for their reasoning."""
    return _REASONS(model) is not None and _REASONS_NOT(model) is None


def sampling_of(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """What models that reason refuse here as well as among chat completions, and the effort, which decides on it."""
    effort = (params.get("reasoning") or {}).get("effort")
    given = {name: value for name, value in params.items() if name in _SAMPLING}
    return given if effort is None else {**given, "reasoning_effort": effort}


def _check(params: Mapping[str, Any]) -> None:
    if params.get("n", 1) != 1:
        raise UnsupportedParamsError(
            "the Responses API gives one answer a call: leave n out, or pass n_by_fanout=True for as many calls",
            param="n",
        )
    if params.get("background"):
        raise UnsupportedParamsError(
            "background: the answer would have to be polled for; leave it out and set a longer timeout",
            param="background",
        )


def _split_instructions(
    messages: Sequence[Mapping[str, Any]], params: Mapping[str, Any]
) -> tuple[str | None, Sequence[Mapping[str, Any]]]:
    """The text that leads the conversation, and the messages that are left.

    Where the provider holds the conversation (`previous_response_id`), instructions hold for one answer, while items pile
    up. Later system messages stay in their place, as does a leading one beside `instructions` of the caller's own.
    """
    first = messages[0] if messages else {}
    leads = first.get("role") in SYSTEM_ROLES and isinstance(first.get("content"), str)
    if leads and len(messages) > 1 and "instructions" not in params:
        return first["content"], messages[1:]
    return None, messages


def _bound(params: Mapping[str, Any]) -> JSON:
    for name in ("max_output_tokens", "max_completion_tokens", "max_tokens"):
        if name in params:
            return {"max_output_tokens": params[name]}
    return {}


def _text(params: Mapping[str, Any]) -> JSON:
    text = dict(params.get("text") or {})
    if form := params.get("response_format"):
        schema = response_schema(params)
        text["format"] = form if schema is None else {"type": "json_schema", **schema}
    if "verbosity" in params:
        text["verbosity"] = params["verbosity"]
    return {"text": text} if text else {}


def _reasoning(params: Mapping[str, Any]) -> JSON:
    reasoning = dict(params.get("reasoning") or {})
    if "reasoning_effort" in params:
        reasoning.setdefault("effort", params["reasoning_effort"])
    return {"reasoning": reasoning} if reasoning else {}


def _include(params: Mapping[str, Any], model: str) -> list[str]:
    """What the answer is to hold beyond the usual.

    The encrypted reasoning is asked for by default, so that it can be sent back without the provider storing anything. A
    caller's own `include`, even an empty one, decides otherwise.
    """
    given = params.get("include")
    if given is not None:
        include = list(given)
    else:
        asked = params.get("reasoning_effort") not in {None, "none"} or params.get("reasoning")
        include = [ENCRYPTED_REASONING] if asked or reasons(model) else []
    if params.get("logprobs") and LOGPROBS not in include:
        include.append(LOGPROBS)
    return include


def _stream_options(params: Mapping[str, Any]) -> JSON:
    """Usage always ends the dialect's streams: it cannot be asked for."""
    options = {k: v for k, v in (params.get("stream_options") or {}).items() if k != "include_usage"}
    return {"stream_options": options} if options else {}
