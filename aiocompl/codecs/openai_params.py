"""Parameters as the vendors of OpenAI's dialect want them, where renaming does not do; the rules are on their rows.

Rules are compiled once per codec, and only for vendors who have any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from aiocompl.codecs.openai_models import NEUTRAL
from aiocompl.codecs.openai_reasoning import put_reasoning
from aiocompl.codecs.tools import EMPTY_SCHEMA, tool_choice_of
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import UnsupportedParamsError

if TYPE_CHECKING:
    from collections.abc import Sequence

_RULES: Final = (
    "one_answer",
    "model_refuses",
    "formats",
    "choices",
    "allowed_tools",
    "tool_omits",
    "parameters_required",
    "service_tiers",
    "reasoning_as",
    "logprobs_count",
)
"""The fields of a row that are rules of this module."""

_PLAIN: Final = Vendor(name="", title="", base_url="")

CONTINUE: Final[Mapping[str, object]] = {"continue_final_message": True, "add_generation_prompt": False}
"""How vLLM is told to go on with the last message."""


class ParamRules:
    """The rules of one vendor."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor
        self._refused = tuple((re.compile(pattern), names) for pattern, names in vendor.model_refuses)
        self._tools = bool(vendor.tool_omits or vendor.parameters_required)
        self._tiers = dict(vendor.service_tiers)

    def apply(self, body: dict[str, Any], model: str) -> None:
        """Put a body's parameters right.

        Raises:
            UnsupportedParamsError: The vendor or the model refuses one; it names the provider and the model.
        """
        vendor = self._vendor
        if vendor.one_answer and body.get("n", 1) != 1:
            raise self._refusal(
                "n", "gives one answer a call: leave n out, or pass n_by_fanout=True for as many calls", model
            )
        self._check_model(body, model)
        form = body.get("response_format")
        kind = form.get("type") if isinstance(form, Mapping) else None
        if kind is not None and not _is_one_of(kind, vendor.formats):
            raise self._refusal("response_format", f"has no response_format of type {kind!r:.40}", model)
        if not vendor.allowed_tools:
            _write_allowed(body)
        choice = body.get("tool_choice")
        if choice is not None and not _is_one_of(choice, vendor.choices):
            words = ", ".join(sorted(vendor.choices or ()))
            raise self._refusal("tool_choice", f"takes no tool_choice but {words}", model)
        if self._tools and body.get("tools"):
            body["tools"] = [self._tool(tool) for tool in body["tools"]]
        if vendor.logprobs_count:
            _count_logprobs(body)
        if vendor.reasoning_as != "as_given":
            put_reasoning(body, vendor.reasoning_as)
        if self._tiers and (tier := body.get("service_tier")) is not None:
            if tier not in self._tiers:
                words = ", ".join(self._tiers)
                raise self._refusal("service_tier", f"takes no service_tier but {words}", model)
            body["service_tier"] = self._tiers[tier]

    def _check_model(self, body: dict[str, Any], model: str) -> None:
        for pattern, names in self._refused:
            if pattern.search(model) is None:
                continue
            for name in sorted(names & body.keys()):
                if body[name] not in NEUTRAL.get(name, ()):
                    raise self._refusal(name, f"takes no {name} for this model", model)
                del body[name]
            return

    def _tool(self, tool: Mapping[str, Any]) -> Mapping[str, Any]:
        function = tool.get("function")
        if not isinstance(function, Mapping):
            return tool
        kept = {key: value for key, value in function.items() if key not in self._vendor.tool_omits}
        if self._vendor.parameters_required and not kept.get("parameters"):
            kept["parameters"] = EMPTY_SCHEMA
        return {**tool, "function": kept}

    def _refusal(self, param: str, why: str, model: str) -> UnsupportedParamsError:
        return UnsupportedParamsError(
            f"{self._vendor.title} {why}", provider=self._vendor.name, model=model, param=param
        )


def rules_for(vendor: Vendor) -> ParamRules | None:
    """The vendor's rules, or None where it has none."""
    return (
        ParamRules(vendor) if any(getattr(vendor, name) != getattr(_PLAIN, name) for name in _RULES) else None
    )


def _is_one_of(value: object, allowed: frozenset[str] | None) -> bool:
    return allowed is None or (isinstance(value, str) and value in allowed)


def _write_allowed(body: dict[str, Any]) -> None:
    """Send only the tools that ``allowed_tools`` names."""
    given = body.get("tool_choice")
    if not isinstance(given, Mapping) or given.get("type") != "allowed_tools":
        return
    choice = tool_choice_of(body)
    if choice is None or not choice.allowed:
        return
    body["tool_choice"] = choice.mode
    body["tools"] = [tool for tool in body.get("tools") or () if _name_of(tool) in choice.allowed]


def _name_of(tool: Mapping[str, Any]) -> object:
    function = tool.get("function")
    return function.get("name") if isinstance(function, Mapping) else None


def is_prefill(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the last message is the beginning of the answer, to be gone on with."""
    last = messages[-1] if messages else {}
    return last.get("role") == "assistant" and bool(last.get("content")) and not last.get("tool_calls")


def _count_logprobs(body: dict[str, Any]) -> None:
    top = body.pop("top_logprobs", None)
    given = body.get("logprobs")
    if given is True:
        body["logprobs"] = top or 1
    elif given is False:
        del body["logprobs"]
