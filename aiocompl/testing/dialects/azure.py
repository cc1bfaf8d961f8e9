"""Azure OpenAI's chat completions as its server speaks them: OpenAI's, with other paths, keys, filters and errors.

Source: https://learn.microsoft.com/azure/ai-foundry/openai/reference and recorded traffic (2026-11).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

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

_DEPLOYMENT: Final = re.compile(r"/openai/deployments/([^/]+)/(?:chat/completions|embeddings)")
_SAFE: Final = {
    name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")
}
_PROMPT_RESULTS: Final = [
    {
        "prompt_index": 0,
        "content_filter_results": {**_SAFE, "jailbreak": {"detected": False, "filtered": False}},
    }
]
_CODES: Final[dict[ProblemKind, tuple[str, str]]] = {
    "authentication": (
        "401",
        (
            "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for "
            "an active subscription and use a correct regional API endpoint for your resource."
        ),
    ),
    "not_found": ("404", "Resource not found"),
    "rate_limit": (
        "RateLimitReached",
        "Requests have exceeded the call rate limit. Please retry after 1 second.",
    ),
    "content_policy": (
        "content_filter",
        (
            "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. "
            "Please modify your prompt and retry."
        ),
    ),
    "server_error": ("InternalServerError", "The server had an error while processing your request."),
    "overloaded": ("ServiceUnavailable", "The service is temporarily unavailable."),
}
"""Code and message where they are not OpenAI's."""


def make(*, api_key: str | None = None, models: Sequence[str] | None = None) -> AzureDialect:
    """Make the dialect; see `make_dialect`."""
    return AzureDialect(api_key=api_key, models=models)


class AzureDialect(OpenAIDialect):
    """``POST /openai/deployments/{deployment}/chat/completions`` and ``POST /openai/v1/chat/completions``; embeddings likewise.

    See `OpenAIDialect`; the models are the names of the deployments, and the key may be a bearer token of Entra.
    """

    base_path = ""

    @override
    def read(self, received: Received) -> Asked | BatchAsked | Delivery:
        """Understand a request; see `Dialect`."""
        key = received.headers.get("api-key") or parts.bearer(received.headers)
        named = _DEPLOYMENT.fullmatch(received.path)
        body = received.body
        versioned = named is not None or received.path == "/openai/models"
        if versioned and not parse_qs(received.query).get("api-version"):
            raise parts.refused(status=404, kind="not_found")
        if named is not None:
            body = orjson.dumps({**parts.parsed(body, "The body is not valid JSON."), "model": named[1]})
        headers = {**received.headers, "authorization": f"Bearer {key}"}
        return super().read(attrs.evolve(received, body=body, headers=headers))

    @override
    def headers(self, number: int) -> Mapping[str, str]:
        """The headers that each answer has; see `Dialect`."""
        return {
            "apim-request-id": parts.uuid(number),
            "x-request-id": parts.uuid(number, 1),
            "x-ms-region": "East US 2",
            "x-ratelimit-remaining-requests": "119",
            "x-ratelimit-remaining-tokens": "119986",
        }

    @override
    def body(self, asked: Asked, answers: Sequence[Answer]) -> bytes:
        """A blocking answer; see `Dialect`."""
        if asked.inputs:
            return super().body(asked, answers)
        made = orjson.loads(super().body(asked, answers))
        for choice in made["choices"]:
            choice["content_filter_results"] = _filtered(choice)
        return orjson.dumps({**made, "prompt_filter_results": _PROMPT_RESULTS})

    @override
    def events(self, asked: Asked, answers: Sequence[Answer]) -> list[Event]:
        """A streamed answer, first of all what the filter says of the prompt; see `Dialect`."""
        empty = {"choices": [], "created": 0, "id": "", "model": "", "object": ""}
        opening = {**empty, "prompt_filter_results": _PROMPT_RESULTS}
        made = [Event(self._filtered_frame(frame), token) for frame, token in super().events(asked, answers)]
        return [Event(self.frame(orjson.dumps(opening))), *made]

    @override
    def error_body(self, problem: Problem) -> bytes:
        """The body of an error; see `Dialect`."""
        error: dict[str, Any] = orjson.loads(super().error_body(problem))["error"]
        if (own := _CODES.get(problem.kind)) is not None:
            error["code"] = problem.code or own[0]
            error["message"] = problem.message or own[1]
        if problem.code == "model_not_found":
            error["code"] = "DeploymentNotFound"
            error["message"] = "The API deployment for this resource does not exist."
        if problem.kind == "content_policy":
            result = {**_SAFE, "violence": {"filtered": True, "severity": "high"}}
            inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": result}
            error |= {"param": "prompt", "type": None, "status": problem.status, "innererror": inner}
        return orjson.dumps({"error": error})

    def _filtered_frame(self, frame: bytes) -> bytes:
        if frame == self.end_event:
            return frame
        chunk: dict[str, Any] = orjson.loads(frame.removeprefix(b"data: "))
        for choice in chunk["choices"]:
            spoken = choice["delta"].get("content") or choice["finish_reason"]
            choice["content_filter_results"] = _filtered(choice) if spoken else {}
        return self.frame(orjson.dumps(chunk))


def _filtered(choice: Mapping[str, Any]) -> dict[str, Any]:
    """What the filter says of a choice; one that it cut was violent."""
    if choice["finish_reason"] == "content_filter":
        return {**_SAFE, "violence": {"filtered": True, "severity": "medium"}}
    return dict(_SAFE)
