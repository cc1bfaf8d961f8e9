"""Google's ``generateContent`` as Vertex AI's server speaks it, for Google's own models."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aiocompl._compat import override
from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.gemini import GeminiDialect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiocompl.testing.asked import Asked, Received


def make(*, api_key: str | None = None, models: Sequence[str] | None = None) -> VertexDialect:
    """Make the dialect; see `make_dialect`."""
    return VertexDialect(api_key=api_key, models=models)


class VertexDialect(GeminiDialect):
    """``.../publishers/google/models/{model}:generateContent`` and ``:streamGenerateContent``; see `GeminiDialect`.

    The key is an access token, or in express mode (a path without a project) an API key.
    """

    base_path = ""
    models_path = re.compile(r"/v\w+/publishers/google/models")

    @override
    def authorise(self, received: Received, api_key: str) -> None:
        """Raise a ProblemError unless the request has the key."""
        given = parts.bearer(received.headers)
        if "/projects/" not in received.path:
            given = received.headers.get("x-goog-api-key") or given
        if given != api_key:
            text = (
                "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie "
                "or other valid authentication credential."
            )
            raise parts.refused(None if given else text, status=401, kind="authentication")

    @override
    def head(self, asked: Asked) -> dict[str, Any]:
        """What stands at the top of every answer."""
        return {**super().head(asked), "createTime": "2026-01-01T00:00:00.000001Z"}

    @override
    def listed(self, names: Sequence[str]) -> dict[str, Any]:
        """A page of the list of models."""
        rows = [
            {"name": f"publishers/google/models/{name}", "versionId": "default", "launchStage": "GA"}
            for name in names
        ]
        return {"publisherModels": rows}

    @override
    def place(self, index: int) -> dict[str, int]:
        """How a candidate says which it is: the first does not."""
        return {"index": index} if index else {}

    @override
    def usage_extra(self) -> dict[str, Any]:
        """What usage says beside tokens."""
        return {"trafficType": "ON_DEMAND"}
