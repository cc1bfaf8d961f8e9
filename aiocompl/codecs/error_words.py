"""What providers' statuses, codes and texts mean: the tables with which `error_shapes` finds an error's class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiocompl.errors import (
    APIStatusError,
    AuthenticationError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    InternalServerError,
    NotFoundError,
    RateLimitError,
    ServiceUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

STATUSES: Final[Mapping[int, type[APIStatusError]]] = {
    424: InternalServerError,  # TGI, Azure: what is behind failed
    498: ServiceUnavailableError,  # Groq: no capacity in the flex tier
}
"""Statuses that mean more to these servers than HTTP says."""

CODE_ERRORS: Final[Mapping[str, type[APIStatusError]]] = {
    "context_length_exceeded": ContextWindowExceededError,
    "exceed_context_size_error": ContextWindowExceededError,
    "content_policy_violation": ContentPolicyViolationError,
    "content_filter": ContentPolicyViolationError,
    "content_policy": ContentPolicyViolationError,  # Mistral
    "cyber_policy_violation": ContentPolicyViolationError,
    "misalignment_policy_violation": ContentPolicyViolationError,
    "bio_policy": ContentPolicyViolationError,
    "ResponsibleAIPolicyViolation": ContentPolicyViolationError,
    "invalid_api_key": AuthenticationError,
    "3051": ContextWindowExceededError,  # Mistral
    "1261": ContextWindowExceededError,  # Zhipu
    "1039": ContextWindowExceededError,  # MiniMax
    "tokens_limit_reached": ContextWindowExceededError,  # GitHub Models
    "1301": ContentPolicyViolationError,  # Zhipu
    "1026": ContentPolicyViolationError,  # MiniMax: the prompt
    "1027": ContentPolicyViolationError,  # MiniMax: the answer
    "data_inspection_failed": ContentPolicyViolationError,  # Alibaba
    "DataInspectionFailed": ContentPolicyViolationError,
    "SensitiveContentDetected": ContentPolicyViolationError,  # Volcengine
    "5007": NotFoundError,  # Cloudflare
}
"""Codes and types that say more than their status."""

FINAL_CODES: Final = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "billing_hard_limit_reached",
        "billing_not_active",
        "monthly_usage_limit_exceeded",
        "exceeded_current_quota_error",  # Moonshot
        "Arrearage",  # Alibaba
        "AccountOverdueError",  # Volcengine
        "1112",  # Zhipu
        "1113",
        "3036",  # Cloudflare: the day's free allocation
    }
)
"""Codes of a 429 that no waiting mends."""

FINAL_PHRASES: Final = (
    "insufficient balance",
    "insufficient credit",
    "credit balance",
    "out of credits",
    "in arrears",
    "monthly included credits",
)
"""The same, where the code says nothing."""

TOO_LARGE: Final = "Request too large"
"""How OpenAI begins the text of a 429 that says the request alone is beyond the limit: nor does waiting mend that."""

TYPE_STATUS: Final[Mapping[str, int]] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "requests": 429,
    "tokens": 429,
    "rate_limit_error": 429,
    "rate_limited": 429,  # Mistral
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "server_error": 500,
    "api_error": 500,
    "overloaded_error": 503,
    "service_unavailable_error": 503,
    "server_is_overloaded": 503,
    "validation": 422,  # TGI
    "template_error": 422,
    "overloaded": 429,
    "generation": 424,
    "incomplete_generation": 424,
    "3040": 429,  # Cloudflare
    "1002": 429,  # MiniMax, whose errors have status 200
    "1004": 401,
    "1008": 402,
    "1013": 500,
    "1024": 500,
    "2013": 400,
}
"""The status that an error inside a stream, which has none of its own, would have had."""

STATUS_WORDS: Final[Mapping[str, int]] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 408,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""The HTTP status of each of Google's status words, for errors inside a stream, which have none of their own."""

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
    ("exceeds the maximum number of tokens", ContextWindowExceededError),
    ("maximum number of tokens allowed", ContextWindowExceededError),
    ("size limit exceeded", ContextWindowExceededError),
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
    ("flagged: content policy", ContentPolicyViolationError),
    ("content management policy", ContentPolicyViolationError),
    ("blocked by content filtering policy", ContentPolicyViolationError),
    ("incorrect api key provided", AuthenticationError),
)
"""For 400s, 403s and 422s whose code says no more than the status; the texts of OpenAI, Azure, Anthropic, xAI,
llama.cpp and Ollama, then of Cloudflare, Mistral, Groq, LM Studio, TGI, watsonx, Alibaba, Cerebras, Snowflake,
LiteLLM's proxy, DeepSeek, Google, Cohere."""

LIMIT_PHRASES: Final = (
    ("rate limit", RateLimitError),
    ("rate-limit", RateLimitError),
    ("ratelimit", RateLimitError),
    ("too many requests", RateLimitError),
    ("too many tokens, please wait", RateLimitError),
    ("resource exhausted", RateLimitError),
    ("resource has been exhausted", RateLimitError),
    ("wait and try again", RateLimitError),
    ("usage limit", RateLimitError),
    ("throttled", RateLimitError),
    ("exceeded your current quota", RateLimitError),
)
"""How the text of an error inside a stream, which has neither status nor code, says that the caller asks too much; it
comes before `PHRASES`, for limits are of tokens too."""

STATE_PHRASES: Final = (
    ("overloaded", ServiceUnavailableError),
    ("server busy", ServiceUnavailableError),
    ("too busy", ServiceUnavailableError),
    ("at capacity", ServiceUnavailableError),
    ("over capacity", ServiceUnavailableError),
    ("temporarily unavailable", ServiceUnavailableError),
    ("service unavailable", ServiceUnavailableError),
    ("invalid api key", AuthenticationError),
    ("invalid api token", AuthenticationError),
    ("valid authentication token", AuthenticationError),
    ("authentication credentials", AuthenticationError),
    ("authentication error", AuthenticationError),
    ("invalid username or password", AuthenticationError),
    ("api key not valid", AuthenticationError),
    ("unauthorized", AuthenticationError),
    ("authentication failed", AuthenticationError),
)
"""What else such a text may say; it comes after `PHRASES`."""

UNPAID: Final = 402

UNPAID_IS_QUOTA: Final = frozenset({"codestral", "huggingface", "mistral"})
"""Providers whose 402 says that a quota is used up, rather than that something is not allowed."""
