"""What errors say in their text where their code says no more than the status."""

from __future__ import annotations

from typing import Final

from aiocompl.errors import AuthenticationError, ContentPolicyViolationError, ContextWindowExceededError

PHRASES: Final = (
    ("maximum context length", ContextWindowExceededError),
    ("exceeds the context window", ContextWindowExceededError),
    ("input tokens exceed the configured limit", ContextWindowExceededError),
    ("exceeds the available context size", ContextWindowExceededError),
    ("exceeded max context length", ContextWindowExceededError),
    ("exceeds the context length", ContextWindowExceededError),
    ("prompt is too long", ContextWindowExceededError),
    ("exceed context limit", ContextWindowExceededError),
    ("prompt: length", ContextWindowExceededError),
    ("exceeds this model context window", ContextWindowExceededError),
    ("exceeded this model context window", ContextWindowExceededError),
    ("too large for model with", ContextWindowExceededError),
    ("reduce the length of the messages", ContextWindowExceededError),
    ("context the overflows", ContextWindowExceededError),
    ("max_new_tokens` must be <=", ContextWindowExceededError),
    ("`inputs` must have less than", ContextWindowExceededError),
    ("maximum input length is", ContextWindowExceededError),
    ("cannot exceed the total tokens limit", ContextWindowExceededError),
    ("range of input length should be", ContextWindowExceededError),
    ("too many tokens", ContextWindowExceededError),
    ("input is too long", ContextWindowExceededError),
    ("while limit is", ContextWindowExceededError),
    ("max tokens of", ContextWindowExceededError),
    ("litellm.contextwindowexceedederror", ContextWindowExceededError),
    ("litellm.contentpolicyviolationerror", ContentPolicyViolationError),
    ("content exists risk", ContentPolicyViolationError),
    ("violates usage guidelines", ContentPolicyViolationError),
    ("blocked by our moderation", ContentPolicyViolationError),
    ("flagged as potentially violating our usage policy", ContentPolicyViolationError),
    ("rejected as a result of our safety system", ContentPolicyViolationError),
    ("content management policy", ContentPolicyViolationError),
    ("blocked by content filtering policy", ContentPolicyViolationError),
    ("incorrect api key provided", AuthenticationError),
)
"""For 400s, 403s and 422s whose code says no more than the status; the texts of OpenAI, Azure, Anthropic, xAI,
llama.cpp and Ollama, then of Cloudflare, Mistral, Groq, LM Studio, TGI, watsonx, Alibaba, Cerebras, Snowflake,
LiteLLM's proxy, DeepSeek."""
