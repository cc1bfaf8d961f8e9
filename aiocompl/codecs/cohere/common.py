"""What Cohere's two chat dialects share: finish reasons, token counts, parameters of the same meaning, errors.

Cohere counts tokens twice: ``tokens`` is what the model saw and wrote, its own scaffolding included; ``billed_units``
is what is charged. `Usage` has the former; both stay in the usage's own `tokens` and `billed_units`. (Image tokens,
``tokens.image_tokens``, Cohere counts beside the input tokens; they are read there.)

Source: https://docs.cohere.com/reference/chat (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiocompl.codecs.base import whole_number
from aiocompl.codecs.error_shapes import (
    ErrorFields,
    decode_stream_error,
    error_fields,
    make_error,
    parse_body,
    stream_status,
)
from aiocompl.codecs.tools import stop_of
from aiocompl.errors import (
    BadRequestError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    RateLimitError,
)
from aiocompl.types.completion import CompletionTokensDetails, PromptTokensDetails, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.errors import APIError, APIStatusError, APITimeoutError
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.wire.messages import HTTPResponse

FINISH_REASONS: Final[Mapping[str, str]] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "ERROR_LIMIT": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
}
"""Cohere's finish reasons as OpenAI's; others pass as they are, and those of `FAILURES` raise."""

FAILURES: Final[Mapping[str, int]] = {"ERROR": 500, "TIMEOUT": 504}
"""Finish reasons that are errors, with the status that would have fitted."""

UNSUPPORTED: Final = frozenset(
    {
        "audio",
        "logit_bias",
        "metadata",
        "modalities",
        "moderation",
        "n",
        "parallel_tool_calls",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "top_logprobs",
        "user",
        "verbosity",
        "web_search_options",
    }
)
"""OpenAI's parameters that neither dialect has."""

INVALID_TOOL_GENERATION: Final = "INVALID_TOOL_GENERATION"
"""The error type of a stream whose model wrote no valid tool call; the blocking call answers it with 422."""

TOP_P_MAX: Final = 0.99
"""The largest `p` that Cohere takes; OpenAI's 1 means the same as leaving it out, or nearly."""

_RENAMES: Final = (
    ("max_completion_tokens", "max_tokens"),
    ("stop", "stop_sequences"),
    ("top_p", "p"),
    ("top_k", "k"),
)
_ELSEWHERE: Final = (
    "stream_options",
    "tools",
    "tool_choice",
    "response_format",
)


def plain_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that need no more than another name; the others are taken out, for the dialect to write."""
    body = {name: value for name, value in params.items() if name not in _ELSEWHERE}
    if "stop" in body:
        body["stop"] = stop_of(params)
    if isinstance(top_p := body.get("top_p"), (int, float)):
        body["top_p"] = min(top_p, TOP_P_MAX)
    for given, sent in _RENAMES:
        if given in body:
            value = body.pop(given)
            body.setdefault(sent, value)
    return body


def usage_of(raw: Mapping[str, Any]) -> Usage | None:
    """The usage in ``{"tokens": {...}, "billed_units": {...}, "cached_tokens": n}``, or None where it has no counts."""
    counts = raw.get("tokens") or raw.get("billed_units")
    if not counts:
        return None
    prompt = whole_number(counts.get("input_tokens") or 0)
    completion = whole_number(counts.get("output_tokens") or 0)
    cached, reasoning = raw.get("cached_tokens"), counts.get("reasoning_tokens")
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        prompt_tokens_details=None
        if cached is None
        else PromptTokensDetails(cached_tokens=whole_number(cached)),
        completion_tokens_details=None
        if reasoning is None
        else CompletionTokensDetails(reasoning_tokens=whole_number(reasoning)),
        model_extra={key: value for key, value in raw.items() if key != "cached_tokens"},
    )


def answer_error(response: HTTPResponse, endpoint: Endpoint, model: str) -> APIError:
    """An answer with an error status as an error; total."""
    body = parse_body(response.body)
    fields = error_fields(body) or ErrorFields(_text_beside(body))
    error = make_error(
        fields,
        response.status,
        body=body,
        headers=response.headers,
        provider=endpoint.provider,
        model=model,
        api_key=endpoint.api_key,
        cls=_class(response.status, fields.message),
    )
    error.request_id = error.request_id or response.headers.get("x-debug-trace-id")
    if isinstance(error, RateLimitError) and "/ month" in fields.message:  # a trial key's monthly allowance
        error.retryable = False
    return error


def check_answer(data: Mapping[str, Any], headers: Mapping[str, str], endpoint: Endpoint, model: str) -> None:
    """Find the error in what came with a 2xx status.

    Args:
        data: The answer, or the event: an error's `message` is text, an answer's is an object or not there.
        headers: Of the response, or none inside a stream.
        endpoint: Whose it was.
        model: The model's name.

    Raises:
        APIError: It is an error, or the generation failed.
    """
    if isinstance(data.get("message"), str) or data.get("error"):
        raise decode_stream_error(
            data, headers=headers, provider=endpoint.provider, model=model, api_key=endpoint.api_key
        )
    reason: str | None = data.get("finish_reason")
    if reason is not None and reason in FAILURES:
        raise failure(data, reason, endpoint, model)


def failure(body: Mapping[str, Any], reason: str, endpoint: Endpoint, model: str) -> APIError:
    """A generation that failed although its status was 200.

    Args:
        body: What holds ``error`` and ``error_type``, where the provider says more.
        reason: The finish reason, one of `FAILURES`.
        endpoint: Whose it was.
        model: The model's name.
    """
    kind = body.get("error_type")
    fields = ErrorFields(
        str(body.get("error") or f"the generation ended with {reason}"), code=reason, type=kind and str(kind)
    )
    usual = FAILURES.get(reason, 500)
    status = 422 if kind == INVALID_TOOL_GENERATION else stream_status(fields, usual)
    return make_error(
        fields,
        status,
        body=body,
        headers={},
        provider=endpoint.provider,
        model=model,
        api_key=endpoint.api_key,
    )


def _class(status: int, message: str) -> type[APIStatusError | APITimeoutError] | None:
    """The class of a status or text that is Cohere's own; None where the status says it all."""
    if status == 498:  # noqa: PLR2004 - Cohere's "invalid token": in- or output was blocked
        return ContentPolicyViolationError
    if status == 501:  # noqa: PLR2004 - the model cannot do this
        return BadRequestError
    too_long = "too many tokens" in message or "size limit exceeded" in message
    return ContextWindowExceededError if status == 400 and too_long else None  # noqa: PLR2004


def _text_beside(body: object) -> str:
    """The text of ``{"data": ...}``, which stands for ``message`` at times."""
    data = body.get("data") if isinstance(body, dict) else None
    return (
        data
        if isinstance(data, str)
        else "the answer has no error that could be read; see `body` for its head"
    )
