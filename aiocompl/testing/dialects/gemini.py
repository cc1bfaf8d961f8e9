"""Google's ``generateContent`` as AI Studio's server speaks it.

Source: https://ai.google.dev/api/generate-content, the types of the official Python SDK 3.4 and recorded streams (2026-11).
"""

from __future__ import annotations

import base64
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

import orjson

from aiocompl.testing.delivery import Delivery
from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.base import Event
from aiocompl.testing.dialects.embeddings import google as embeddings
from aiocompl.testing.dialects.gemini_request import as_asked, check
from aiocompl.testing.dialects.operations import page

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aiocompl.testing.answer import Answer, FinishReason
    from aiocompl.testing.asked import Asked, Problem, ProblemKind, Received

PATH: Final = re.compile(r"/v\w+/(?:.*/)?models/([^/:]+):(generateContent|streamGenerateContent)")
"""A question to a model."""

_DEFAULT_MODELS: Final = ("gemini-2.5-flash", "gemini-2.5-pro")
_FINISH_REASONS: Final[dict[FinishReason, str]] = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "function_call": "STOP",
    "content_filter": "SAFETY",
}
_WORDING: Final[dict[ProblemKind, tuple[str, str]]] = {
    "invalid_request": ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    "authentication": ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    "permission": ("PERMISSION_DENIED", "The caller does not have permission"),
    "not_found": ("NOT_FOUND", "Requested entity was not found."),
    "method_not_allowed": ("UNIMPLEMENTED", "Operation is not implemented, or supported, or enabled."),
    "timeout": ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
    "conflict": ("ABORTED", "The operation was aborted."),
    "rate_limit": ("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    "quota": (
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "context_length": (
        "INVALID_ARGUMENT",
        "The input token count (1049601) exceeds the maximum number of tokens allowed (1048576).",
    ),
    "content_policy": ("INVALID_ARGUMENT", "The prompt was blocked."),
    "server_error": ("INTERNAL", "An internal error has occurred. Please retry or report."),
    "overloaded": ("UNAVAILABLE", "The model is overloaded. Please try again later."),
}
"""Status and message of each kind of problem."""

_CODES: Final[dict[str, int]] = {
    "INVALID_ARGUMENT": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""The code of each status, for errors under the HTTP status 200."""

_OK: Final = 200


def make(*, api_key: str | None = None, models: Sequence[str] | None = None) -> GeminiDialect:
    """Make the dialect; see `make_dialect`."""
    return GeminiDialect(api_key=api_key, models=models)


class GeminiDialect:
    """``models/{model}:generateContent``, ``:streamGenerateContent?alt=sse`` and ``GET /v1beta/models``. See `Dialect`.

    A prompt refused for what it says (`faults.content_policy`) is a 200 without candidates here.

    Args:
        api_key: The only key that is let in; None lets in all, and none.
        models: The only models there are; None takes any name.
    """

    base_path = "/v1beta"
    models_path = re.compile(r"/v\w+/models")
    stream_type = "text/event-stream"
    end_event = b""
    statuses: Mapping[ProblemKind, int] = MappingProxyType({"content_policy": 200})

    def __init__(self, *, api_key: str | None = None, models: Sequence[str] | None = None) -> None:
        self._api_key = api_key
        self._models = tuple(models) if models is not None else None

    def read(self, received: Received) -> Asked | Delivery:
        """Understand a request; see `Dialect`."""
        if self._api_key is not None:
            self.authorise(received, self._api_key)
        if self.models_path.fullmatch(received.path):
            parts.need_method("GET", received)
            return self._list_models(received)
        embeds = embeddings.PATH.fullmatch(received.path)
        if (match := embeds or PATH.fullmatch(received.path)) is None:
            raise parts.refused(status=404, kind="not_found")
        parts.need_method("POST", received)
        model, method = match[1], match[2]
        if self._models is not None and model not in self._models:
            text = f"models/{model} is not found for API version v1beta, or is not supported for {method}."
            raise parts.refused(text, status=404, kind="not_found")
        if embeds:
            return embeddings.read(received, model, method)
        return as_asked(received, check(received.body), model, stream=method == "streamGenerateContent")

    def authorise(self, received: Received, api_key: str) -> None:
        """Raise a ProblemError unless the request has the key: in its header, or in the query."""
        given = received.headers.get("x-goog-api-key") or parse_qs(received.query).get("key", [""])[0]
        if not given:
            text = (
                "Method doesn't allow unregistered callers (callers without established identity). "
                "Please use API Key or other form of API consumer identity to call this API."
            )
            raise parts.refused(text, status=403, kind="permission")
        if given != api_key:
            raise parts.refused("API key not valid. Please pass a valid API key.", param="API_KEY_INVALID")

    def headers(self, number: int) -> Mapping[str, str]:
        """The headers that each answer has; see `Dialect`."""
        return {"server-timing": "gfet4t7; dur=1"}

    def body(self, asked: Asked, answers: Sequence[Answer]) -> bytes:
        """A blocking answer; see `Dialect`."""
        if asked.inputs:
            return embeddings.body(asked, answers)
        candidates = [
            {**_candidate(asked, answer), **self.place(index)} for index, answer in enumerate(answers)
        ]
        return orjson.dumps({"candidates": candidates, **self._tail(asked, answers, None)})

    def events(self, asked: Asked, answers: Sequence[Answer]) -> list[Event]:
        """A streamed answer; see `Dialect`."""
        made = []
        said = 0
        for index, part, beside, token in _stream(asked, answers):
            said += token
            content = {"parts": [part], "role": "model"}
            candidate = {"content": content, **beside, **self.place(index)}
            sofar = None if "finishReason" in beside else said
            value = {"candidates": [candidate], **self._tail(asked, answers, sofar)}
            made.append(Event(self.frame(orjson.dumps(value)), token))
        return made

    def error_body(self, problem: Problem) -> bytes:
        """The body of an error; see `Dialect`."""
        if problem.kind == "content_policy" and problem.status == _OK:
            feedback = {"blockReason": problem.code or "PROHIBITED_CONTENT"}
            return orjson.dumps({"promptFeedback": feedback, "usageMetadata": {}})
        return orjson.dumps(google_error(problem))

    def error_headers(self, problem: Problem) -> Mapping[str, str]:
        """No headers more; see `Dialect`."""
        return {}

    def error_event(self, problem: Problem) -> bytes:
        """The frame of an error inside a stream; see `Dialect`."""
        return self.frame(self.error_body(problem))

    def frame(self, data: bytes) -> bytes:
        """Any bytes as an event; see `Dialect`."""
        return b"data: " + data + b"\r\n\r\n"

    def is_finish(self, frame: bytes) -> bool:
        """Whether a frame holds a finish reason; see `Dialect`."""
        return b'"finishReason":"' in frame

    def head(self, asked: Asked) -> dict[str, Any]:
        """What stands at the top of every answer."""
        return {"modelVersion": asked.model, "responseId": f"simulated{asked.number:08d}"}

    def place(self, index: int) -> dict[str, int]:
        """How a candidate says which it is."""
        return {"index": index}

    def usage_extra(self) -> dict[str, Any]:
        """What usage says beside tokens."""
        return {"serviceTier": "standard"}

    def _tail(self, asked: Asked, answers: Sequence[Answer], said: int | None) -> dict[str, Any]:
        """Usage and head; `said` are the tokens so far, None for all of them."""
        count = parts.counts(asked, answers)
        shown = count.completion - count.reasoning if said is None else max(0, said - count.reasoning)
        usage: dict[str, Any] = {
            "promptTokenCount": count.prompt,
            "candidatesTokenCount": shown,
            "totalTokenCount": count.prompt + shown + count.reasoning,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": count.prompt}],
            **self.usage_extra(),
        }
        if count.reasoning:
            usage["thoughtsTokenCount"] = count.reasoning
        if count.cached:
            usage["cachedContentTokenCount"] = count.cached
        return {"usageMetadata": usage, **self.head(asked)}

    def listed(self, names: Sequence[str]) -> dict[str, Any]:
        """A page of the list of models."""
        methods = ["generateContent", "countTokens"]
        limits = {"inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536}
        rows = [
            {"name": f"models/{name}", "displayName": name, **limits, "supportedGenerationMethods": methods}
            for name in names
        ]
        return {"models": rows}

    def _list_models(self, received: Received) -> Delivery:
        names, following = page(received, self._models or _DEFAULT_MODELS, size="pageSize", start="pageToken")
        token = {"nextPageToken": following} if following else {}
        return Delivery.json({**self.listed(names), **token})


def _candidate(asked: Asked, answer: Answer) -> dict[str, Any]:
    made: list[dict[str, Any]] = []
    if answer.reasoning is not None:
        made.append({"text": answer.reasoning, "thought": True})
    text = parts.spoken(answer)
    if text:
        made.append({"text": text})
    made += _calls(asked, answer)
    content = {"parts": made, "role": "model"}
    return {"content": content, **_finish(answer), **_logprobs(asked, answer, answer.cut(text), 0)}


def _logprobs(asked: Asked, answer: Answer, tokens: Sequence[str], first: int) -> dict[str, Any]:
    """The log probabilities of some tokens, the first of which is the answer's `first`, where they are asked for."""
    config = asked.body.get("generationConfig") or {}
    if not config.get("responseLogprobs") or not tokens:
        return {}
    valued = [(token, parts.logprob(answer, at)) for at, token in enumerate(tokens, first)]
    result: dict[str, Any] = {"chosenCandidates": [_likely(*each) for each in valued]}
    if count := config.get("logprobs"):
        tops = [parts.likeliest(*each, count) for each in valued]
        result["topCandidates"] = [{"candidates": [_likely(*each) for each in top]} for top in tops]
    return {"logprobsResult": result}


def _likely(token: str, value: float) -> dict[str, Any]:
    return {"token": token, "tokenId": len(token), "logProbability": value}


def _finish(answer: Answer) -> dict[str, Any]:
    reason = {"finishReason": _FINISH_REASONS[answer.ending]}
    return {**reason, "finishMessage": "Model generated function call(s)."} if answer.tool_calls else reason


def _calls(asked: Asked, answer: Answer) -> list[dict[str, Any]]:
    """Without ids, unless the script gives some: so do all models before Gemini 3. The first call is signed."""
    made = []
    for at, call in enumerate(answer.tool_calls):
        called: dict[str, Any] = {"name": call.name, "args": parts.arguments(call)}
        if call.id is not None:
            called["id"] = call.id
        part: dict[str, Any] = {"functionCall": called}
        if not at:
            part["thoughtSignature"] = base64.b64encode(f"signature of {asked.number}".encode()).decode()
        made.append(part)
    return made


def _stream(
    asked: Asked, answers: Sequence[Answer]
) -> Iterator[tuple[int, dict[str, Any], dict[str, Any], bool]]:
    """The parts in turn: whose they are, what they hold, what stands beside them, whether they hold a token."""
    for index, answer in enumerate(answers):
        for piece in answer.cut(answer.reasoning):
            yield index, {"text": piece, "thought": True}, {}, True
        for at, piece in enumerate(answer.cut(parts.spoken(answer))):
            yield index, {"text": piece}, _logprobs(asked, answer, [piece], at), True
        for part in _calls(asked, answer):
            yield index, part, {}, True
    for index, answer in enumerate(answers):
        yield index, {"text": ""}, _finish(answer), False


def google_error(problem: Problem) -> dict[str, Any]:
    """An error as all of Google's surfaces word it."""
    status, message = _WORDING[problem.kind]
    details: list[dict[str, Any]] = []
    if problem.param == "API_KEY_INVALID":
        info = {"reason": problem.param, "domain": "googleapis.com"}
        details.append({"@type": "type.googleapis.com/google.rpc.ErrorInfo", **info})
    if problem.retry_after is not None:
        kind = "type.googleapis.com/google.rpc.RetryInfo"
        details.append({"@type": kind, "retryDelay": f"{problem.retry_after:g}s"})
    error: dict[str, Any] = {
        "code": _CODES[status] if problem.status == _OK else problem.status,
        "message": problem.message or message,
        "status": problem.code or status,
    }
    return {"error": {**error, "details": details} if details else error}
