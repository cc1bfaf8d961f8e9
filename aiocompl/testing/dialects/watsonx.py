"""IBM watsonx.ai's embeddings as its server speaks them; everything else there is OpenAI's dialect.

Source: https://cloud.ibm.com/apidocs/watsonx-ai, text embeddings (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

import orjson

from aiocompl._compat import override
from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.embeddings.common import as_asked, counted, need_known, need_texts, vectors
from aiocompl.testing.dialects.openai import OpenAIDialect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiocompl.testing.answer import Answer
    from aiocompl.testing.asked import Asked, Problem, ProblemKind, Received

PATH: Final = "/ml/v1/text/embeddings"
MOST: Final = 1000

_FIELDS: Final = ("inputs", "model_id", "parameters", "project_id", "space_id")
_CODES: Final[dict[ProblemKind, str]] = {
    "authentication": "authentication_token_not_valid",
    "not_found": "model_not_supported",
    "rate_limit": "rate_limit_reached_requests",
    "quota": "token_quota_reached",
    "server_error": "downstream_request_failed",
}


def make(*, api_key: str | None = None, models: Sequence[str] | None = None) -> WatsonxDialect:
    """Make the dialect; see `make_dialect`."""
    return WatsonxDialect(api_key=api_key, models=models)


class WatsonxDialect(OpenAIDialect):
    """``POST /ml/v1/text/embeddings``, and what `OpenAIDialect` has."""

    base_path = ""

    @override
    def read_embeddings(self, received: Received) -> Asked | None:
        """Understand a request for embeddings."""
        if received.path != PATH:
            return super().read_embeddings(received)
        body = parts.parsed(received.body, "Failed to parse the request to the expected structure")
        if not parse_qs(received.query).get("version"):
            raise parts.refused("The required query parameter 'version' was not provided", param="version")
        need_known(body, _FIELDS, "Json document validation error: {} is not a known property")
        if not isinstance(body.get("model_id"), str):
            raise parts.refused("Json document validation error: 'model_id' is a required field")
        if not (body.get("project_id") or body.get("space_id")):
            raise parts.refused(
                "Json document validation error: either space_id or project_id has to be given"
            )
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
        text = orjson.loads(super().error_body(problem))["error"]["message"]
        code = problem.code or _CODES.get(problem.kind, "invalid_request_entity")
        errors = [{"code": code, "message": text, "more_info": "https://cloud.ibm.com/apidocs/watsonx-ai"}]
        return orjson.dumps({"errors": errors, "trace": "0" * 32, "status_code": problem.status})
