"""The providers that are no plain rows of the catalogue: those with a dialect of their own, Azure, and the local model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiocompl.codecs.vendor import OLD_GPT, OPENAI_MESSAGE_FIELDS, EmbeddingRules, Vendor

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCAL_BASE: Final = "http://local.invalid/v1"
"""Stands in for a local model's base URL, which is known only once its server runs."""

LOCAL_DEFAULT: Final = "smollm2-135m-instruct"
"""The local model that plain ``local`` means."""

LOCAL_DEFAULTS: Final = (("max_tokens", 256), ("temperature", 0.0))
"""A small model left to itself talks without end; at temperature 0 it at least says the same each time."""

CUSTOM: Final = Vendor(
    name="custom",
    title="An OpenAI-compatible server of one's own (`api_base`)",
    base_url="",
    key_optional=True,
    native=frozenset({"top_k", "min_p", "repetition_penalty", "chat_template_kwargs"}),
    embedding_rules=EmbeddingRules(unsupported=frozenset()),
    loosely=True,
    think_tag="think",
    rerank="/rerank",
    moderations="/moderations",
    batches="/batches",
)
"""What a bare `api_base` with an unknown model name means."""

LOCAL: Final = Vendor(
    name="local",
    title="A model on this machine, run by llama.cpp (extra `local`)",
    base_url=LOCAL_BASE,
    key_optional=True,
    max_tokens="max_tokens",
    defaults=LOCAL_DEFAULTS,
    native=frozenset({"top_k", "min_p", "repeat_penalty", "grammar", "json_schema", "cache_prompt"}),
    embeddings="",
    models="",
    usage_asked=True,
    docs="https://github.com/ggml-org/llama.cpp/tree/master/tools/server",
)

AZURE: Final = Vendor(
    name="azure",
    title="Azure OpenAI",
    base_url="https://{resource}.openai.azure.com",
    api_key_env=("AZURE_OPENAI_API_KEY", "AZURE_API_KEY"),
    base_env=("AZURE_OPENAI_ENDPOINT", "AZURE_API_BASE"),
    auth="header:api-key",
    functions=True,
    native=frozenset({"data_sources", "user_security_context"}),
    batches="/batches",
    schemaless=OLD_GPT,
    message_fields=OPENAI_MESSAGE_FIELDS,
    embedding_rules=EmbeddingRules(
        unsupported=frozenset({"truncate"}),
        formats=frozenset({"float", "base64", "binary", "int8", "ubinary", "uint8"}),
    ),
    usage_asked=True,
    usage_since="2024-09",
    docs="https://learn.microsoft.com/azure/ai-foundry/openai/reference",
)

AZURE_AI: Final = Vendor(
    name="azure_ai",
    title="Microsoft Foundry (Azure AI)",
    base_url="https://{ANTHROPIC_FOUNDRY_RESOURCE}.services.ai.azure.com",
    url_env=(("ANTHROPIC_FOUNDRY_RESOURCE", "ANTHROPIC_FOUNDRY_RESOURCE"),),
    api_key_env=("AZURE_AI_API_KEY", "ANTHROPIC_FOUNDRY_API_KEY"),
    base_env=("AZURE_AI_API_BASE", "ANTHROPIC_FOUNDRY_BASE_URL"),
    auth="header:api-key",
    loosely=True,
    think_tag="think",
    usage_asked=True,
    usage_since="2024-09",
    docs="https://learn.microsoft.com/azure/ai-foundry/foundry-models/concepts/endpoints",
)

ANTHROPIC: Final = Vendor(
    name="anthropic",
    title="Anthropic",
    base_url="https://api.anthropic.com",
    api_key_env=("ANTHROPIC_API_KEY",),
    base_env=("ANTHROPIC_BASE_URL",),
    auth="header:x-api-key",
    docs="https://platform.claude.com/docs/en/api/messages",
)

COHERE: Final = Vendor(
    name="cohere",
    title="Cohere",
    base_url="https://api.cohere.com",
    api_key_env=("CO_API_KEY", "COHERE_API_KEY"),
    base_env=("CO_API_URL",),
    docs="https://docs.cohere.com/reference/chat",
)

GEMINI: Final = Vendor(
    name="gemini",
    title="Google Gemini (AI Studio)",
    base_url="https://generativelanguage.googleapis.com/v1beta",
    api_key_env=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    base_env=("GOOGLE_GEMINI_BASE_URL",),
    docs="https://ai.google.dev/api/generate-content",
)

VERTEX: Final = Vendor(
    name="vertex_ai",
    title="Google Vertex AI",
    base_url="https://{GOOGLE_CLOUD_LOCATION}-aiplatform.googleapis.com",
    url_env=(
        ("GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_PROJECT"),
        ("GOOGLE_CLOUD_LOCATION", "GOOGLE_CLOUD_LOCATION"),
    ),
    api_key_env=("GOOGLE_OAUTH_ACCESS_TOKEN",),
    base_env=("GOOGLE_VERTEX_BASE_URL",),
    docs="https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference",
)

BEDROCK: Final = Vendor(
    name="bedrock",
    title="Amazon Bedrock (Converse)",
    base_url="https://bedrock-runtime.{region}.amazonaws.com",
    api_key_env=("AWS_BEARER_TOKEN_BEDROCK",),
    base_env=("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL"),
    docs="https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html",
)

SAGEMAKER: Final = Vendor(
    name="sagemaker",
    title="Amazon SageMaker endpoints (Messages API)",
    base_url="https://runtime.sagemaker.{region}.amazonaws.com",
    api_key_env=("AWS_ACCESS_KEY_ID",),
    base_env=("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "AWS_ENDPOINT_URL"),
    max_tokens="max_tokens",
    native=frozenset({"top_k", "min_p", "repetition_penalty"}),
    loosely=True,
    think_tag="think",
    usage_asked=True,
    docs="https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html",
)

WATSONX: Final = Vendor(
    name="watsonx",
    title="IBM watsonx.ai",
    base_url="https://us-south.ml.cloud.ibm.com",
    api_key_env=("WATSONX_API_KEY", "WATSONX_APIKEY", "WX_API_KEY", "WATSONX_TOKEN"),
    base_env=("WATSONX_URL", "WATSONX_API_BASE"),
    max_tokens="max_tokens",
    unsupported=frozenset(
        {
            "metadata",
            "modalities",
            "parallel_tool_calls",
            "prediction",
            "prompt_cache_key",
            "safety_identifier",
            "service_tier",
            "store",
            "user",
            "verbosity",
            "web_search_options",
        }
    ),
    implied=frozenset({"stream_options"}),
    loosely=True,
    docs="https://cloud.ibm.com/apidocs/watsonx-ai",
)

OLLAMA: Final = Vendor(
    name="ollama",
    title="Ollama",
    base_url="http://localhost:11434",
    api_key_env=("OLLAMA_API_KEY",),
    key_optional=True,
    base_env=("OLLAMA_HOST", "OLLAMA_API_BASE"),
    docs="https://docs.ollama.com/api/chat",
)

REPLICATE: Final = Vendor(
    name="replicate",
    title="Replicate",
    base_url="https://api.replicate.com/v1",
    api_key_env=("REPLICATE_API_TOKEN", "REPLICATE_API_KEY"),
    base_env=("REPLICATE_BASE_URL",),
    docs="https://replicate.com/docs/reference/http",
)

NATIVES: Final[Mapping[str, Vendor]] = {
    vendor.name: vendor
    for vendor in (
        AZURE,
        AZURE_AI,
        ANTHROPIC,
        GEMINI,
        VERTEX,
        BEDROCK,
        SAGEMAKER,
        COHERE,
        OLLAMA,
        REPLICATE,
        WATSONX,
        LOCAL,
        CUSTOM,
    )
}
"""All of them by name; they go before rows of the catalogue of the same name."""

NATIVE_ALIASES: Final[Mapping[str, str]] = {
    "custom_openai": "custom",
    "vertex": "vertex_ai",
    "google": "gemini",
    "cohere_chat": "cohere",
    "ollama_chat": "ollama",
    "sagemaker_chat": "sagemaker",
    "claude": "anthropic",
}
"""Other names people know them by, LiteLLM's among them."""
