"""Amazon Bedrock's Converse and ConverseStream as a server speaks them.

Source: the service model ``bedrock-runtime`` 2023-09-30 of botocore 1.44 and recorded streams (2026-11).
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.testing.dialects import operations, parts
from aiocompl.testing.dialects.base import Event
from aiocompl.testing.dialects.bedrock_request import as_asked, check
from aiocompl.testing.dialects.embeddings import bedrock as embeddings
from aiocompl.testing.dialects.eventstream import message

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aiocompl.testing.answer import Answer, FinishReason
    from aiocompl.testing.asked import Asked, Problem, ProblemKind, Received
    from aiocompl.testing.delivery import Delivery

# AWS has no version in its paths; one is let through so that the simulator's `base_url` serves as any provider's.
_PATH: Final = re.compile(r"(?:/v1)?/model/(.+)/converse(-stream)?")
_SIGNED: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/[\w-]+/bedrock/aws4_request, ?"
    r"SignedHeaders=([\w;-]*host[\w;-]*x-amz-date[\w;-]*), ?Signature=[0-9a-f]{64}"
)
_PADDING: Final = "abcdefghijklmnop"
_STOP_REASONS: Final[dict[FinishReason, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "content_filtered",
}
_WORDING: Final[dict[ProblemKind, tuple[str, str]]] = {
    "invalid_request": ("ValidationException", "The request is not valid."),
    "authentication": (
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    ),
    "permission": (
        "AccessDeniedException",
        "You don't have access to the model with the specified model ID.",
    ),
    "not_found": (
        "ResourceNotFoundException",
        "Could not resolve the foundation model from the model identifier.",
    ),
    "method_not_allowed": ("UnknownOperationException", "The operation is not known."),
    "timeout": ("ModelTimeoutException", "The model took too long to answer."),
    "conflict": ("ConflictException", "The request conflicts with another."),
    "rate_limit": ("ThrottlingException", "Too many requests, please wait before trying again."),
    "quota": ("ServiceQuotaExceededException", "Your request exceeds the service quota for your account."),
    "context_length": ("ValidationException", "Input is too long for requested model."),
    "content_policy": (
        "ValidationException",
        "The model returned the following errors: Output blocked by content filtering policy",
    ),
    "server_error": (
        "InternalServerException",
        "The system encountered an unexpected error. Try your request again.",
    ),
    "overloaded": ("ServiceUnavailableException", "Bedrock is unable to process your request."),
}
"""Exception and message of each kind of problem."""


def make(*, api_key: str | None = None, models: Sequence[str] | None = None) -> BedrockDialect:
    """Make the dialect; see `make_dialect`."""
    return BedrockDialect(api_key=api_key, models=models)


class BedrockDialect:
    """``POST /model/{id}/converse`` and ``/converse-stream``, and ``/invoke`` for embeddings. See `Dialect`.

    Args:
        api_key: The only key that is let in, as a bearer or as the access key id of a signature (whose form is looked
            at, but which is not computed again); None lets in all, and none.
        models: The only models there are; None takes any name.
    """

    base_path = ""
    stream_type = "application/vnd.amazon.eventstream"
    end_event = b""
    statuses: Mapping[ProblemKind, int] = MappingProxyType(
        {"authentication": 403, "quota": 400, "timeout": 408}
    )

    def __init__(self, *, api_key: str | None = None, models: Sequence[str] | None = None) -> None:
        self._api_key = api_key
        self._models = tuple(models) if models is not None else None

    def read(self, received: Received) -> Asked | Delivery:
        """Understand a request; see `Dialect`."""
        self._authorise(received.headers)
        if (answer := operations.bedrock(received, self._models)) is not None:
            return answer
        embeds = embeddings.PATH.fullmatch(received.path)
        if (match := embeds or _PATH.fullmatch(received.path)) is None:
            raise parts.refused(status=404, kind="method_not_allowed")
        parts.need_method("POST", received)
        if self._models is not None and match[1] not in self._models:
            raise parts.refused("The provided model identifier is invalid.")
        if embeds:
            return embeddings.read(received, match[1])
        return as_asked(received, check(received.body, match[1]), match[1], stream=match[2] is not None)

    def headers(self, number: int) -> Mapping[str, str]:
        """The headers that each answer has; see `Dialect`."""
        return {"x-amzn-requestid": parts.uuid(number)}

    def body(self, asked: Asked, answers: Sequence[Answer]) -> bytes:
        """A blocking answer; see `Dialect`. There are no choices here: the first is sent."""
        if asked.inputs:
            return embeddings.body(asked, answers)
        answer = answers[0]
        made = {
            "metrics": {"latencyMs": 1},
            "output": {"message": {"content": _blocks(asked, answer), "role": "assistant"}},
            "stopReason": _STOP_REASONS[answer.ending],
            "usage": _usage(asked, answers),
        }
        return orjson.dumps(made)

    def events(self, asked: Asked, answers: Sequence[Answer]) -> list[Event]:
        """A streamed answer; see `Dialect`."""
        return [
            Event(_event(kind, orjson.dumps({**value, "p": _PADDING})), token)
            for kind, value, token in _stream(asked, answers)
        ]

    def error_body(self, problem: Problem) -> bytes:
        """The body of an error; see `Dialect`."""
        return orjson.dumps({"message": problem.message or _WORDING[problem.kind][1]})

    def error_headers(self, problem: Problem) -> Mapping[str, str]:
        """The name of the exception; see `Dialect`."""
        name = problem.code or _WORDING[problem.kind][0]
        return {"x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/com.amazon.bedrock/"}

    def error_event(self, problem: Problem) -> bytes:
        """The message of an exception inside a stream; see `Dialect`."""
        name = problem.code or _WORDING[problem.kind][0]
        headers = {
            ":exception-type": name[0].lower() + name[1:],
            ":content-type": "application/json",
            ":message-type": "exception",
        }
        return message(headers, self.error_body(problem))

    def frame(self, data: bytes) -> bytes:
        """Any bytes as an event; see `Dialect`."""
        return _event("contentBlockDelta", data)

    def is_finish(self, frame: bytes) -> bool:
        """Whether a frame holds a stop reason; see `Dialect`."""
        return b'"stopReason":"' in frame

    def _authorise(self, headers: Mapping[str, str]) -> None:
        if self._api_key is None:
            return
        given = headers.get("authorization", "")
        if not given:
            raise parts.refused("Missing Authentication Token", status=403, kind="authentication")
        if given.startswith("AWS4-"):
            signed = _SIGNED.fullmatch(given)
            if signed is None or "x-amz-date" not in headers:
                raise parts.refused(
                    "The request signature does not conform to AWS standards.",
                    status=403,
                    kind="authentication",
                )
            given_key = signed[1]
        else:
            given_key = parts.bearer(headers)
        if given_key != self._api_key:
            raise parts.refused(status=403, kind="authentication")


def _event(kind: str, payload: bytes) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return message(headers, payload)


def _usage(asked: Asked, answers: Sequence[Answer]) -> dict[str, Any]:
    count = parts.counts(asked, answers)
    return {
        "inputTokens": count.prompt - count.cached,
        "outputTokens": count.completion,
        "totalTokens": count.prompt + count.completion,
        "cacheReadInputTokens": count.cached,
        "cacheWriteInputTokens": 0,
        "serverToolUsage": {},
    }


def _signature(asked: Asked) -> str:
    return f"c2lnbmF0dXJl{asked.number:08d}"


def _blocks(asked: Asked, answer: Answer) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if answer.reasoning is not None:
        reasoning = {"text": answer.reasoning, "signature": _signature(asked)}
        blocks.append({"reasoningContent": {"reasoningText": reasoning}})
    if text := parts.spoken(answer):
        blocks.append({"text": text})
    for at, call in enumerate(answer.tool_calls):
        given = parts.arguments(call)
        use = {"toolUseId": parts.call_id(asked, at, call, "tooluse_"), "name": call.name, "input": given}
        blocks.append({"toolUse": use})
    return blocks


def _stream(asked: Asked, answers: Sequence[Answer]) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Each event's type and payload, and whether it holds a token. Only a tool's block says that it starts."""
    answer = answers[0]
    yield "messageStart", {"role": "assistant"}, False
    for index, (start, deltas) in enumerate(_pieces(asked, answer)):
        if start is not None:
            yield "contentBlockStart", {"contentBlockIndex": index, "start": start}, False
        for delta in deltas:
            signed = "signature" in delta.get("reasoningContent", ())
            yield "contentBlockDelta", {"contentBlockIndex": index, "delta": delta}, not signed
        yield "contentBlockStop", {"contentBlockIndex": index}, False
    yield "messageStop", {"stopReason": _STOP_REASONS[answer.ending]}, False
    yield "metadata", {"metrics": {"latencyMs": 1}, "usage": _usage(asked, answers)}, False


def _pieces(asked: Asked, answer: Answer) -> Iterator[tuple[dict[str, Any] | None, list[dict[str, Any]]]]:
    """How each block starts, and its deltas."""
    if answer.reasoning is not None:
        deltas = [{"reasoningContent": {"text": each}} for each in answer.cut(answer.reasoning)]
        yield None, [*deltas, {"reasoningContent": {"signature": _signature(asked)}}]
    if text := parts.spoken(answer):
        yield None, [{"text": each} for each in answer.cut(text)]
    for at, call in enumerate(answer.tool_calls):
        start = {"toolUseId": parts.call_id(asked, at, call, "tooluse_"), "name": call.name}
        yield {"toolUse": start}, [{"toolUse": {"input": each}} for each in answer.cut(call.arguments)]
