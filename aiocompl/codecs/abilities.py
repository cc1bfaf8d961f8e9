"""Which of OpenAI's parameters pass for a model, found out by trying: encoding is pure, and needs neither key nor network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from aiocompl.codecs.routing import Target, resolve
from aiocompl.errors import BadRequestError, UnsupportedParamsError
from aiocompl.types.params import OPENAI_PARAMS
from aiocompl.types.request import ChatRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.base import Codec

_SCHEMA: Final = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
_FUNCTION: Final = {"name": "get_weather", "description": "The weather in a city.", "parameters": _SCHEMA}
_TOOLS: Final = {"tools": [{"type": "function", "function": _FUNCTION}]}
_CHOICE: Final = {"type": "function", "function": {"name": "get_weather"}}
_SPEECH: Final = {"audio": {"voice": "alloy", "format": "pcm16"}, "modalities": ["text", "audio"]}


@attrs.frozen
class _Trial:
    """Values of a parameter of which one must pass, none of them one that says nothing; and what they need beside them."""

    values: tuple[Any, ...]
    beside: Mapping[str, Any] = attrs.field(factory=dict)
    stream: bool = False


def _trial(*values: Any, **beside: Any) -> _Trial:
    return _Trial(values, beside)


_TRIALS: Final[Mapping[str, _Trial]] = {
    "audio": _trial(_SPEECH["audio"], modalities=_SPEECH["modalities"]),
    "frequency_penalty": _trial(0.5),
    "function_call": _trial({"name": "get_weather"}, "none", functions=[_FUNCTION]),
    "functions": _trial([_FUNCTION]),
    "logit_bias": _trial({"50256": -100}),
    "logprobs": _trial(True),
    "max_completion_tokens": _trial(4096),
    "max_tokens": _trial(4096),
    "metadata": _trial({"team": "search"}),
    "modalities": _Trial((["text", "audio"], ["text", "image"]), {"audio": _SPEECH["audio"]}),
    "moderation": _trial({"model": "omni-moderation-latest"}),
    "n": _trial(2),
    "parallel_tool_calls": _trial(False, **_TOOLS),
    "prediction": _trial({"type": "content", "content": "Hello!"}),
    "presence_penalty": _trial(0.5),
    "prompt_cache_key": _trial("k"),
    "prompt_cache_options": _trial({"mode": "implicit"}),
    "prompt_cache_retention": _trial("24h"),
    "reasoning_effort": _trial("low", "medium", "high"),
    "response_format": _trial(
        {"type": "json_object"},
        {"type": "json_schema", "json_schema": {"name": "city", "schema": _SCHEMA}},
    ),
    "safety_identifier": _trial("u-1"),
    "seed": _trial(7),
    "service_tier": _trial("default", "priority", "flex"),
    "stop": _trial(["END"]),
    "store": _trial(True),
    "stream_options": _Trial(({"include_usage": True},), stream=True),
    "temperature": _trial(0.5),
    "tool_choice": _trial("required", "none", _CHOICE, **_TOOLS),
    "tools": _trial(_TOOLS["tools"]),
    "top_logprobs": _trial(2, logprobs=True),
    "top_p": _trial(0.5),
    "user": _trial("u-1"),
    "verbosity": _trial("low"),
    "web_search_options": _trial({}),
}


def get_supported_openai_params(model: str, custom_llm_provider: str | None = None) -> list[str]:
    """Which of OpenAI's parameters pass for a model, sorted by name.

    A parameter is in the list if some value of it that means something is encoded without an `UnsupportedParamsError`:
    ``temperature`` is not for a model that takes nothing but 1. What a model's name does not tell, its provider may still
    refuse. No key is needed, nothing is sent, and the environment is not read.

    Args:
        model: As in a call: ``"gpt-4o"``, ``"mistral/mistral-small-latest"``.
        custom_llm_provider: The provider, where the name does not say; ``"custom"`` for what a bare `api_base` means.

    Raises:
        NotFoundError: No provider is known for the model name.
    """
    codec, name = _codec(model, custom_llm_provider)
    return [param for param in sorted(OPENAI_PARAMS) if _passes(codec, name, param)]


_NOWHERE: Final = "https://example.invalid"
_ENVIRONMENT: Final = {"WATSONX_PROJECT_ID": "none"}
"""What a request cannot be written without, although it is no part of the URL."""


def _codec(model: str, provider: str | None) -> tuple[Codec, str]:
    """The codec of a model, bound to an endpoint that is never asked, and the model's name there."""
    target = Target(model, api_key="none", provider=provider)
    try:
        route = resolve(target, _ENVIRONMENT)
    except BadRequestError:  # the base URL, or a part of it, is one's own
        route = resolve(attrs.evolve(target, api_base=_NOWHERE), _ENVIRONMENT)
    return route.codec, route.model


def _passes(codec: Codec, model: str, param: str) -> bool:
    trial = _TRIALS[param]
    if param in codec.unsupported_params:
        return False
    beside = {name: value for name, value in trial.beside.items() if name not in codec.unsupported_params}
    return any(
        _encodes(codec, model, {**beside, param: value}, stream=trial.stream) for value in trial.values
    )


def _encodes(codec: Codec, model: str, params: Mapping[str, Any], *, stream: bool) -> bool:
    request = ChatRequest(model, [{"role": "user", "content": "Hello!"}], params, stream)
    try:
        codec.encode_request(request)
    except UnsupportedParamsError:
        return False
    return True
