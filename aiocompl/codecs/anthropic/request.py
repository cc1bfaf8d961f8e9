"""A chat request as a body of the dialect, the same for all its hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiocompl.codecs.anthropic.messages import Conversation
from aiocompl.codecs.anthropic.models import claude_of
from aiocompl.codecs.anthropic.sampling import sampling_fields
from aiocompl.codecs.anthropic.schema import narrowed
from aiocompl.codecs.anthropic.thinking import thinking_fields
from aiocompl.codecs.anthropic.tools import tool_fields
from aiocompl.codecs.tools import response_schema, stop_of
from aiocompl.errors import UnsupportedParamsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.anthropic.blocks import Block
    from aiocompl.codecs.anthropic.models import Claude
    from aiocompl.types.request import ChatRequest

NATIVE_PARAMS: Final = frozenset(
    {
        "betas",
        "cache_control",
        "container",
        "context_management",
        "inference_geo",
        "mcp_servers",
        "output_config",
        "speed",
        "thinking",
        "top_k",
    }
)
"""The dialect's own parameters. `betas` is a list of names for the header ``anthropic-beta``."""

UNSUPPORTED_PARAMS: Final = frozenset(
    {
        "audio",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "metadata",
        "modalities",
        "moderation",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "seed",
        "store",
        "top_logprobs",
        "verbosity",
    }
)

SERVICE_TIERS: Final[Mapping[str, str]] = {
    "auto": "auto",
    "priority": "auto",
    "default": "standard_only",
    "standard_only": "standard_only",
}

JSON_INSTRUCTION: Final = (
    "Answer with one JSON object and nothing else: no text before or after it, no Markdown fences."
)

_TRANSLATED: Final = frozenset(
    {
        "betas",
        "max_completion_tokens",
        "max_tokens",
        "n",
        "output_config",
        "parallel_tool_calls",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "service_tier",
        "stop",
        "stream_options",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
        "user",
        "web_search_options",
    }
)
"""Parameters that are written in another way, or not at all; all others go as they are."""


def request_body(request: ChatRequest) -> dict[str, Any]:
    """The body of a request to Anthropic itself; other hosts take ``model`` and ``stream`` out of it.

    Raises:
        UnsupportedParamsError: The model or the dialect cannot do what a parameter says.
        BadRequestError: A message or a parameter is not as OpenAI's API takes it.
    """
    params, claude = request.params, claude_of(request.model)
    talk = Conversation(request.messages, claude)
    body: dict[str, Any] = {"model": request.model, "messages": talk.turns}
    body |= {name: value for name, value in params.items() if name not in _TRANSLATED}
    body |= thinking_fields(params, claude, request.extra_headers)
    budgeted = body.get("thinking", {}).get("type") == "enabled"
    body |= tool_fields(params, claude, called=talk.called, budgeted=budgeted)
    body |= sampling_fields(params, claude, body.get("thinking")) | _small_fields(params)
    if system := talk.system + _json_instruction(params):
        plain = len(system) == 1 and set(system[0]) == {"type", "text"}
        body["system"] = system[0]["text"] if plain else system
    if config := _output_config(params, claude, body.get("output_config")):
        body["output_config"] = config
    if request.stream:
        body["stream"] = True
    return body


def _small_fields(params: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if params.get("n", 1) != 1:
        raise UnsupportedParamsError(
            "this provider gives one answer a call: leave n out, or pass n_by_fanout=True for as many calls",
            param="n",
        )
    if stop := stop_of(params):
        if not all(text.strip() for text in stop):
            raise UnsupportedParamsError("this provider takes no stop that is white space", param="stop")
        fields["stop_sequences"] = stop
    if (tier := params.get("service_tier")) is not None:
        if tier not in SERVICE_TIERS:
            raise UnsupportedParamsError(
                f"service_tier must be one of {', '.join(SERVICE_TIERS)}", param="service_tier"
            )
        fields["service_tier"] = SERVICE_TIERS[tier]
    if user := params.get("safety_identifier", params.get("user")):
        fields["metadata"] = {**(params.get("metadata") or {}), "user_id": user}
    return fields


def _json_instruction(params: Mapping[str, Any]) -> list[Block]:
    """The dialect has no JSON mode without a schema: the system text asks for it."""
    form = params.get("response_format") or {}
    if form.get("type", "text") not in {"text", "json_object", "json_schema"}:
        raise UnsupportedParamsError(
            f"response_format cannot be of type {form['type']!r:.40}", param="response_format"
        )
    return [{"type": "text", "text": JSON_INSTRUCTION}] if form.get("type") == "json_object" else []


def _output_config(
    params: Mapping[str, Any], claude: Claude, effort: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Effort and schema; what the caller says in the dialect's own words goes before both."""
    config = dict(effort or {})
    schema = response_schema(params) if claude.structured else None
    if schema is not None:
        config["format"] = {"type": "json_schema", "schema": narrowed(schema["schema"])}
    return config | (params.get("output_config") or {})
