"""What users call things: other names of vendors, and the families that bare model names belong to.

Source: https://docs.litellm.ai, providers, for the aliases; the vendors' lists of models for the families (2026-11).
"""

from __future__ import annotations

from typing import Final

ALIASES: Final = {
    "ai21_chat": "ai21",
    "aiml": "aimlapi",
    "cohere_chat": "cohere",
    "fireworks_ai": "fireworks",
    "gradient_ai": "digitalocean",
    "hosted_vllm": "vllm",
    "meta_llama": "llama",
    "nano-gpt": "nano_gpt",
    "ollama_chat": "ollama",
    "together_ai": "together",
    "z_ai": "zai",
}
"""LiteLLM's names, and common spellings, of vendors that go by another name here."""

FAMILIES: Final = (
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("text-embedding-", "openai"),
    ("omni-moderation-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("davinci", "openai"),
    ("babbage", "openai"),
    ("ft:gpt-", "openai"),
    ("ft:o4", "openai"),
    ("ft:davinci", "openai"),
    ("ft:babbage", "openai"),
    ("claude-", "anthropic"),
    ("gemini-", "gemini"),
    ("gemma-", "gemini"),
    ("mistral-", "mistral"),
    ("codestral-", "mistral"),
    ("ministral-", "mistral"),
    ("magistral-", "mistral"),
    ("pixtral-", "mistral"),
    ("devstral-", "mistral"),
    ("voxtral-", "mistral"),
    ("open-mistral", "mistral"),
    ("open-mixtral", "mistral"),
    ("ft:mistral-", "mistral"),
    ("ft:ministral-", "mistral"),
    ("ft:open-mistral", "mistral"),
    ("command", "cohere"),
    ("c4ai-", "cohere"),
    ("aya-", "cohere"),
    ("grok-", "xai"),
    ("deepseek-", "deepseek"),
    ("sonar", "perplexity"),
    ("jamba-", "ai21"),
    ("reka-", "reka"),
    ("solar-", "upstage"),
    ("mercury", "inception"),
    ("sarvam-", "sarvam"),
    ("GigaChat", "gigachat"),
    ("doubao-", "volcengine"),
    ("ernie-", "qianfan"),
    ("hunyuan-", "hunyuan"),
    ("MiniMax-", "minimax"),
)
"""The start of a bare model name, and its maker. A start without a final dash stands for that name, alone or before a dash.

Only where the name tells one vendor: ``qwen-`` and ``glm-`` are sold by two hosts with separate keys, ``llama-`` by many.
"""


_OPEN_WEIGHTS = ("gpt-oss",)
"""Called like a family whose vendor does not serve them: everybody else does."""


def family_vendor(model: str) -> str | None:
    """The vendor whose models are called like the bare name `model`: ``"gpt-4o"`` gives ``"openai"``.

    None for a name of no known family, and for one with a slash: ``"deepseek-ai/DeepSeek-V3"`` is a repository's name.
    """
    if "/" in model or model.startswith(_OPEN_WEIGHTS):
        return None
    for start, vendor in FAMILIES:
        if model == start or model.startswith(start if start.endswith("-") else f"{start}-"):
            return vendor
    return None
