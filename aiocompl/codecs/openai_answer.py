"""JSON Schemas for vendors of OpenAI's dialect who take none, or not for all their models: by `answer_tool`.

The rules are on their rows. They are compiled once per codec, and only for vendors who have tools and any such rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs

from aiocompl.codecs.answer_tool import THE_ANSWER, with_answer_tool
from aiocompl.codecs.tools import response_schema
from aiocompl.errors import UnsupportedParamsError

if TYPE_CHECKING:
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.request import ChatRequest

_SCHEMA: Final = "json_schema"


class AnswerRules:
    """When and how the models of one vendor answer by the tool."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor
        self._nameless = "response_format" in vendor.unsupported
        self._never = _lacks_schema(vendor)
        self._schemaless = re.compile(vendor.schemaless) if vendor.schemaless else None
        self._unforced = re.compile(vendor.unforced) if vendor.unforced else None
        free = vendor.choices is None and "tool_choice" not in vendor.unsupported
        self._can_force = free or "required" in (vendor.choices or ())
        self._names_tools = free
        self.unsupported_params = vendor.unsupported - {"response_format"}
        """What the vendor has no place for, now that it has one for schemas."""

    def are_for(self, request: ChatRequest) -> bool:
        """Whether the request's answer comes as the tool's arguments."""
        params = request.params
        form = params.get("response_format")
        if not isinstance(form, Mapping) or form.get("type") != _SCHEMA:
            return False
        if self._never or (self._vendor.schema_alone and (request.stream or bool(params.get("tools")))):
            return True
        return self._schemaless is not None and self._schemaless.search(request.model) is not None

    def apply(self, request: ChatRequest) -> ChatRequest:
        """The request as it is sent: with the tool where it is needed.

        Raises:
            BadRequestError: `response_format` has no schema.
            UnsupportedParamsError: It is of a type that the vendor does not have.
        """
        params = request.params
        if self.are_for(request):
            wanted = response_schema(params) or {}
            made = with_answer_tool(params, wanted, can_be_forced=self._forces(request))
            if not self._names_tools and made.get("tool_choice") == THE_ANSWER:
                made["tool_choice"] = "required"
            return attrs.evolve(request, params=made)
        if not self._nameless:
            return request
        form = params["response_format"]
        if isinstance(form, Mapping) and form.get("type") == "text":
            return attrs.evolve(request, params={k: v for k, v in params.items() if k != "response_format"})
        raise UnsupportedParamsError(
            f"{self._vendor.title} has no response_format but a JSON Schema",
            provider=self._vendor.name,
            model=request.model,
            param="response_format",
        )

    def _forces(self, request: ChatRequest) -> bool:
        """Whether the model can be made to call a tool."""
        if not self._can_force or self._unforced is None:
            return self._can_force
        return not _thinks(request.params, by_default=self._unforced.search(request.model) is not None)


def _thinks(params: Mapping[str, Any], *, by_default: bool) -> bool:
    thinking, effort = params.get("thinking"), params.get("reasoning_effort")
    if isinstance(thinking, Mapping):
        return thinking.get("type") != "disabled"
    return by_default if effort is None else effort != "none"


def answer_rules_for(vendor: Vendor) -> AnswerRules | None:
    """The vendor's rules, or None where it takes schemas from all models, or has no tools to do without."""
    if "tools" in vendor.unsupported or not (
        vendor.schemaless or vendor.schema_alone or _lacks_schema(vendor)
    ):
        return None
    return AnswerRules(vendor)


def _lacks_schema(vendor: Vendor) -> bool:
    return "response_format" in vendor.unsupported or (
        vendor.formats is not None and _SCHEMA not in vendor.formats
    )
