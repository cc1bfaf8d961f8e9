"""Which codec speaks to which provider. Codecs load at first use: a program pays only for the dialects it speaks."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import attrs

from aiocompl.codecs.surfaces import surface_at, surface_of
from aiocompl.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocompl.codecs.base import Codec, Operation
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.endpoint import Endpoint

_CODECS: Final[Mapping[str, tuple[str, str]]] = {
    "openai": ("openai", "OpenAICodec"),
    "responses": ("responses", "ResponsesCodec"),
    "anthropic": ("anthropic", "AnthropicCodec"),
    "gemini": ("gemini", "GeminiCodec"),
    "vertex_ai": ("gemini", "VertexCodec"),
    "vertex_claude": ("anthropic.hosts", "VertexClaudeCodec"),
    "vertex_mistral": ("vertex", "VertexMistralCodec"),
    "vertex_openai": ("vertex", "VertexOpenAICodec"),
    "azure_ai": ("foundry", "FoundryCodec"),
    "foundry_claude": ("anthropic.hosts", "FoundryClaudeCodec"),
    "bedrock": ("bedrock", "ConverseCodec"),
    "cloudflare_run": ("cloudflare", "CloudflareRunCodec"),
    "cohere": ("cohere.v2", "CohereCodec"),
    "cohere_v1": ("cohere.v1", "CohereV1Codec"),
    "databricks": ("databricks", "DatabricksCodec"),
    "huggingface": ("huggingface", "HuggingFaceCodec"),
    "ollama": ("ollama", "OllamaCodec"),
    "replicate": ("replicate", "ReplicateCodec"),
    "snowflake_claude": ("anthropic.hosts", "SnowflakeClaudeCodec"),
    "sagemaker": ("sagemaker", "SageMakerCodec"),
    "sagemaker_inputs": ("sagemaker", "InputsCodec"),
    "watsonx": ("watsonx", "WatsonxCodec"),
}

Kind = Literal["embeddings", "rerank", "moderations", "batches", "models"]
"""The operations beside chat."""

_OPERATIONS: Final[Mapping[Kind, Mapping[str, tuple[str, str]]]] = {
    "embeddings": {
        "openai": ("embeddings.openai", "OpenAIEmbeddings"),
        "bedrock": ("embeddings.bedrock", "BedrockEmbeddings"),
        "cohere": ("embeddings.cohere", "CohereEmbeddings"),
        "gemini": ("embeddings.google", "GeminiEmbeddings"),
        "huggingface": ("embeddings.huggingface", "embeddings_at"),
        "ollama": ("embeddings.ollama", "OllamaEmbeddings"),
        "vertex_ai": ("embeddings.google", "VertexEmbeddings"),
        "watsonx": ("embeddings.watsonx", "WatsonxEmbeddings"),
    },
    "rerank": {
        "openai": ("rerank.compatible", "CompatibleRerank"),
        "bedrock": ("rerank.bedrock", "BedrockRerank"),
        "cohere": ("rerank.cohere", "CohereRerank"),
        "cohere_v1": ("rerank.cohere", "CohereV1Rerank"),
        "deepinfra": ("rerank.others", "DeepInfraRerank"),
        "nvidia_nim": ("rerank.others", "NvidiaRerank"),
        "tei": ("rerank.others", "TEIRerank"),
        "voyage": ("rerank.compatible", "VoyageRerank"),
    },
    "moderations": {
        "openai": ("moderations.openai", "OpenAIModerations"),
        "mistral": ("moderations.openai", "MistralModerations"),
    },
    "batches": {
        "openai": ("batches.openai", "OpenAIBatches"),
        "responses": ("batches.openai", "ResponsesBatches"),
        "anthropic": ("batches.anthropic", "AnthropicBatches"),
    },
    "models": {
        "openai": ("models.listing", "OpenAIModels"),
        "anthropic": ("models.natives", "anthropic"),
        "azure": ("models.listing", "AzureModels"),
        "bedrock": ("models.natives", "bedrock"),
        "cloudflare": ("models.natives", "cloudflare"),
        "cohere": ("models.natives", "cohere"),
        "databricks": ("models.natives", "databricks"),
        "gemini": ("models.natives", "gemini"),
        "github": ("models.natives", "github"),
        "ollama": ("models.natives", "ollama"),
        "together": ("models.natives", "together"),
        "vertex_ai": ("models.natives", "vertex"),
        "watsonx": ("models.natives", "watsonx"),
    },
}
"""Which dialects have which operation; vendors without a dialect of their own have OpenAI's."""

_TITLES: Final[Mapping[Kind, str]] = {
    "embeddings": "embeddings",
    "rerank": "reranking",
    "moderations": "moderation",
    "batches": "batches that can be had here",
    "models": "a list of models",
}
_BY_ROW: Final = frozenset({"openai", "responses"})
"""Dialects whose speakers differ in the operations they have: their rows say it."""

_EXAMPLES: Final[Mapping[Kind, str]] = {
    "embeddings": "openai/text-embedding-3-small",
    "rerank": "cohere/rerank-v3.5",
    "moderations": "openai/omni-moderation-latest",
    "models": "openai",
    "batches": "openai",
}
DIALECTS: Final = tuple(_CODECS)
"""The names of all dialects."""

_RESPONSES: Final = frozenset({"openai", "azure", "xai", "custom"})
"""Providers whose models can be asked over the Responses API, by ``provider/responses/model``."""

_COHERE_V1: Final = frozenset({"command", "command-light", "command-nightly", "command-light-nightly"})
"""Models that only Cohere's v1 chat has."""


def dialect_of(vendor: Vendor, model: str) -> tuple[str, str]:
    """The dialect of a provider's model, and the model's name without the part that chose it."""
    if vendor.dialect:
        return vendor.dialect, model
    if vendor.name in _RESPONSES and model.startswith("responses/"):
        return "responses", model.removeprefix("responses/")
    if vendor.name == "cohere" and (model.startswith("v1/") or model in _COHERE_V1):
        return "cohere_v1", model.removeprefix("v1/")
    if vendor.name == "bedrock":
        return "bedrock", model.removeprefix("converse/")
    if vendor.name == "sagemaker" and model.startswith("inputs/"):
        return "sagemaker_inputs", model.removeprefix("inputs/")
    if (found := surface_of(vendor.name, model)) is not None:
        return found
    return vendor.name if vendor.name in _CODECS else "openai", model


def bind(dialect: str, vendor: Vendor, endpoint: Endpoint) -> Codec:
    """The codec of a dialect, or the vendor's own, bound to an endpoint."""
    vendor = _as_endpoint_says(vendor, endpoint)
    if vendor.codec is not None:
        return vendor.codec(vendor, endpoint)
    place = _CODECS[surface_at(vendor.name, endpoint.base_url) or dialect]
    return cast("Codec", _load(place)(vendor, endpoint))


def operation_dialect(kind: Kind, vendor: Vendor, model: str) -> tuple[str, str]:
    """The dialect of an operation beside chat, and the model's name without the part that chose it."""
    if kind == "batches":  # of chats
        return dialect_of(vendor, model)
    if kind == "rerank" and vendor.name == "cohere" and model.startswith("v1/"):
        return "cohere_v1", model.removeprefix("v1/")
    known = vendor.name in _CODECS or vendor.name in _OPERATIONS[kind]
    return vendor.dialect or (vendor.name if known else "openai"), model


def bind_operation(kind: Kind, dialect: str, vendor: Vendor, endpoint: Endpoint) -> Operation[Any, Any]:
    """An operation beside chat, bound to an endpoint.

    Raises:
        NotFoundError: The provider is not known to have it.
    """
    known = _OPERATIONS[kind]
    if dialect not in known or (dialect in _BY_ROW and not getattr(vendor, kind)):
        raise NotFoundError(
            f"{vendor.title} is not known to have {_TITLES[kind]}; others have, such as {_EXAMPLES[kind]!r}",
            provider=vendor.name,
            param="model",
        )
    vendor = _as_endpoint_says(vendor, endpoint)
    return cast("Operation[Any, Any]", _load(known[dialect])(vendor, endpoint))


def _as_endpoint_says(vendor: Vendor, endpoint: Endpoint) -> Vendor:
    """The vendor's row; an access token goes as one, whatever the vendor does with keys."""
    return attrs.evolve(vendor, auth="bearer") if endpoint.bearer else vendor


def _load(place: tuple[str, str]) -> Callable[[Vendor, Endpoint], object]:
    module, name = place
    return cast(
        "Callable[[Vendor, Endpoint], object]", getattr(import_module(f"aiocompl.codecs.{module}"), name)
    )
