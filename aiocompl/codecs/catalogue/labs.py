"""Makers of models who serve them themselves.

Source: the vendors' documentation (`docs`) and well-kept clients of theirs, 2026-11.
Unverified: `writer`, `jina`, `krutrim`, `cognition`.
"""

from __future__ import annotations

from typing import Final

from aiocompl.codecs.vendor import EmbeddingRules, Vendor
from aiocompl.types.params import OPENAI_PARAMS

VENDORS: Final = (
    Vendor(
        name="ai21",
        title="AI21 Jamba",
        base_url="https://api.ai21.com/studio/v1",
        api_key_env=("AI21_API_KEY",),
        base_env=("AI21_API_BASE",),
        max_tokens="max_tokens",
        unsupported=frozenset(
            {"frequency_penalty", "logit_bias", "logprobs", "parallel_tool_calls", "presence_penalty", "user"}
        ),
        native=frozenset({"documents"}),
        embeddings="",
        docs="https://docs.ai21.com",
    ),
    Vendor(
        name="meta",
        title="Meta Model API",
        base_url="https://api.meta.ai/v1",
        api_key_env=("META_API_KEY", "MODEL_API_KEY"),
        base_env=("META_API_BASE",),
        docs="https://dev.meta.ai/docs",
    ),
    Vendor(
        name="llama",
        title="Llama API",
        base_url="https://api.llama.com/compat/v1",
        api_key_env=("LLAMA_API_KEY",),
        base_env=("LLAMA_API_BASE",),
        max_tokens="max_completion_tokens",
        unsupported=frozenset({"logit_bias", "n", "seed"}),
        embeddings="",
        docs="https://llama.developer.meta.com/docs",
    ),
    Vendor(
        name="amazon_nova",
        title="Amazon Nova API",
        base_url="https://api.nova.amazon.com/v1",
        api_key_env=("AMAZON_NOVA_API_KEY", "NOVA_API_KEY"),
        base_env=("AMAZON_NOVA_API_BASE",),
        unsupported=frozenset(
            {
                "frequency_penalty",
                "logit_bias",
                "logprobs",
                "n",
                "presence_penalty",
                "response_format",
                "seed",
                "user",
            }
        ),
        usage_asked=True,
        docs="https://nova.amazon.com/dev",
    ),
    Vendor(
        name="reka",
        title="Reka",
        base_url="https://api.reka.ai/v1",
        api_key_env=("REKA_API_KEY",),
        base_env=("REKA_API_BASE",),
        max_tokens="max_tokens",
        unsupported=frozenset({"logit_bias", "n"}),
        embeddings="",
        docs="https://docs.reka.ai",
    ),
    Vendor(
        name="upstage",
        title="Upstage Solar",
        base_url="https://api.upstage.ai/v1",
        api_key_env=("UPSTAGE_API_KEY",),
        base_env=("UPSTAGE_API_BASE",),
        max_tokens="max_tokens",
        unsupported=frozenset({"logit_bias", "n"}),
        reasoning="reasoning",
        max_inputs=100,
        embedding_rules=EmbeddingRules(tokens=False),
        usage_asked=True,
        docs="https://console.upstage.ai/docs",
    ),
    Vendor(
        name="inception",
        title="Inception Labs (Mercury)",
        base_url="https://api.inceptionlabs.ai/v1",
        api_key_env=("INCEPTION_API_KEY",),
        base_env=("INCEPTION_API_BASE",),
        unsupported=frozenset(
            {"frequency_penalty", "logit_bias", "logprobs", "n", "presence_penalty", "seed", "top_p", "user"}
        ),
        native=frozenset({"diffusing", "realtime", "reasoning_summary"}),
        embeddings="",
        usage_asked=True,
        docs="https://docs.inceptionlabs.ai",
    ),
    # Says it takes little besides model, messages and stream.
    Vendor(
        name="morph",
        title="Morph",
        base_url="https://api.morphllm.com/v1",
        api_key_env=("MORPH_API_KEY",),
        base_env=("MORPH_API_BASE",),
        max_tokens="max_tokens",
        unsupported=OPENAI_PARAMS,
        docs="https://docs.morphllm.com",
    ),
    Vendor(
        name="v0",
        title="Vercel v0 model API",
        base_url="https://api.v0.dev/v1",
        api_key_env=("V0_API_KEY",),
        base_env=("V0_API_BASE",),
        max_tokens="max_completion_tokens",
        unsupported=OPENAI_PARAMS
        - {"tools", "tool_choice", "functions", "function_call", "max_tokens", "max_completion_tokens"},
        embeddings="",
        docs="https://v0.dev/docs/v0-model-api",
    ),
    Vendor(
        name="writer",
        title="Writer Palmyra",
        base_url="https://api.writer.com/v1",
        path="/chat",
        api_key_env=("WRITER_API_KEY",),
        max_tokens="max_tokens",
        unsupported=frozenset({"frequency_penalty", "logit_bias", "presence_penalty"}),
        roles=(("developer", "system"),),
        embeddings="",
        usage_asked=True,
        docs="https://dev.writer.com",
    ),
    Vendor(
        name="jina",
        title="Jina DeepSearch",
        base_url="https://deepsearch.jina.ai/v1",
        api_key_env=("JINA_API_KEY",),
        max_tokens="max_tokens",
        unsupported=frozenset({"functions", "n", "tools"}),
        native=frozenset({"budget_tokens", "no_direct_answer"}),
        rerank="https://api.jina.ai/v1/rerank",
        models="",
        embeddings="",
        docs="https://jina.ai/deepsearch",
    ),
    Vendor(
        name="sarvam",
        title="Sarvam AI",
        base_url="https://api.sarvam.ai/v1",
        api_key_env=("SARVAM_API_KEY",),
        auth="header:api-subscription-key",
        max_tokens="max_tokens",
        native=frozenset({"wiki_grounding"}),
        embeddings="",
        docs="https://docs.sarvam.ai",
    ),
    Vendor(
        name="krutrim",
        title="Ola Krutrim",
        base_url="https://cloud.olakrutrim.com/v1",
        api_key_env=("KRUTRIM_API_KEY", "KRUTRIM_CLOUD_API_KEY"),
        max_tokens="max_tokens",
        docs="https://cloud.olakrutrim.com",
    ),
    Vendor(
        name="gigachat",
        title="Sber GigaChat",
        base_url="https://gigachat.devices.sberbank.ru/api/v1",
        api_key_env=("GIGACHAT_ACCESS_TOKEN", "GIGACHAT_CREDENTIALS", "GIGACHAT_API_KEY"),
        base_env=("GIGACHAT_API_BASE",),
        max_tokens="max_tokens",
        unsupported=frozenset({"n", "response_format", "seed", "tools"}),
        functions=True,
        native=frozenset({"repetition_penalty", "update_interval"}),
        docs="https://developers.sber.ru/docs/ru/gigachat",
    ),
    Vendor(
        name="cognition",
        title="Cognition",
        base_url="https://api.cognition.ai/v1",
        api_key_env=("COGNITION_API_KEY",),
        base_env=("COGNITION_API_BASE",),
    ),
)
