"""Servers on one's own machine: no key needed, unless the server was started with one.

Source: the vendors' documentation (`docs`) and well-kept clients of theirs, 2026-11.
"""

from __future__ import annotations

from typing import Final

import attrs

from aiocompl.codecs.vendor import Vendor

OLLAMA = Vendor(
    name="ollama",
    title="Ollama",
    base_url="http://localhost:11434/v1",
    api_key_env=("OLLAMA_API_KEY",),
    key_optional=True,
    base_env=("OLLAMA_HOST", "OLLAMA_API_BASE"),
    unsupported=frozenset({"function_call", "logit_bias", "n", "tool_choice", "user"}),
    history="reasoning",
    reasoning="reasoning",
    docs="https://docs.ollama.com/openai",
)

VENDORS: Final = (
    OLLAMA,
    Vendor(
        name="vllm",
        title="vLLM server",
        base_url="http://localhost:8000/v1",
        api_key_env=("VLLM_API_KEY", "HOSTED_VLLM_API_KEY"),
        key_optional=True,
        base_env=("VLLM_API_BASE", "HOSTED_VLLM_API_BASE"),
        native=frozenset(
            {
                "chat_template_kwargs",
                "guided_json",
                "min_p",
                "priority",
                "repetition_penalty",
                "stop_token_ids",
                "structured_outputs",
                "top_k",
            }
        ),
        reasoning="reasoning",
        prefill="continue",
        rerank="/rerank",
        docs="https://docs.vllm.ai",
    ),
    Vendor(
        name="lm_studio",
        title="LM Studio",
        base_url="http://localhost:1234/v1",
        api_key_env=("LM_STUDIO_API_KEY", "LM_API_TOKEN"),
        key_optional=True,
        base_env=("LM_STUDIO_API_BASE",),
        max_tokens="max_tokens",
        unsupported=frozenset({"logprobs", "n"}),
        native=frozenset({"repeat_penalty", "top_k", "ttl"}),
        docs="https://lmstudio.ai/docs",
    ),
    Vendor(
        name="llamacpp",
        title="llama.cpp server",
        base_url="http://127.0.0.1:8080/v1",
        api_key_env=("LLAMACPP_API_KEY", "LLAMA_API_KEY_LOCAL"),
        key_optional=True,
        base_env=("LLAMACPP_API_BASE",),
        native=frozenset({"cache_prompt", "chat_template_kwargs", "grammar", "json_schema", "min_p"}),
        rerank="/rerank",
        docs="https://github.com/ggml-org/llama.cpp/tree/master/tools/server",
    ),
    Vendor(
        name="llamafile",
        title="llamafile",
        base_url="http://127.0.0.1:8080/v1",
        api_key_env=("LLAMAFILE_API_KEY",),
        key_optional=True,
        base_env=("LLAMAFILE_API_BASE",),
        max_tokens="max_tokens",
        docs="https://github.com/mozilla-ai/llamafile",
    ),
    Vendor(
        name="sglang",
        title="SGLang server",
        base_url="http://localhost:30000/v1",
        api_key_env=("SGLANG_API_KEY",),
        key_optional=True,
        base_env=("SGLANG_API_BASE",),
        native=frozenset({"chat_template_kwargs", "ebnf", "min_p", "regex", "separate_reasoning", "top_k"}),
        rerank="/rerank",
        docs="https://docs.sglang.ai",
    ),
    Vendor(
        name="tei",
        title="Hugging Face Text Embeddings Inference server",
        base_url="http://localhost:8080/v1",
        api_key_env=("TEI_API_KEY",),
        key_optional=True,
        base_env=("TEI_API_BASE",),
        rerank="/rerank",
        models="",
        docs="https://huggingface.co/docs/text-embeddings-inference",
    ),
    Vendor(
        name="xinference",
        title="Xinference",
        base_url="http://127.0.0.1:9997/v1",
        api_key_env=("XINFERENCE_API_KEY",),
        key_optional=True,
        base_env=("XINFERENCE_API_BASE",),
        max_tokens="max_tokens",
        rerank="/rerank",
        docs="https://inference.readthedocs.io",
    ),
    Vendor(
        name="docker_model_runner",
        title="Docker Model Runner",
        base_url="http://localhost:12434/engines/v1",
        api_key_env=("DOCKER_MODEL_RUNNER_API_KEY",),
        key_optional=True,
        base_env=("DOCKER_MODEL_RUNNER_API_BASE",),
        max_tokens="max_tokens",
        docs="https://docs.docker.com/ai/model-runner",
    ),
    Vendor(
        name="lemonade",
        title="Lemonade server",
        base_url="http://localhost:8000/api/v1",
        api_key_env=("LEMONADE_API_KEY",),
        key_optional=True,
        base_env=("LEMONADE_API_BASE",),
        docs="https://lemonade-server.ai/docs",
    ),
    Vendor(
        name="litellm_proxy",
        title="LiteLLM proxy",
        base_url="http://localhost:4000",
        api_key_env=("LITELLM_PROXY_API_KEY", "LITELLM_API_KEY"),
        key_optional=True,
        base_env=("LITELLM_PROXY_API_BASE",),
        native=frozenset({"tags"}),
        rerank="/rerank",
        moderations="/moderations",
        docs="https://docs.litellm.ai",
    ),
    attrs.evolve(OLLAMA, name="ollama_compat", title="Ollama OpenAI surface"),
)
