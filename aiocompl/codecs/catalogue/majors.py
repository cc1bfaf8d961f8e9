"""The makers and hosts that most people ask for.

Anthropic, Cohere and Google are reached over their own OpenAI-compatible surfaces.

Source: the vendors' documentation (`docs`) and well-kept clients of theirs, 2026-11.
"""

from __future__ import annotations

from typing import Final

import attrs

from aiocompl.codecs.vendor import EmbeddingRules, Vendor

OPENAI_MESSAGE_FIELDS: Final = frozenset(
    {
        "annotations",
        "audio",
        "content",
        "function_call",
        "name",
        "refusal",
        "role",
        "tool_call_id",
        "tool_calls",
    }
)

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
            "function_call",
            "functions",
            "logit_bias",
            "modalities",
            "store",
            "user",
            "verbosity",
            "web_search_options",
        }
    ),
    implied=frozenset({"stream_options"}),
    renames=(("seed", "random_seed"),),
    required="any",
    roles=(("developer", "system"),),
    message_fields=frozenset({"content", "name", "prefix", "role", "tool_call_id", "tool_calls"}),
    named_roles=frozenset({"tool"}),
    call_ids="[a-zA-Z0-9]{9}",
    parts="mistral",
    history="thinking_blocks",
    native=frozenset(
        {
            "guardrails",
            "min_tokens",
            "prompt_mode",
            "random_seed",
            "repetition_penalty",
            "safe_prompt",
            "top_k",
        }
    ),
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
        openai_models=True,
        message_fields=OPENAI_MESSAGE_FIELDS,
        call_ids=".{1,40}",
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
        embeddings="",
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
        history_required=True,
        embeddings="",
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
                "functions",
                "logit_bias",
                "logprobs",
                "n",
                "parallel_tool_calls",
                "seed",
                "stop",
                "tool_choice",
                "tools",
                "user",
            }
        ),
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
    Vendor(
        name="groq",
        title="Groq",
        base_url="https://api.groq.com/openai/v1",
        api_key_env=("GROQ_API_KEY",),
        base_env=("GROQ_API_BASE",),
        unsupported=frozenset({"logit_bias", "logprobs", "metadata", "store", "top_logprobs"}),
        native=frozenset(
            {
                "citation_options",
                "compound_custom",
                "disable_tool_validation",
                "documents",
                "include_reasoning",
                "reasoning_format",
                "search_settings",
            }
        ),
        message_fields=OPENAI_MESSAGE_FIELDS - {"annotations", "audio", "refusal"} | {"reasoning"},
        nulls=False,
        history="reasoning",
        reasoning="reasoning",
        embeddings="",
        docs="https://console.groq.com/docs",
    ),
    Vendor(
        name="together",
        title="Together AI",
        base_url="https://api.together.ai/v1",
        api_key_env=("TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHERAI_API_KEY"),
        base_env=("TOGETHER_BASE_URL", "TOGETHER_AI_API_BASE"),
        max_tokens="max_tokens",
        unsupported=frozenset({"parallel_tool_calls", "top_logprobs", "user"}),
        native=frozenset(
            {
                "chat_template_kwargs",
                "context_length_exceeded_behavior",
                "echo",
                "min_p",
                "reasoning",
                "repetition_penalty",
                "safety_model",
                "top_k",
            }
        ),
        reasoning="reasoning",
        docs="https://docs.together.ai",
    ),
    Vendor(
        name="fireworks",
        title="Fireworks AI",
        base_url="https://api.fireworks.ai/inference/v1",
        api_key_env=("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY"),
        base_env=("FIREWORKS_API_BASE",),
        native=frozenset(
            {
                "context_length_exceeded_behavior",
                "min_p",
                "mirostat_lr",
                "mirostat_target",
                "perf_metrics_in_response",
                "prompt_truncate_len",
                "raw_output",
                "reasoning_history",
                "repetition_penalty",
                "thinking",
                "top_k",
                "typical_p",
            }
        ),
        embedding_rules=EmbeddingRules(native=frozenset({"normalize", "prompt_template", "return_logits"})),
        docs="https://docs.fireworks.ai",
    ),
    Vendor(
        name="deepinfra",
        title="DeepInfra",
        base_url="https://api.deepinfra.com/v1/openai",
        api_key_env=("DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN"),
        base_env=("DEEPINFRA_API_BASE",),
        max_tokens="max_tokens",
        native=frozenset({"min_p", "repetition_penalty", "top_k"}),
        text_roles=frozenset({"tool"}),
        max_inputs=1024,
        embedding_rules=EmbeddingRules(
            native=frozenset({"service_tier"}), formats=frozenset({"float"}), tokens=False
        ),
        docs="https://deepinfra.com/docs/openai_api",
    ),
    Vendor(
        name="cerebras",
        title="Cerebras Inference",
        base_url="https://api.cerebras.ai/v1",
        api_key_env=("CEREBRAS_API_KEY",),
        base_env=("CEREBRAS_API_BASE",),
        native=frozenset({"clear_thinking", "disable_reasoning", "min_tokens", "reasoning_format"}),
        history="reasoning",
        reasoning="reasoning",
        embeddings="",
        docs="https://inference-docs.cerebras.ai",
    ),
    Vendor(
        name="sambanova",
        title="SambaNova Cloud",
        base_url="https://api.sambanova.ai/v1",
        api_key_env=("SAMBANOVA_API_KEY",),
        base_env=("SAMBANOVA_API_BASE",),
        max_tokens="max_tokens",
        unsupported=frozenset(
            {"frequency_penalty", "logit_bias", "logprobs", "n", "presence_penalty", "seed"}
        ),
        native=frozenset({"chat_template_kwargs", "top_k"}),
        docs="https://docs.sambanova.ai",
    ),
    Vendor(
        name="nvidia_nim",
        title="NVIDIA NIM / build.nvidia.com",
        base_url="https://integrate.api.nvidia.com/v1",
        api_key_env=("NVIDIA_NIM_API_KEY", "NVIDIA_API_KEY"),
        base_env=("NVIDIA_NIM_API_BASE",),
        max_tokens="max_tokens",
        unsupported=frozenset({"logit_bias", "n", "user"}),
        native=frozenset({"chat_template_kwargs", "nvext"}),
        embedding_rules=EmbeddingRules(
            native=frozenset({"embedding_type", "modality"}),
            unsupported=frozenset(),
            input_types=(("document", "passage"),),
            tokens=False,
        ),
        docs="https://docs.api.nvidia.com/nim",
    ),
    Vendor(
        name="openrouter",
        title="OpenRouter",
        base_url="https://openrouter.ai/api/v1",
        api_key_env=("OPENROUTER_API_KEY",),
        base_env=("OPENROUTER_API_BASE",),
        native=frozenset(
            {
                "include_reasoning",
                "min_p",
                "models",
                "plugins",
                "provider",
                "reasoning",
                "repetition_penalty",
                "route",
                "session_id",
                "structured_outputs",
                "top_a",
                "top_k",
                "trace",
                "transforms",
            }
        ),
        history="reasoning",
        reasoning="reasoning",
        embedding_rules=EmbeddingRules(native=frozenset({"provider"}), unsupported=frozenset({"truncate"})),
        docs="https://openrouter.ai/docs",
    ),
    attrs.evolve(ANTHROPIC, name="anthropic_compat", title="Anthropic OpenAI-compatible surface"),
    attrs.evolve(GEMINI, name="gemini_compat", title="Gemini OpenAI-compatible surface"),
    attrs.evolve(COHERE, name="cohere_compat", title="Cohere OpenAI-compatible surface"),
)
