"""The body of a request: OpenAI's parameters in the dialect's words, and what only some models take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiocompl.codecs.anthropic.models import claude_of
from aiocompl.codecs.anthropic.sampling import DEFAULTS as SAMPLING
from aiocompl.codecs.anthropic.sampling import sampling_fields
from aiocompl.codecs.anthropic.thinking import thinking_fields
from aiocompl.codecs.bedrock.messages import Conversation
from aiocompl.codecs.bedrock.tools import tool_fields
from aiocompl.codecs.tools import stop_of
from aiocompl.errors import UnsupportedParamsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.types.request import ChatRequest

PASSED: Final = (
    "additionalModelResponseFieldPaths",
    "guardrailConfig",
    "performanceConfig",
    "promptVariables",
    "requestMetadata",
    "serviceTier",
)
"""Fields of the dialect that a call may give under their own names."""

MODEL_FIELDS: Final = "additionalModelRequestFields"
"""Where the dialect puts what only some models take."""

NATIVE: Final = frozenset({*PASSED, MODEL_FIELDS, "thinking", "top_k"})

UNSUPPORTED: Final = frozenset(
    {
        "audio",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "modalities",
        "moderation",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "seed",
        "store",
        "top_logprobs",
        "user",
        "verbosity",
        "web_search_options",
    }
)


def converse_body(request: ChatRequest) -> dict[str, Any]:
    """The body of a request, without what the call adds past all checks.

    Raises:
        UnsupportedParamsError: The dialect, or the model, cannot do it.
        BadRequestError: A message is not as it must be.
    """
    model = request.model
    reasoning = _reasoning(request)
    params = _sampled(request.params, model, reasoning.get("thinking"))
    if params.get("n", 1) != 1:
        raise UnsupportedParamsError(
            "this provider gives one answer a call: leave n out, or pass n_by_fanout=True for as many calls",
            param="n",
        )
    conversation = Conversation(request.messages)
    body: dict[str, Any] = {"messages": conversation.turns}
    if conversation.system:
        body["system"] = conversation.system
    if inference := _inference(params):
        body["inferenceConfig"] = inference
    extra = reasoning | _top_k(params, model)
    body |= tool_fields(params, model, history=conversation.uses_tools, thinks=_thinks(extra))
    extra |= body.get(MODEL_FIELDS, {}) | params.get(MODEL_FIELDS, {})
    if extra:
        body[MODEL_FIELDS] = extra
    if (metadata := params.get("metadata")) is not None:
        body["requestMetadata"] = metadata
    if (tier := params.get("service_tier")) not in {None, "auto"}:
        body["serviceTier"] = {"type": tier}
    body |= {name: params[name] for name in PASSED if name in params}
    return body


def _sampled(params: Mapping[str, Any], model: str, thinking: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The parameters, for Claude with those of sampling as it takes them."""
    claude = claude_of(model)
    if not claude.named:
        return params
    others = {name: value for name, value in params.items() if name not in SAMPLING}
    return others | sampling_fields(params, claude, thinking)


def _inference(params: Mapping[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    bound = params.get("max_completion_tokens", params.get("max_tokens"))
    if bound is not None:
        config["maxTokens"] = bound
    if "temperature" in params:
        config["temperature"] = min(
            params["temperature"], 1
        )  # OpenAI's scale goes to 2, the dialect's ends here
    if "top_p" in params:
        config["topP"] = params["top_p"]
    if stops := stop_of(params):
        config["stopSequences"] = stops
    return config


def _top_k(params: Mapping[str, Any], model: str) -> dict[str, Any]:
    """What goes past the dialect to the model."""
    if (top_k := params.get("top_k")) is None:
        return {}
    return {"inferenceConfig": {"topK": top_k}} if "amazon.nova" in model else {"top_k": top_k}


def _reasoning(request: ChatRequest) -> dict[str, Any]:
    """The ways to ask for reasoning; the bound that must be above a budget is the model's longest answer by itself."""
    params, model = request.params, request.model
    claude = claude_of(model)
    if claude.named:
        fields = thinking_fields(params, claude, request.extra_headers)
        return {name: fields[name] for name in ("thinking", "output_config") if name in fields}
    thinking, effort = params.get("thinking"), params.get("reasoning_effort")
    fields = {} if thinking is None else {"thinking": thinking}
    return fields if effort is None else fields | _effort(effort, model)


def _effort(effort: str, model: str) -> dict[str, Any]:
    if "openai." in model:
        return {"reasoning_effort": effort}
    if "qwen." in model:
        return {} if effort == "none" else {"reasoning_config": effort}
    if "amazon.nova-2" in model:
        off = effort == "none"
        how = {"type": "disabled"} if off else {"type": "enabled", "maxReasoningEffort": effort}
        return {"reasoningConfig": how}
    raise UnsupportedParamsError("reasoning_effort: this model has no such setting", param="reasoning_effort")


def _thinks(fields: Mapping[str, Any]) -> bool:
    thinking = fields.get("thinking") or {"type": "disabled"}
    return bool(thinking.get("type") != "disabled")
