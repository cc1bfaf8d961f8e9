"""Vertex AI's OpenAI-compatible endpoints as its server speaks them, and Mistral's models over ``rawPredict``.

Source: https://cloud.google.com/vertex-ai/generative-ai/docs/maas/call-open-model-apis and recorded traffic (2026-11).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from aiocompl._compat import override
from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.gemini import google_error
from aiocompl.testing.dialects.openai import OpenAIDialect
from aiocompl.testing.dialects.vertex import VertexDialect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiocompl.testing.answer import Answer
    from aiocompl.testing.asked import Asked, Problem, Received
    from aiocompl.testing.delivery import Delivery
    from aiocompl.testing.dialects.batches import BatchAsked

_ENDPOINT: Final = re.compile(r".*/endpoints/([^/]+)/chat/completions")
_RAW: Final = re.compile(r".*/publishers/mistralai/models/([^/:]+):(rawPredict|streamRawPredict)")
_PUBLISHED: Final = re.compile(r"[\w-]+/[\w.@-]+")


def make(*, api_key: str | None = None, models: Sequence[str] | None = None) -> VertexOpenAIDialect:
    """Make the dialect; see `make_dialect`."""
    return VertexOpenAIDialect(api_key=api_key, models=models)


class VertexOpenAIDialect(OpenAIDialect):
    """``.../endpoints/openapi/chat/completions``, ``.../endpoints/{number}/...`` and Mistral's. See `OpenAIDialect`."""

    base_path = ""

    def __init__(self, *, api_key: str | None = None, models: Sequence[str] | None = None) -> None:
        super().__init__(models=models)
        self._google = VertexDialect(api_key=api_key)
        self._token = api_key

    @override
    def read(self, received: Received) -> Asked | BatchAsked | Delivery:
        """Understand a request; see `Dialect`."""
        if self._token is not None:
            self._google.authorise(received, self._token)
        body = parts.parsed(received.body, "Invalid JSON payload received.")
        body |= _placed(received, body)
        path = "/v1/chat/completions"
        return super().read(attrs.evolve(received, path=path, body=orjson.dumps(body)))

    @override
    def body(self, asked: Asked, answers: Sequence[Answer]) -> bytes:
        """A blocking answer; see `Dialect`. Google's own models give tool calls no id, and no content beside them."""
        made = orjson.loads(super().body(asked, answers))
        for choice in made["choices"] if asked.model.startswith("google/") else ():
            message = choice["message"]
            for call in message.get("tool_calls") or ():
                call["id"] = ""
                message.pop("content", None)
        return orjson.dumps(made)

    @override
    def error_body(self, problem: Problem) -> bytes:
        """The body of an error; see `Dialect`. Google's, in a list."""
        return orjson.dumps([google_error(problem)])

    @override
    def error_event(self, problem: Problem) -> bytes:
        """The frame of an error inside a stream; see `Dialect`."""
        return self.frame(orjson.dumps(google_error(problem)))


def _placed(received: Received, body: dict[str, Any]) -> dict[str, Any]:
    """What the path says of a request, which the body must not gainsay."""
    if (raw := _RAW.fullmatch(received.path)) is not None:
        if body.get("model") != raw[1]:
            raise parts.refused(f"the body's model is not {raw[1]}")
        if raw[2] == "rawPredict":
            return {"stream": False}
        return {"stream": True, "stream_options": {"include_usage": True}}  # Mistral's streams always have it
    endpoint = _ENDPOINT.fullmatch(received.path)
    if endpoint is None:
        raise parts.refused(status=404, kind="not_found")
    if endpoint[1] != "openapi":
        return {"model": body.get("model") or endpoint[1]}
    if not _PUBLISHED.fullmatch(str(body.get("model"))):
        raise parts.refused("Malformed publisher model. Expected format: publisher/model")
    return {}
