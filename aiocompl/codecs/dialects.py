"""Which codec speaks to which provider. Codecs load at first use: a program pays only for the dialects it speaks."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocompl.codecs.base import Codec
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.endpoint import Endpoint

_CODECS: Final[Mapping[str, tuple[str, str]]] = {
    "openai": ("openai", "OpenAICodec"),
    "responses": ("responses", "ResponsesCodec"),
    "anthropic": ("anthropic", "AnthropicCodec"),
    "gemini": ("gemini", "GeminiCodec"),
    "vertex_ai": ("gemini", "VertexCodec"),
    "bedrock": ("bedrock", "ConverseCodec"),
    "cohere": ("cohere.v2", "CohereCodec"),
    "cohere_v1": ("cohere.v1", "CohereV1Codec"),
    "ollama": ("ollama", "OllamaCodec"),
    "sagemaker": ("sagemaker", "SageMakerCodec"),
    "sagemaker_inputs": ("sagemaker", "InputsCodec"),
    "watsonx": ("watsonx", "WatsonxCodec"),
}

_RESPONSES: Final = frozenset({"openai", "azure", "xai", "custom"})
"""Providers whose models can be asked over the Responses API, by ``provider/responses/model``."""

_COHERE_V1: Final = frozenset({"command", "command-light", "command-nightly", "command-light-nightly"})
"""Models that only Cohere's v1 chat has."""


def dialect_of(vendor: Vendor, model: str) -> tuple[str, str]:
    """The dialect of a provider's model, and the model's name without the part that chose it."""
    if vendor.name in _RESPONSES and model.startswith("responses/"):
        return "responses", model.removeprefix("responses/")
    if vendor.name == "cohere" and (model.startswith("v1/") or model in _COHERE_V1):
        return "cohere_v1", model.removeprefix("v1/")
    if vendor.name == "bedrock":
        return "bedrock", model.removeprefix("converse/")
    if vendor.name == "sagemaker" and model.startswith("inputs/"):
        return "sagemaker_inputs", model.removeprefix("inputs/")
    return vendor.name if vendor.name in _CODECS else "openai", model


def bind(dialect: str, vendor: Vendor, endpoint: Endpoint) -> Codec:
    """The codec of a dialect, bound to an endpoint."""
    if endpoint.bearer:
        vendor = attrs.evolve(vendor, auth="bearer")
    module, name = _CODECS[dialect]
    make = cast(
        "Callable[[Vendor, Endpoint], Codec]", getattr(import_module(f"aiocompl.codecs.{module}"), name)
    )
    return make(vendor, endpoint)
