"""The hosts of other makers' models that most people ask for.

Source: the vendors' documentation (`docs`) and well-kept clients of theirs, 2026-11.
"""

from __future__ import annotations

from typing import Final

from aiocompl.codecs.vendor import OPENAI_MESSAGE_FIELDS, EmbeddingRules, Vendor

VENDORS: Final = (
    Vendor(
        name="groq",
        title="Groq",
        base_url="https://api.groq.com/openai/v1",
        api_key_env=("GROQ_API_KEY",),
        base_env=("GROQ_API_BASE",),
        unsupported=frozenset({"logit_bias", "logprobs", "metadata", "store", "top_logprobs"}),
        one_answer=True,
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
        named_roles=frozenset(),
        nulls=False,
        history="reasoning",
        reasoning="reasoning",
        embeddings="",
        batches="/batches",
        docs="https://console.groq.com/docs",
    ),
    Vendor(
        name="together",
        title="Together AI",
        base_url="https://api.together.ai/v1",
        api_key_env=("TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHERAI_API_KEY"),
        base_env=("TOGETHER_BASE_URL", "TOGETHER_AI_API_BASE"),
        max_tokens="max_tokens",
        unsupported=frozenset({"parallel_tool_calls", "user"}),
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
        logprobs_count=True,
        rerank="/rerank",
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
        required="any",
        # Closed schema: "Extra inputs are not permitted".
        message_fields=OPENAI_MESSAGE_FIELDS - {"annotations", "audio", "refusal"} | {"reasoning_content"},
        tool_omits=frozenset({"strict"}),
        model_prefix="accounts/fireworks/models/",
        rerank="/rerank",
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
        rerank="/inference/{model}",
        max_inputs=1024,
        embedding_rules=EmbeddingRules(
            native=frozenset({"service_tier"}), formats=frozenset({"float"}), tokens=False
        ),
        usage_asked=True,
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
        usage_asked=True,
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
        rerank="/ranking",
        embedding_rules=EmbeddingRules(
            native=frozenset({"embedding_type", "modality"}),
            unsupported=frozenset(),
            input_types=(("document", "passage"),),
            tokens=False,
        ),
        usage_asked=True,
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
                "debug",
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
        rerank="/rerank",
        embedding_rules=EmbeddingRules(native=frozenset({"provider"}), unsupported=frozenset({"truncate"})),
        docs="https://openrouter.ai/docs",
    ),
)
