"""Google's embeddings: ``batchEmbedContents`` on AI Studio, ``predict`` or ``embedContent`` on Vertex AI.

Sources: https://ai.google.dev/api/embeddings, https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/
text-embeddings-api and the official Python SDK 3.6 (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from aiocompl._compat import override
from aiocompl.codecs.embeddings.common import (
    BoundEmbeddings,
    as_asked,
    response_of,
    texts_of,
    truncate_word,
    usage_of,
    wants_base64,
    word_for,
)
from aiocompl.codecs.gemini import GeminiCodec, VertexCodec
from aiocompl.codecs.gemini.errors import Origin, body_error, status_error
from aiocompl.errors import UnsupportedParamsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.vendor import Vendor
    from aiocompl.errors import APIError
    from aiocompl.types.embedding import EmbeddingResponse
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import EmbeddingRequest, Request
    from aiocompl.wire.messages import HTTPRequest, HTTPResponse

TASK_TYPES: Final[Mapping[str, str]] = {"query": "RETRIEVAL_QUERY", "document": "RETRIEVAL_DOCUMENT"}
"""Google's words for what others call so."""

MAX_BATCH: Final = 100
MAX_INSTANCES: Final = 250

ONE_INSTANCE: Final = "gemini-embedding-001"
"""The model that ``predict`` gives one text at a time."""

_TRUNCATE: Final[Mapping[str, bool]] = {"END": True, "NONE": False}


class GeminiEmbeddings(BoundEmbeddings):
    """Embeddings on AI Studio, bound to one endpoint. See `Operation` for the contract.

    Address, credentials and errors are those of the chat.
    """

    chat: ClassVar[type[GeminiCodec]] = GeminiCodec
    unsupported: ClassVar[frozenset[str]] = frozenset({"truncate", "user"})

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        chat = self.chat(vendor, endpoint)
        native = frozenset({"task_type", "title"})
        super().__init__(vendor, endpoint, url="", native=native, unsupported=self.unsupported)
        self.headers = chat.headers
        self._url_of = chat.url_of

    @override
    def max_inputs(self, model: str) -> int:
        return MAX_BATCH

    @override
    def encode_request(self, request: EmbeddingRequest) -> HTTPRequest:
        wants_base64(request)
        model = request.model if "/" in request.model else f"models/{request.model}"
        shared = {"model": model, **_config(request)}
        body = {
            "requests": [
                {**shared, "content": {"parts": [{"text": text}]}} for text in texts_of(request, "Gemini")
            ]
        }
        return self._http_request(request, body, self._url_of(request.model, "batchEmbedContents"))

    @override
    def decode_error(self, request: Request, response: HTTPResponse) -> APIError:
        return status_error(response, self._origin(request))

    @override
    def _read(self, request: EmbeddingRequest, data: Any, headers: Mapping[str, str]) -> EmbeddingResponse:
        items = data.pop("embeddings")
        counted = data.pop("usageMetadata", None) or {}
        response = response_of(
            request,
            [item.pop("values") for item in items],
            usage=usage_of(counted.pop("promptTokenCount", None), **counted),
            extra=data,
            beside=items,
        )
        return as_asked(response, request)

    @override
    def _error_inside(self, request: EmbeddingRequest, response: HTTPResponse, body: Any) -> APIError:
        return body_error(body, None, response.headers, self._origin(request))

    def _origin(self, request: Request) -> Origin:
        endpoint = self._endpoint
        return Origin(provider=endpoint.provider, model=request.model, api_key=endpoint.api_key)


class VertexEmbeddings(GeminiEmbeddings):
    """Embeddings on Vertex AI, bound to one endpoint. See `Operation` for the contract."""

    chat: ClassVar[type[GeminiCodec]] = VertexCodec
    unsupported: ClassVar[frozenset[str]] = frozenset({"user"})

    @override
    def max_inputs(self, model: str) -> int:
        return 1 if _embeds_content(model) or _name(model) == ONE_INSTANCE else MAX_INSTANCES

    @override
    def encode_request(self, request: EmbeddingRequest) -> HTTPRequest:
        wants_base64(request)
        texts, config = texts_of(request, "Vertex AI"), _config(request)
        if "truncate" in request.params:
            config["autoTruncate"] = _auto_truncate(request)
        if _embeds_content(request.model):
            content: dict[str, Any] = {
                "content": {"role": "user", "parts": [{"text": text} for text in texts]}
            }
            content |= {"embedContentConfig": config} if config else {}
            return self._http_request(request, content, self._url_of(request.model, "embedContent"))
        about = {"task_type": config.pop("taskType", None), "title": config.pop("title", None)}
        about = {name: value for name, value in about.items() if value is not None}
        body: dict[str, Any] = {"instances": [{"content": text, **about} for text in texts]}
        if config:
            body["parameters"] = config
        return self._http_request(request, body, self._url_of(request.model, "predict"))

    @override
    def _read(self, request: EmbeddingRequest, data: Any, headers: Mapping[str, str]) -> EmbeddingResponse:
        if "embedding" in data:
            data["embeddings"] = [data.pop("embedding")]
            return super()._read(request, data, headers)
        items = [{**prediction.pop("embeddings"), **prediction} for prediction in data.pop("predictions")]
        counts: list[Any] = [(item.get("statistics") or {}).get("token_count") for item in items]
        response = response_of(
            request,
            [item.pop("values") for item in items],
            usage=None if None in counts else usage_of(sum(counts)),
            extra=data,
            beside=items,
        )
        return as_asked(response, request)


def _config(request: EmbeddingRequest) -> dict[str, Any]:
    """What the texts are for and how long the vectors shall be; `task_type` is Google's own name for `input_type`."""
    params = request.params
    task = params.get("task_type", params.get("input_type"))
    found = {
        "taskType": word_for(task, TASK_TYPES),
        "title": params.get("title"),
        "outputDimensionality": params.get("dimensions"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _auto_truncate(request: EmbeddingRequest) -> bool:
    given = truncate_word(request.params["truncate"])
    if not isinstance(given, str) or given not in _TRUNCATE:
        raise UnsupportedParamsError(
            f"truncate must be true or false, not {given!r:.40}", model=request.model, param="truncate"
        )
    return _TRUNCATE[given]


def _name(model: str) -> str:
    return model.rpartition("/")[2]


def _embeds_content(model: str) -> bool:
    """Whether a model on Vertex AI is asked by ``embedContent``, one text at a time."""
    name = _name(model)
    return name.endswith("-maas") or (name.startswith("gemini-") and name != ONE_INSTANCE)
