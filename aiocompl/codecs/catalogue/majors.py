"""The makers and hosts that most people ask for.

Anthropic, Cohere and Google are reached over their own OpenAI-compatible surfaces.

Source: the vendors' documentation (`docs`) and well-kept clients of theirs, 2026-11.
"""

from __future__ import annotations

from typing import Final

import attrs

from aiocompl.codecs.vendor import OLD_GPT, OPENAI_MESSAGE_FIELDS, EmbeddingRules, Vendor

ANTHROPIC = Vendor(
    name="anthropic",
    title="Anthropic",
    base_url="https://api.anthropic.com/v1",
    api_key_env=("ANTHROPIC_API_KEY",),
    unsupported=frozenset(
        {
            "audio",
            "frequency_penalty",
            "logit_bias",
            "logprobs",
            "presence_penalty",
            "response_format",
            "seed",
        }
    ),
    native=frozenset({"thinking"}),
    embeddings="",
    docs="https://platform.claude.com/docs/en/api/openai-sdk",
)
GEMINI = Vendor(
    name="gemini",
    title="Google Gemini",
    base_url="https://generativelanguage.googleapis.com/v1beta/openai",
    api_key_env=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    unsupported=frozenset({"logit_bias", "logprobs"}),
    think_tag="thought",
    max_inputs=100,
    embedding_rules=EmbeddingRules(unsupported=frozenset({"input_type", "truncate", "user"}), tokens=False),
    docs="https://ai.google.dev/gemini-api/docs/openai",
)
# Closed schema: an unknown name is a 422.
MISTRAL = Vendor(
    name="mistral",
    title="Mistral La Plateforme",
    base_url="https://api.mistral.ai/v1",
    api_key_env=("MISTRAL_API_KEY",),
    base_env=("MISTRAL_API_BASE",),
    max_tokens="max_tokens",
    unsupported=frozenset(
        {
            "audio",
            "logit_bias",
            "modalities",
            "moderation",
            "prompt_cache_options",
            "prompt_cache_retention",
            "safety_identifier",
            "store",
            "user",
            "verbosity",
            "web_search_options",
        }
    ),
    implied=frozenset({"stream_options"}),
    renames=(("seed", "random_seed"),),
    service_tiers=(("auto", "auto"), ("default", "standard_only"), ("standard_only", "standard_only")),
    required="any",
    roles=(("developer", "system"),),
    message_fields=frozenset({"content", "name", "prefix", "role", "tool_call_id", "tool_calls"}),
    named_roles=frozenset({"tool"}),
    call_ids="[a-zA-Z0-9]{9}",
    allowed_tools=False,
    parameters_required=True,
    prefill="prefix",
    parts="mistral",
    history="thinking_blocks",
    native=frozenset(
        {
            "guardrails",
            "min_tokens",
            "prompt_logprobs",
            "prompt_mode",
            "random_seed",
            "repetition_penalty",
            "safe_prompt",
            "top_k",
            "top_prompt_logprobs",
        }
    ),
    moderations="/moderations",
    max_inputs=256,
    embedding_rules=EmbeddingRules(
        native=frozenset({"metadata", "output_dtype"}),
        unsupported=frozenset({"input_type", "truncate", "user"}),
        renames=(("dimensions", "output_dimension"),),
        tokens=False,
    ),
    docs="https://docs.mistral.ai/api",
)
COHERE = Vendor(
    name="cohere",
    title="Cohere",
    base_url="https://api.cohere.ai/compatibility/v1",
    api_key_env=("CO_API_KEY", "COHERE_API_KEY"),
    max_tokens="max_tokens",
    unsupported=frozenset(
        {
            "audio",
            "logit_bias",
            "metadata",
            "modalities",
            "n",
            "parallel_tool_calls",
            "prediction",
            "service_tier",
            "store",
            "top_logprobs",
            "user",
        }
    ),
    max_inputs=96,
    embedding_rules=EmbeddingRules(unsupported=frozenset({"input_type", "truncate", "user"}), tokens=False),
    docs="https://docs.cohere.com/docs/compatibility-api",
)

VENDORS: Final = (
    Vendor(
        name="openai",
        title="OpenAI",
        base_url="https://api.openai.com/v1",
        api_key_env=("OPENAI_API_KEY",),
        base_env=("OPENAI_BASE_URL", "OPENAI_API_BASE"),
        max_tokens="max_completion_tokens",
        functions=True,
        openai_models=True,
        schemaless=OLD_GPT,
        message_fields=OPENAI_MESSAGE_FIELDS,
        call_ids=".{1,40}",
        moderations="/moderations",
        batches="/batches",
        usage_asked=True,
        docs="https://developers.openai.com/api/docs",
    ),
    ANTHROPIC,
    GEMINI,
    MISTRAL,
    attrs.evolve(
        MISTRAL,
        name="codestral",
        title="Mistral Codestral host",
        base_url="https://codestral.mistral.ai/v1",
        api_key_env=("CODESTRAL_API_KEY",),
        base_env=("CODESTRAL_API_BASE",),
        embeddings="",
        docs="https://docs.mistral.ai",
    ),
    COHERE,
    Vendor(
        name="xai",
        title="xAI",
        base_url="https://api.x.ai/v1",
        api_key_env=("XAI_API_KEY",),
        base_env=("XAI_API_BASE",),
        unsupported=frozenset({"web_search_options"}),
        native=frozenset({"deferred"}),
        named_roles=frozenset({"user"}),
        cites=True,
        allowed_tools=False,
        tool_omits=frozenset({"strict"}),
        model_refuses=(
            ("non-reasoning", frozenset()),
            ("grok-3-mini", frozenset({"stop"})),
            ("grok-4|grok-code", frozenset({"frequency_penalty", "presence_penalty", "stop"})),
        ),
        embeddings="",
        usage_asked=True,
        docs="https://docs.x.ai",
    ),
    Vendor(
        name="deepseek",
        title="DeepSeek",
        base_url="https://api.deepseek.com",
        api_key_env=("DEEPSEEK_API_KEY",),
        base_env=("DEEPSEEK_API_BASE",),
        max_tokens="max_tokens",
        unsupported=frozenset({"logit_bias", "n", "parallel_tool_calls", "seed"}),
        native=frozenset({"thinking", "user_id"}),
        formats=frozenset({"json_object", "text"}),
        unforced="^(?!deepseek-chat$)",
        allowed_tools=False,
        part_types=frozenset({"image_url"}),
        model_refuses=(("deepseek-reasoner", frozenset({"logprobs", "top_logprobs"})),),
        roles=(("developer", "system"),),
        text_roles=frozenset({"assistant", "developer", "system", "tool"}),
        history_required=True,
        prefill="prefix",
        prefill_base="https://api.deepseek.com/beta",
        embeddings="",
        usage_asked=True,
        docs="https://api-docs.deepseek.com",
    ),
    Vendor(
        name="perplexity",
        title="Perplexity Sonar",
        base_url="https://api.perplexity.ai",
        api_key_env=("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),
        base_env=("PERPLEXITY_API_BASE",),
        max_tokens="max_tokens",
        unsupported=frozenset(
            {
                "function_call",
                "functions",
                "logit_bias",
                "logprobs",
                "n",
                "parallel_tool_calls",
                "seed",
                "stop",
                "tool_choice",
                "tools",
                "top_logprobs",
                "user",
            }
        ),
        part_types=frozenset({"file", "image_url"}),
        native=frozenset(
            {
                "disable_search",
                "enable_search_classifier",
                "return_images",
                "return_related_questions",
                "search_after_date_filter",
                "search_domain_filter",
                "search_mode",
                "search_recency_filter",
                "stream_mode",
                "top_k",
            }
        ),
        formats=frozenset({"json_schema", "regex", "text"}),
        roles=(("developer", "system"),),
        alternating=True,
        cites=True,
        models="",
        embeddings="/v1/embeddings",
        max_inputs=512,
        embedding_rules=EmbeddingRules(
            unsupported=frozenset({"input_type", "truncate", "user"}),
            formats=frozenset({"base64_binary", "base64_int8"}),
            tokens=False,
            wire="b",
        ),
        docs="https://docs.perplexity.ai",
    ),
    attrs.evolve(
        ANTHROPIC, name="anthropic_compat", title="Anthropic OpenAI-compatible surface", usage_asked=True
    ),
    attrs.evolve(GEMINI, name="gemini_compat", title="Gemini OpenAI-compatible surface", usage_asked=True),
    attrs.evolve(COHERE, name="cohere_compat", title="Cohere OpenAI-compatible surface", usage_asked=True),
)
