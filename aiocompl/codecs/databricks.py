"""Databricks' model serving: OpenAI's dialect, also at ``/serving-endpoints/{name}/invocations``.

Source: https://docs.databricks.com/machine-learning/model-serving/score-foundation-models (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from aiocompl._compat import override
from aiocompl.codecs.openai import OpenAICodec

if TYPE_CHECKING:
    from aiocompl.types.request import ChatRequest
    from aiocompl.wire.messages import HTTPRequest

INVOCATIONS: Final = "/invocations"

_NAMED: Final = "invocations/"
"""How a model's name begins that is to be asked at its own endpoint."""


class DatabricksCodec(OpenAICodec):
    """A workspace's serving endpoints. A base URL that ends with ``/invocations`` is a whole URL."""

    @override
    def encode_request(self, request: ChatRequest) -> HTTPRequest:
        """Make the HTTP request; see `Codec`."""
        body, url = self._body(request), self._url
        if request.model.startswith(_NAMED):
            name = request.model.removeprefix(_NAMED)
            if body["model"] == request.model:  # and not what `extra_body` says
                body["model"] = name
            url = url.replace("/chat/completions", f"/{quote(name, safe='')}{INVOCATIONS}", 1)
        return self._http_request(request, url, body)

    @override
    def _chat_url(self, path: str) -> str:
        base, mark, query = self._endpoint.base_url.partition("?")
        if base.rstrip("/").endswith(INVOCATIONS):
            return f"{base.rstrip('/')}{mark}{query}"
        return super()._chat_url(path)
