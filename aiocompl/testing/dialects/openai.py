"""OpenAI's Chat Completions as a server speaks them.

Source: https://platform.openai.com/docs/api-reference/chat and the types of the official Python SDK 3.54 (2026-11).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.testing.asked import Asked, Problem, ProblemError, ProblemKind, Received
from aiocompl.testing.delivery import Delivery
from aiocompl.testing.dialects import operations, parts
from aiocompl.testing.dialects.base import Event
from aiocompl.testing.dialects.embeddings import openai as embeddings
from aiocompl.testing.dialects.openai_batches import OpenAIBatchDesk
from aiocompl.testing.dialects.openai_checks import check
from aiocompl.testing.dialects.openai_request import as_asked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aiocompl.testing.answer import Answer, ToolCall
    from aiocompl.testing.dialects.batches import BatchAsked

_CREATED: Final = 1_767_225_600  # the first second of 2026: answers are the same in every run
_FINGERPRINT: Final = "fp_simulator"
_DEFAULT_MODELS: Final = ("gpt-4o", "gpt-4o-mini")

_WORDING: Final[dict[ProblemKind, tuple[str, str | None, str]]] = {
    "invalid_request": ("invalid_request_error", None, "The request is not valid."),
    "authentication": ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    "permission": ("request_forbidden", "unsupported_country_region_territory", "You may not do this."),
    "not_found": ("invalid_request_error", None, "No such thing."),
    "method_not_allowed": ("invalid_request_error", "method_not_supported", "Method not allowed."),
    "timeout": ("server_error", "timeout", "The request timed out."),
    "conflict": ("invalid_request_error", "conflict", "The request conflicts with another."),
    "rate_limit": ("requests", "rate_limit_exceeded", "Rate limit reached on requests per min (RPM)."),
    "quota": (
        "insufficient_quota",
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "context_length": (
        "invalid_request_error",
        "context_length_exceeded",
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
    ),
    "content_policy": (
        "invalid_request_error",
        "content_policy_violation",
        "Your request was rejected as a result of our safety system.",
    ),
    "server_error": (
        "server_error",
        None,
        "The server had an error while processing your request. Sorry about that!",
    ),
    "overloaded": (
        "service_unavailable_error",
        "server_is_overloaded",
        "The server is currently overloaded with other requests. Sorry about that!",
    ),
}
"""Type, code and message of each kind of problem."""


def make(*, api_key: str | None = None, models: Sequence[str] | None = None) -> OpenAIDialect:
    """Make the dialect; see `make_dialect`."""
    return OpenAIDialect(api_key=api_key, models=models)


class OpenAIDialect:
    """``POST .../chat/completions`` and ``.../embeddings`` under any path, and what stands beside them. See `Dialect`.

    That is ``GET .../models``, ``GET /v1/models/{id}``, ``POST .../moderations`` and ``POST .../rerank``, the latter as
    Voyage, Jina and others have it, and files and batches of chats.

    Args:
        api_key: The only key that is let in; None lets in all, and none.
        models: The only models there are; None takes any name.
    """

    base_path = "/v1"
    stream_type = "text/event-stream; charset=utf-8"
    end_event = b"data: [DONE]\n\n"
    statuses: Mapping[ProblemKind, int] = MappingProxyType({})

    def __init__(self, *, api_key: str | None = None, models: Sequence[str] | None = None) -> None:
        self._api_key = api_key
        self._models = tuple(models) if models is not None else None
        self._batches = OpenAIBatchDesk(self._read_chat)

    def read(self, received: Received) -> Asked | BatchAsked | Delivery:
        """Understand a request; see `Dialect`."""
        self._authorise(received.headers.get("authorization", ""))
        if received.path.endswith("/chat/completions"):
            _need_method("POST", received)
            return self._read_chat(received)
        if (asked := self.read_embeddings(received)) is not None:
            _need_method("POST", received)
            self._check_model(asked.model)
            return asked
        if received.path.endswith("/models") or received.path.startswith("/v1/models/"):
            _need_method("GET", received)
            return self._list_models(received.path.rpartition("/models")[2].lstrip("/"))
        if (answer := operations.compatible(received, self._models)) is not None:
            return answer
        if (begun := self._batches.answer(received)) is not None:
            return begun
        message = f"Invalid URL ({received.method} {received.path})"
        raise ProblemError(Problem(status=404, kind="not_found", message=message, code="unknown_url"))

    def headers(self, number: int) -> Mapping[str, str]:
        """The headers that each answer has; see `Dialect`."""
        return {
            "x-request-id": f"req_{number:08d}",
            "openai-version": "2020-10-01",
            "openai-organization": "simulator",
            "openai-processing-ms": "1",
        }

    def body(self, asked: Asked, answers: Sequence[Answer]) -> bytes:
        """A blocking answer; see `Dialect`."""
        if asked.inputs:
            return self.embeddings(asked, answers)
        choices = [
            {
                "index": index,
                "message": _message(asked, index, answer),
                "logprobs": _logprobs(asked, answer, answer.cut(answer.text), 0),
                "finish_reason": _finish_reason(asked, answer),
            }
            for index, answer in enumerate(answers)
        ]
        head = {**_head(asked, "chat.completion"), "choices": choices}
        return orjson.dumps({**head, "usage": _usage(asked, answers), "service_tier": "default"})

    def events(self, asked: Asked, answers: Sequence[Answer]) -> list[Event]:
        """A streamed answer; see `Dialect`."""
        return list(_Stream(asked, answers))

    def error_body(self, problem: Problem) -> bytes:
        """The body of an error; see `Dialect`."""
        kind, code, message = _WORDING[problem.kind]
        error = {
            "message": problem.message or message,
            "type": kind,
            "param": problem.param,
            "code": problem.code or code,
        }
        return orjson.dumps({"error": error})

    def error_headers(self, problem: Problem) -> Mapping[str, str]:
        """No headers more; see `Dialect`."""
        return {}

    def error_event(self, problem: Problem) -> bytes:
        """The frame of an error inside a stream; see `Dialect`."""
        return self.frame(self.error_body(problem))

    def frame(self, data: bytes) -> bytes:
        """Any bytes as an event; see `Dialect`."""
        return b"data: " + data + b"\n\n"

    def is_finish(self, frame: bytes) -> bool:
        """Whether a frame holds a finish reason; see `Dialect`."""
        return b'"finish_reason":"' in frame

    def read_embeddings(self, received: Received) -> Asked | None:
        """Understand a request for embeddings; None where the path is another.

        Raises:
            ProblemError: The real provider would refuse it.
        """
        return embeddings.read(received) if received.path.endswith("/embeddings") else None

    def embeddings(self, asked: Asked, answers: Sequence[Answer]) -> bytes:
        """The answer to a request for embeddings."""
        return embeddings.body(asked, answers)

    def _authorise(self, authorization: str) -> None:
        if self._api_key is None:
            return
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer" or not key:
            message = (
                "You didn't provide an API key. You need to provide your API key in an Authorization header."
            )
            raise ProblemError(Problem(status=401, kind="authentication", message=message))
        if key != self._api_key:
            raise ProblemError(Problem(status=401, kind="authentication"))

    def _read_chat(self, received: Received) -> Asked:
        body = check(received.body)
        self._check_model(body["model"])
        return as_asked(received, body)

    def _check_model(self, model: str) -> None:
        if self._models is not None and model not in self._models:
            raise _no_model(model)

    def _list_models(self, name: str) -> Delivery:
        names = self._models or _DEFAULT_MODELS
        if name and name not in names:
            raise _no_model(name)
        rows = [
            {"id": each, "object": "model", "created": _CREATED, "owned_by": "simulator"} for each in names
        ]
        return Delivery.json(rows[names.index(name)] if name else {"object": "list", "data": rows})


class _Stream:
    """Makes the events of one stream. What all its chunks share is encoded once."""

    def __init__(self, asked: Asked, answers: Sequence[Answer]) -> None:
        self._asked = asked
        self._answers = answers
        options = asked.body.get("stream_options") or {}
        self._with_usage: bool = options.get("include_usage", False)
        head = {**_head(asked, "chat.completion.chunk"), "service_tier": "default"}
        tail: dict[str, Any] = {"usage": None} if self._with_usage else {}
        if options.get("include_obfuscation"):
            tail["obfuscation"] = "padding"
        self._start = b"data: " + orjson.dumps(head)[:-1] + b',"choices":['
        self._end = b"]" + (b"," + orjson.dumps(tail)[1:] if tail else b"}") + b"\n\n"

    def __iter__(self) -> Iterator[Event]:
        for index, answer in enumerate(self._answers):
            content = None if answer.tool_calls and answer.text is None else ""
            yield self._chunk(index, {"role": "assistant", "content": content, "refusal": None})
        waiting = [self._tokens(index, answer) for index, answer in enumerate(self._answers)]
        while waiting:  # the choices take turns
            for tokens in tuple(waiting):
                if (event := next(tokens, None)) is not None:
                    yield event
                else:
                    waiting.remove(tokens)
        for index, answer in enumerate(self._answers):
            yield self._chunk(index, {}, finish_reason=_finish_reason(self._asked, answer))
        if self._with_usage:
            usage = {"choices": [], "usage": _usage(self._asked, self._answers), "service_tier": "default"}
            whole = {**_head(self._asked, "chat.completion.chunk"), **usage}
            yield Event(b"data: " + orjson.dumps(whole) + b"\n\n")
        yield Event(OpenAIDialect.end_event)

    def _chunk(
        self,
        index: int,
        delta: Mapping[str, Any],
        *,
        logprobs: Mapping[str, Any] | None = None,
        finish_reason: str | None = None,
        token: bool = False,
    ) -> Event:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
        return Event(self._start + orjson.dumps(choice) + self._end, token)

    def _tokens(self, index: int, answer: Answer) -> Iterator[Event]:
        for piece in answer.cut(answer.reasoning):
            yield self._chunk(index, {"reasoning_content": piece}, token=True)
        for piece in answer.cut(answer.refusal):
            yield self._chunk(index, {"refusal": piece}, token=True)
        for at, piece in enumerate(answer.cut(answer.text)):
            logprobs = _logprobs(self._asked, answer, [piece], at)
            yield self._chunk(index, {"content": piece}, logprobs=logprobs, token=True)
        for at, call in enumerate(answer.tool_calls):
            for delta in _call_deltas(self._asked, index, at, call, answer):
                yield self._chunk(index, delta, token=True)


def _call_deltas(
    asked: Asked, choice: int, at: int, call: ToolCall, answer: Answer
) -> Iterator[dict[str, Any]]:
    """A tool call in pieces: id, type and name first and once, then the arguments."""
    if _legacy(asked):
        yield {"function_call": {"name": call.name, "arguments": ""}}
    else:
        opening = {"index": at, "id": _call_id(asked, choice, at, call), "type": "function"}
        yield {"tool_calls": [{**opening, "function": {"name": call.name, "arguments": ""}}]}
    for piece in answer.cut(call.arguments):
        if _legacy(asked):
            yield {"function_call": {"arguments": piece}}
        else:
            yield {"tool_calls": [{"index": at, "function": {"arguments": piece}}]}


def _head(asked: Asked, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-sim{asked.number:08d}",
        "object": kind,
        "created": _CREATED + asked.number,
        "model": asked.model,
        "system_fingerprint": _FINGERPRINT,
    }


def _message(asked: Asked, choice: int, answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": answer.text,
        "refusal": answer.refusal,
        "annotations": [],
    }
    if answer.reasoning is not None:
        message["reasoning_content"] = answer.reasoning
    calls = [
        {
            "id": _call_id(asked, choice, at, call),
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for at, call in enumerate(answer.tool_calls)
    ]
    if calls and _legacy(asked):
        message["function_call"] = calls[0]["function"]
    elif calls:
        message["tool_calls"] = calls
    return message


def _call_id(asked: Asked, choice: int, at: int, call: ToolCall) -> str:
    return call.id or f"call_{asked.number:08d}_{choice}_{at}"


def _legacy(asked: Asked) -> bool:
    """Whether the request knows functions only by their old name."""
    return "functions" in asked.body and "tools" not in asked.body


def _finish_reason(asked: Asked, answer: Answer) -> str:
    ending = answer.ending
    return "function_call" if ending == "tool_calls" and _legacy(asked) else ending


def _logprobs(asked: Asked, answer: Answer, tokens: Sequence[str], first: int) -> dict[str, Any] | None:
    """The log probabilities of some tokens, the first of which is the answer's `first`, where they are asked for."""
    if not asked.body.get("logprobs"):
        return None
    content = []
    for at, token in enumerate(tokens, first):
        value = parts.logprob(answer, at)
        top = parts.likeliest(token, value, asked.body.get("top_logprobs") or 0)
        content.append({**_entry(token, value), "top_logprobs": [_entry(*each) for each in top]})
    return {"content": content, "refusal": None}


def _entry(token: str, value: float) -> dict[str, Any]:
    return {"token": token, "logprob": value, "bytes": list(token.encode())}


def _usage(asked: Asked, answers: Sequence[Answer]) -> dict[str, Any]:
    usage = answers[0].usage
    prompt = usage.prompt_tokens if usage else asked.prompt_tokens
    completion = usage.completion_tokens if usage else sum(answer.completion_tokens() for answer in answers)
    reasoning = (
        usage.reasoning_tokens if usage else sum(len(answer.cut(answer.reasoning)) for answer in answers)
    )
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens if usage else 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _need_method(method: str, received: Received) -> None:
    if received.method != method:
        message = f"Not allowed to {received.method} on {received.path}."
        raise ProblemError(Problem(status=405, kind="method_not_allowed", message=message))


def _no_model(model: str) -> ProblemError:
    message = f"The model `{model}` does not exist or you do not have access to it."
    return ProblemError(
        Problem(status=404, kind="not_found", message=message, param="model", code="model_not_found")
    )
