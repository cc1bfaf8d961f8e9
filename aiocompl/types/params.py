"""The keywords of a call, one by one: OpenAI's chat-completion parameters, and ours and LiteLLM's call options.

`None` means "not given" everywhere; it is never sent.

Source: https://developers.openai.com/api/docs, create chat completion (2026-11); https://docs.litellm.ai, completion input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import UnionType

    from aiocompl.types.endpoint import KeyProvider


class OpenAIParams(TypedDict, total=False):
    """OpenAI's chat-completion parameters besides `model`, `messages` and `stream`. Ranges are the provider's business."""

    audio: Mapping[str, Any] | None
    """Voice and format of a spoken answer: ``{"voice": "alloy", "format": "wav"}``."""
    frequency_penalty: float | None
    function_call: str | Mapping[str, str] | None
    """Legacy form of `tool_choice`."""
    functions: Sequence[Mapping[str, Any]] | None
    """Legacy form of `tools`."""
    logit_bias: Mapping[str, float] | None
    logprobs: bool | None
    max_completion_tokens: int | None
    """Upper bound on the answer, reasoning included."""
    max_tokens: int | None
    """OpenAI's older name for `max_completion_tokens`; sent under the name that the vendor takes."""
    metadata: Mapping[str, str] | None
    """Labels that the provider stores with the completion; `logger_fn` and hooks see them too."""
    modalities: Sequence[str] | None
    moderation: Mapping[str, Any] | None
    n: int | None
    parallel_tool_calls: bool | None
    prediction: Mapping[str, Any] | None
    presence_penalty: float | None
    prompt_cache_key: str | None
    prompt_cache_options: Mapping[str, Any] | None
    prompt_cache_retention: str | None
    reasoning_effort: str | None
    response_format: Mapping[str, Any] | type | UnionType | None
    """``{"type": "json_object"}``, a JSON Schema in OpenAI's wrapping, or a class (attrs, dataclass, TypedDict, pydantic):
    the message's `parsed` is then an instance of it."""
    safety_identifier: str | None
    seed: int | None
    service_tier: str | None
    stop: str | Sequence[str] | None
    store: bool | None
    stream_options: Mapping[str, Any] | None
    temperature: float | None
    tool_choice: str | Mapping[str, Any] | None
    tools: Sequence[Mapping[str, Any]] | None
    top_logprobs: int | None
    top_p: float | None
    user: str | None
    verbosity: str | None
    web_search_options: Mapping[str, Any] | None


class CredentialOptions(TypedDict, total=False):
    """Credentials that are no plain key, and what goes with them. One that is for another provider is refused."""

    azure_ad_token: str | None
    """Azure: a token of Entra, instead of a key."""
    azure_ad_token_provider: KeyProvider | None
    """Azure: a function, plain or async, that returns a token of Entra; asked for each attempt."""
    vertex_project: str | None
    """Vertex AI: the Google Cloud project, instead of the environment's or that of the credentials."""
    vertex_location: str | None
    """Vertex AI: a region, ``global``, ``us`` or ``eu``."""
    vertex_credentials: str | Mapping[str, Any] | None
    """Vertex AI: credentials as Google hands them out: the file's path, its JSON, or that parsed (extra `google`)."""
    aws_access_key_id: str | None
    aws_secret_access_key: str | None
    aws_session_token: str | None
    """AWS: goes with temporary credentials."""
    aws_region_name: str | None
    aws_profile_name: str | None
    """AWS: the profile whose credentials are used (extra `bedrock`)."""
    aws_role_name: str | None
    """AWS: the ARN of a role to be taken on with these credentials, or with those that are found (extra `bedrock`)."""
    aws_session_name: str | None
    """AWS: what the role's session is called in AWS's own logs; ``"aiocompl"`` where nothing is given."""
    aws_web_identity_token: str | None
    """AWS: a token of OpenID Connect with which the role is taken on, instead of credentials."""
    aws_bedrock_runtime_endpoint: str | None
    """Bedrock: the same as `api_base`."""


class CallOptions(CredentialOptions, total=False):
    """How a call is made: where to, with which key, how long, how often. Never sent as such.

    One that changes what is asked, or of whom, has to be named in `aiocompl.policy.cache_key` too.
    """

    api_base: str | None
    """The endpoint's base URL, such as ``"https://host/v1"``: makes an endpoint of any OpenAI-compatible server."""
    base_url: str | None
    """The same, under OpenAI's name."""
    api_key: str | KeyProvider | None
    """The key for this call, instead of the environment's; or a function, plain or async, that returns it, asked for
    each attempt. Pass the same function each time: another one is another endpoint."""
    api_version: str | None
    """Azure's dated API version."""
    organization: str | None
    custom_llm_provider: str | None
    """The provider, where the model name does not say."""
    azure: bool | None
    """The same as ``custom_llm_provider="azure"``."""
    timeout: float | None
    """Seconds for the whole call: queueing, retries and the last streamed byte included. Default 600."""
    request_timeout: float | None
    """The same, under another of LiteLLM's names."""
    force_timeout: float | None
    """A hard upper bound in seconds on `timeout`."""
    first_token_timeout: float | None
    """Seconds from the start of an attempt to the first token of its stream, queueing and headers included."""
    idle_timeout: float | None
    """Seconds that a stream may be silent between any two pieces of it."""
    stream_recovery: str | None
    """What becomes of a stream that breaks after its first token, where somebody else can be asked: ``"raise"`` (default),
    ``"resume"`` (the rest follows), ``"restart"`` (the whole follows anew, after a chunk that is `restarted`), or
    ``"buffer"`` (nothing is handed out before the answer is whole)."""
    num_retries: int | None
    """Attempts after the first one, for errors that are retryable. Default 2."""
    max_retries: int | None
    """The same, under OpenAI's name."""
    hedge: float | str | None
    """Make a second attempt, elsewhere if there is an elsewhere, after so many seconds without an answer (a stream: without
    a token), or after a quantile of what such calls took so far, as ``"p95"``. The first answer wins."""
    fallbacks: Sequence[str | Mapping[str, Any]] | None
    """What is asked, one after another, when the model has failed: names, or mappings with `model` and what changes."""
    priority: int | Literal["high", "normal", "low"] | None
    """Who goes first where calls wait: the lower the number, the sooner; each number has twice the share of the next.
    Default 0, which is ``"normal"``; ``"high"`` is -2, ``"low"`` 2."""

    budget: str | None
    """The name of the budget that the call counts against, besides that of all calls. See `Supervisor`."""
    fastest_response: bool | None
    """`model` names several models, separated by commas: the first accepted answer wins. See `Supervisor.race`."""
    extra_headers: Mapping[str, str] | None
    extra_query: Mapping[str, str] | None
    extra_body: Mapping[str, Any] | None
    """Merged over the body, past all checks."""
    drop_params: bool | None
    """Leave out, and report in `call.dropped_params`, what the provider does not support, instead of raising."""
    additional_drop_params: Sequence[str] | None
    """Parameters to leave out in any case."""
    allowed_openai_params: Sequence[str] | None
    """Parameters to send although the provider is not known to support them."""
    cache: bool | Mapping[str, Any] | None
    """How the call uses the supervisor's cache: False not at all; else a mapping with any of ``no-cache`` and ``no-store``
    (booleans), ``ttl`` and ``s-maxage`` (seconds), and ``namespace``."""
    n_by_fanout: bool | None
    """Get `n` answers by `n` calls at once where the provider or the model gives one answer a call. Each is billed."""
    logger_fn: Callable[[dict[str, Any]], object] | None
    """Called with a dict before and after each attempt; it holds no key."""
    verbose: bool | None
    """Log each attempt at level info instead of debug."""
    mock_response: str | Mapping[str, Any] | Exception | None
    """Answer with this instead of asking anyone."""


class NativeParams(TypedDict, total=False):
    """Parameters that only some dialects have; one that the target does not declare is refused."""

    top_k: int | None
    min_p: float | None
    thinking: Mapping[str, Any] | None
    repetition_penalty: float | None


class CompletionParams(OpenAIParams, CallOptions, NativeParams, total=False):
    """Every keyword of `acompletion` besides `model`, `messages` and `stream`."""


OPENAI_PARAMS: Final = frozenset(OpenAIParams.__annotations__)
CREDENTIAL_OPTIONS: Final = frozenset(CredentialOptions.__annotations__)
CALL_OPTIONS: Final = frozenset(CallOptions.__annotations__)

NATIVE_PARAMS: Final = frozenset(NativeParams.__annotations__)
