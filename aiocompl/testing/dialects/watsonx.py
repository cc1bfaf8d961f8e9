"""IBM watsonx.ai's chat and embeddings as its server speaks them.

Source: https://cloud.ibm.com/apidocs/watsonx-ai, text chat and text embeddings (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from aiocompl._compat import override
from aiocompl.testing.asked import ProblemError
from aiocompl.testing.dialects import parts, watsonx_chat
from aiocompl.testing.dialects.embeddings.common import as_asked, counted, need_known, need_texts, vectors
from aiocompl.testing.dialects.openai import OpenAIDialect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiocompl.testing.answer import Answer
    from aiocompl.testing.asked import Asked, Problem, ProblemKind, Received
    from aiocompl.testing.delivery import Delivery
    from aiocompl.testing.dialects.base import Event
    from aiocompl.testing.dialects.batches import BatchAsked

PATH: Final = "/ml/v1/text/embeddings"
MOST: Final = 1000

_FIELDS: Final = ("inputs", "model_id", "parameters", "project_id", "space_id")
_CODES: Final[dict[ProblemKind, str]] = {
    "authentication": "authentication_token_not_valid",
    "not_found": "model_not_supported",
    "rate_limit": "rate_limit_reached_requests",
    "quota": "token_quota_reached",
    "context_length": "invalid_input_argument",
    "server_error": "downstream_request_failed",
    "overloaded": "downstream_request_failed",
    "timeout": "downstream_request_failed",
}
_TOO_LONG: Final = "the number of input tokens 9001 cannot exceed the total tokens limit 8192 for this model"


def make(*, api_key: str | None = None, models: Sequence[str] | None = None) -> WatsonxDialect:
    """Make the dialect; see `make_dialect`."""
    return WatsonxDialect(api_key=api_key, models=models)


class WatsonxDialect(OpenAIDialect):
    """``POST /ml/v1/text/chat``, ``chat_stream`` and ``embeddings``, and chat of deployments.

    Elsewhere it is `OpenAIDialect`.
    """

    base_path = ""
    end_event = b""

    @override
    def read(self, received: Received) -> Asked | BatchAsked | Delivery:
        """Understand a request; see `Dialect`."""
        if (found := watsonx_chat.PATH.fullmatch(received.path)) is None:
            return super().read(received)
        try:
            return self._read_own(received, found[1], stream=found[2] is not None)
        except ProblemError as refusal:  # its code may be OpenAI's
            raise ProblemError(attrs.evolve(refusal.problem, code=None)) from refusal

    def _read_own(self, received: Received, deployment: str | None, *, stream: bool) -> Asked:
        self._authorise(received.headers.get("authorization", ""))
        parts.need_method("POST", received)
        asked = watsonx_chat.read_chat(received, deployment, stream=stream)
        if not deployment:
            self._check_model(asked.model)
        return asked

    @override
    def body(self, asked: Asked, answers: Sequence[Answer]) -> bytes:
        """A blocking answer; see `Dialect`."""
        made = super().body(asked, answers)
        if asked.inputs or "model" in asked.body:
            return made
        warning = {"message": "This model is simulated.", "id": "disclaimer_warning"}
        value = watsonx_chat.worded(orjson.loads(made), asked)
        return orjson.dumps({**value, "system": {"warnings": [warning]}})

    @override
    def events(self, asked: Asked, answers: Sequence[Answer]) -> list[Event]:
        """A streamed answer, the counts in its last event; see `Dialect`."""
        if "model" in asked.body:
            return super().events(asked, answers)
        counting = attrs.evolve(asked, body={**asked.body, "stream_options": {"include_usage": True}})
        return watsonx_chat.worded_events(super().events(counting, answers), asked)

    @override
    def read_embeddings(self, received: Received) -> Asked | None:
        """Understand a request for embeddings."""
        if received.path != PATH:
            return super().read_embeddings(received)
        body = parts.parsed(received.body, "Failed to parse the request to the expected structure")
        watsonx_chat.need_version(received)
        need_known(body, _FIELDS, "Json document validation error: {} is not a known property")
        if not isinstance(body.get("model_id"), str):
            raise watsonx_chat.invalid("'model_id' is a required field")
        watsonx_chat.need_owner(body)
        message = "Json document validation error: 'inputs' should have at most {most} items"
        texts = need_texts(body.get("inputs"), "inputs", most=MOST, message=message)
        return as_asked(received, body, model=body["model_id"], texts=texts)

    @override
    def embeddings(self, asked: Asked, answers: Sequence[Answer]) -> bytes:
        """The answer to a request for embeddings."""
        if "model_id" not in asked.body:
            return super().embeddings(asked, answers)
        made: dict[str, Any] = {
            "model_id": asked.model,
            "created_at": "2026-01-01T00:00:00.001Z",
            "results": [{"embedding": each} for each in vectors(asked)],
            "input_token_count": counted(asked, answers),
        }
        return orjson.dumps(made)

    @override
    def error_body(self, problem: Problem) -> bytes:
        """The body of an error; see `Dialect`."""
        if problem.kind == "context_length" and problem.message is None:
            problem = attrs.evolve(problem, message=_TOO_LONG)
        text = orjson.loads(super().error_body(problem))["error"]["message"]
        code = problem.code or _CODES.get(problem.kind, "invalid_request_entity")
        errors = [{"code": code, "message": text, "more_info": "https://cloud.ibm.com/apidocs/watsonx-ai"}]
        return orjson.dumps({"errors": errors, "trace": "0" * 32, "status_code": problem.status})

    @override
    def error_event(self, problem: Problem) -> bytes:
        """The frame of an error inside a stream; see `Dialect`."""
        return watsonx_chat.framed(0, self.error_body(problem), "error")

    @override
    def frame(self, data: bytes) -> bytes:
        """Any bytes as an event; see `Dialect`."""
        return watsonx_chat.framed(0, data)
