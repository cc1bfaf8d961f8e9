"""Hugging Face's router, its routes to single providers, and endpoints of one's own that run TGI.

Source: https://huggingface.co/docs/inference-providers, https://huggingface.co/docs/text-generation-inference (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from aiocompl._compat import override
from aiocompl.codecs.openai import OpenAICodec
from aiocompl.errors import UnsupportedParamsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import ChatRequest
    from aiocompl.wire.messages import HTTPRequest

ROUTER: Final = "router.huggingface.co"

BILL_TO: Final = "X-HF-Bill-To"

_HEADERS: Final = {"OpenAI-Organization": BILL_TO}
"""What OpenAI's headers are called here."""
"""The header that names the organisation which pays."""

_USUAL: Final = "/v1/chat/completions"

ROUTES: Final[Mapping[str, str]] = {
    "baseten": _USUAL,
    "cerebras": _USUAL,
    "cohere": "/compatibility/v1/chat/completions",
    "deepinfra": "/v1/openai/chat/completions",
    "featherless-ai": _USUAL,
    "fireworks-ai": "/inference/v1/chat/completions",
    "groq": "/openai/v1/chat/completions",
    "hf-inference": "/models/{model}/v1/chat/completions",
    "hyperbolic": _USUAL,
    "nebius": _USUAL,
    "novita": "/v3/openai/chat/completions",
    "nscale": _USUAL,
    "openai": _USUAL,
    "ovhcloud": _USUAL,
    "publicai": _USUAL,
    "sambanova": _USUAL,
    "scaleway": _USUAL,
    "together": _USUAL,
    "zai-org": "/api/paas/v4/chat/completions",
}
"""The router's providers, and the path of each below its name."""

LEAST: Final = 0.01
"""Sent for a `temperature` or `top_p` of 0, which TGI refuses: as good as always the likeliest token."""


class HuggingFaceCodec(OpenAICodec):
    """The router for ``org/name`` and ``org/name:provider``, one provider's route for ``provider/org/name``.

    On a route the rest of the name is the provider's own id of the model, since only the Hub could translate. At any
    other host than the router's, TGI's limits hold.
    """

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        super().__init__(vendor, endpoint)
        self.headers = {_HEADERS.get(name, name): value for name, value in self.headers.items()}
        self._own = urlsplit(endpoint.base_url).hostname != ROUTER
        self._root, mark, query = self._url.partition("?")
        self._root = self._root.removesuffix(_USUAL)
        self._query = mark + query
        if self._own:
            self.unsupported_params = self.unsupported_params | {"logit_bias"}

    @override
    def encode_request(self, request: ChatRequest) -> HTTPRequest:
        """Make the HTTP request; see `Codec`."""
        provider, _, model = request.model.partition("/")
        route = ROUTES.get(provider) if "/" in model else None
        if route is None:
            return super().encode_request(request)
        url = f"{self._root}/{provider}{route.format(model=quote(model, safe='/'))}{self._query}"
        body = self._body(request)
        if body["model"] == request.model:  # and not what `extra_body` says
            body["model"] = model
        return self._http_request(request, url, body)

    @override
    def _put_params(self, body: dict[str, Any], request: ChatRequest) -> None:
        super()._put_params(body, request)
        if not self._own and not request.model.startswith("hf-inference/"):
            return
        if body.get("n", 1) != 1:
            raise UnsupportedParamsError(
                "this server gives one answer a call: leave n out, or pass n_by_fanout=True for as many calls",
                provider=self._endpoint.provider,
                model=request.model,
                param="n",
            )
        for name in ("temperature", "top_p"):
            if body.get(name) == 0:
                body[name] = LEAST
        if body.get("top_p") == 1:
            del body["top_p"]  # says nothing, and is out of bounds

    @override
    def _chat_url(self, path: str) -> str:
        base, mark, query = self._endpoint.base_url.partition("?")
        base = base.rstrip("/").removesuffix(path)
        if not urlsplit(base).path:  # an endpoint's address as the Hub shows it
            base += "/v1"
        return f"{base}{path}{mark}{query}"
