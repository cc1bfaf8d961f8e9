"""OpenAI's moderation, and that of vendors who follow it.

Source: https://developers.openai.com/api/docs, create moderation; https://docs.mistral.ai/api, moderations (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiocompl._compat import override
from aiocompl.codecs.plain_operation import PlainOperation, operation_url
from aiocompl.errors import UnsupportedParamsError
from aiocompl.types.moderation import ModerationResponse
from aiocompl.types.request import ModerationRequest

if TYPE_CHECKING:
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.wire.messages import HTTPRequest


class OpenAIModerations(PlainOperation[ModerationRequest, ModerationResponse]):
    """Moderation at one endpoint of one vendor. See `Operation` for the contract."""

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        super().__init__(vendor, endpoint, url=operation_url(vendor, endpoint, vendor.moderations))

    def encode_request(self, request: ModerationRequest) -> HTTPRequest:
        """Make the HTTP request; see `Operation`."""
        return self._http_request(request, {"model": request.model, "input": request.input, **request.params})

    @override
    def _read(self, request: ModerationRequest, data: Any) -> ModerationResponse:
        for item in data["results"]:
            if not isinstance(item["categories"], dict) or not isinstance(item["category_scores"], dict):
                raise TypeError("categories and their scores must be objects")
            if "flagged" not in item:  # Mistral judges by category alone
                item["flagged"] = any(item["categories"].values())
        answer = ModerationResponse.take(data)
        count, texts = len(answer.results), request.input
        if count != len(texts) and all(isinstance(text, str) for text in texts):  # parts are judged together
            raise ValueError(f"{count} judgements on {len(texts)} texts")
        return answer


class MistralModerations(OpenAIModerations):
    """Mistral's, which judges texts alone. See `Operation` for the contract."""

    @override
    def encode_request(self, request: ModerationRequest) -> HTTPRequest:
        """Make the HTTP request; see `Operation`."""
        for index, text in enumerate(request.input):
            if not isinstance(text, str):
                raise UnsupportedParamsError(
                    f"input[{index}] is no text, and this provider judges nothing else",
                    provider=self._endpoint.provider,
                    model=request.model,
                    param="input",
                )
        return super().encode_request(request)
