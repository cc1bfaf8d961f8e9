"""Databricks' serving endpoints as they speak: OpenAI's dialect with reasoning in the content, and errors of their own.

Source: https://docs.databricks.com/machine-learning/foundation-model-apis/api-reference (2026-11).
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from aiocompl._compat import override
from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.base import Event
from aiocompl.testing.dialects.openai import OpenAIDialect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.testing.answer import Answer
    from aiocompl.testing.asked import Asked, Problem, ProblemKind, Received
    from aiocompl.testing.delivery import Delivery
    from aiocompl.testing.dialects.batches import BatchAsked

_INVOKED: Final = re.compile(r".*/serving-endpoints/([^/]+)/invocations")
_CODES: Final[dict[ProblemKind, str]] = {
    "authentication": "PERMISSION_DENIED",
    "permission": "PERMISSION_DENIED",
    "not_found": "RESOURCE_DOES_NOT_EXIST",
    "rate_limit": "REQUEST_LIMIT_EXCEEDED",
    "quota": "RESOURCE_EXHAUSTED",
    "overloaded": "TEMPORARILY_UNAVAILABLE",
    "server_error": "INTERNAL_ERROR",
}
_UPSTREAM: Final = "The endpoint returned HTTP error code {}. Response from external model provider: {}"


def make(*, api_key: str | None = None, models: Sequence[str] | None = None) -> DatabricksDialect:
    """Make the dialect; see `make_dialect`."""
    return DatabricksDialect(api_key=api_key, models=models)


class DatabricksDialect(OpenAIDialect):
    """``/serving-endpoints/chat/completions`` and ``/serving-endpoints/{name}/invocations``. See `OpenAIDialect`."""

    base_path = "/serving-endpoints"
    statuses: Mapping[ProblemKind, int] = MappingProxyType({"authentication": 403})

    @override
    def read(self, received: Received) -> Asked | BatchAsked | Delivery:
        """Understand a request; see `Dialect`."""
        if (invoked := _INVOKED.fullmatch(received.path)) is not None:
            body = parts.parsed(received.body, "Malformed JSON.") | {"model": invoked[1]}
            received = attrs.evolve(received, path="/v1/chat/completions", body=orjson.dumps(body))
        return super().read(received)

    @override
    def body(self, asked: Asked, answers: Sequence[Answer]) -> bytes:
        """A blocking answer; see `Dialect`."""
        made = orjson.loads(super().body(asked, answers))
        for choice in made["choices"]:
            _list_content(choice["message"])
        return orjson.dumps(made)

    @override
    def events(self, asked: Asked, answers: Sequence[Answer]) -> list[Event]:
        """A streamed answer; see `Dialect`."""
        return [Event(self._listed(frame), token) for frame, token in super().events(asked, answers)]

    @override
    def error_body(self, problem: Problem) -> bytes:
        """The body of an error; see `Dialect`. What the model behind refuses is passed on in the message."""
        upstream = super().error_body(problem)
        message = problem.message
        if problem.kind in {"context_length", "content_policy"}:
            message = _UPSTREAM.format(problem.status, upstream.decode())
        message = message or orjson.loads(upstream)["error"]["message"]
        return orjson.dumps({"error_code": _CODES.get(problem.kind, "BAD_REQUEST"), "message": message})

    def _listed(self, frame: bytes) -> bytes:
        if frame == self.end_event:
            return frame
        chunk: dict[str, Any] = orjson.loads(frame.removeprefix(b"data: "))
        for choice in chunk["choices"]:
            _list_content(choice["delta"])
        return self.frame(orjson.dumps(chunk))


def _list_content(message: dict[str, Any]) -> None:
    """Put reasoning into the content, which is a list then."""
    thought = message.pop("reasoning_content", None)
    if thought is None:
        return
    blocks: list[dict[str, Any]] = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": thought, "signature": ""}]}
    ]
    if message.get("content"):
        blocks.append({"type": "text", "text": message["content"]})
    message["content"] = blocks
