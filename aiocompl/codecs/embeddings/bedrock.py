"""Embeddings on Amazon Bedrock: InvokeModel, whose bodies are each maker's own. Titan, Nova and Cohere are known.

Titan and Nova take one text a request. What the answer does not count, the header with the input's tokens does.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html,
model-parameters-embed.html, and https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aiocompl._compat import override
from aiocompl.codecs.bedrock.codec import RuntimeCodec
from aiocompl.codecs.embeddings.cohere import MAX_INPUTS, cohere_body, cohere_response
from aiocompl.codecs.embeddings.common import (
    FLOATS,
    BoundEmbeddings,
    as_asked,
    kind_of,
    refuse,
    response_of,
    texts_of,
    truncate_word,
    usage_of,
    wants_base64,
    word_for,
)
from aiocompl.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocompl.codecs.vendor import Vendor
    from aiocompl.errors import APIError
    from aiocompl.types.embedding import EmbeddingResponse
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import EmbeddingRequest
    from aiocompl.wire.messages import HTTPRequest, HTTPResponse

NATIVE: Final = frozenset({"embedding_types", "max_tokens", "normalize"})

PURPOSES: Final[Mapping[str, str]] = {"query": "GENERIC_RETRIEVAL", "document": "GENERIC_INDEX"}
"""Nova's words for what others call so."""

DEFAULT_PURPOSE: Final = "GENERIC_INDEX"
"""Nova insists on one."""

_TOKENS: Final = "x-amzn-bedrock-input-token-count"


class BedrockEmbeddings(RuntimeCodec, BoundEmbeddings):
    """Embeddings on Bedrock, bound to one endpoint; signed as chat is. See `Operation` for the contract."""

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        super().__init__(vendor, endpoint, native=NATIVE, unsupported=frozenset({"user"}))

    @override
    def max_inputs(self, model: str) -> int:
        return MAX_INPUTS if "cohere.embed" in model else 1

    @override
    def encode_request(self, request: EmbeddingRequest) -> HTTPRequest:
        maker = self._maker(request)
        wants_base64(request)
        refuse(request, [name for name in _ANY if name not in maker.takes])
        return self._call(request, maker.write(request), "invoke")

    @override
    def _read(self, request: EmbeddingRequest, data: Any, headers: Mapping[str, str]) -> EmbeddingResponse:
        counted = headers.get(_TOKENS, "")
        tokens = int(counted) if counted.isascii() and counted.isdigit() else None
        return self._maker(request).read(request, data, tokens)

    @override
    def _error_inside(self, request: EmbeddingRequest, response: HTTPResponse, body: Any) -> APIError:
        return self._error(request, response, status=None)

    def _maker(self, request: EmbeddingRequest) -> _Maker:
        found = next((maker for part, maker in _MAKERS.items() if part in request.model), None)
        if found is None:
            raise BadRequestError(
                f"the name {request.model!r:.80} does not tell how the model is asked; known are Titan, Nova and Cohere",
                provider=self._endpoint.provider,
                model=request.model,
                param="model",
            )
        return found


class _Maker(NamedTuple):
    """How one maker's models are asked."""

    takes: frozenset[str]
    """Which of `_ANY` they take."""

    write: Callable[[EmbeddingRequest], dict[str, Any]]
    read: Callable[[EmbeddingRequest, dict[str, Any], int | None], EmbeddingResponse]


def _titan(request: EmbeddingRequest) -> dict[str, Any]:
    (text,) = texts_of(request, "Titan")
    body: dict[str, Any] = {"inputText": text}
    for name, sent in (
        ("dimensions", "dimensions"),
        ("normalize", "normalize"),
        ("embedding_types", "embeddingTypes"),
    ):
        if name in request.params:
            body[sent] = request.params[name]
    return body


def _titan_image(request: EmbeddingRequest) -> dict[str, Any]:
    body = _titan(request)
    if "dimensions" in body:
        body["embeddingConfig"] = {"outputEmbeddingLength": body.pop("dimensions")}
    return body


def _read_titan(request: EmbeddingRequest, data: dict[str, Any], tokens: int | None) -> EmbeddingResponse:
    counted = data.pop("inputTextTokenCount", tokens)
    kinds = data.pop("embeddingsByType", None) or {}
    vector = data.pop("embedding", None) or kinds.get("float")
    first = "float" if vector is not None or not kinds else next(iter(kinds))
    typed = kinds.pop(first, None)
    response = response_of(
        request,
        [typed if vector is None else vector],
        usage=usage_of(counted),
        extra=data,
        beside=[kinds],
    )
    numbers = kind_of(first) or FLOATS
    return as_asked(response, request, wire=numbers, asked=numbers)


def _nova(request: EmbeddingRequest) -> dict[str, Any]:
    (text,) = texts_of(request, "Nova")
    params = request.params
    asked: dict[str, Any] = {
        "embeddingPurpose": word_for(params.get("input_type", DEFAULT_PURPOSE), PURPOSES)
    }
    if "dimensions" in params:
        asked["embeddingDimension"] = params["dimensions"]
    asked["text"] = {"truncationMode": truncate_word(params.get("truncate", "NONE")), "value": text}
    return {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": asked}


def _read_nova(request: EmbeddingRequest, data: dict[str, Any], tokens: int | None) -> EmbeddingResponse:
    items = data.pop("embeddings")
    vectors = [item.pop("embedding") for item in items]
    response = response_of(request, vectors, usage=usage_of(tokens), extra=data, beside=items)
    return as_asked(response, request)


def _cohere(request: EmbeddingRequest) -> dict[str, Any]:
    body = cohere_body(request)
    if "embedding_types" in request.params:
        body["embedding_types"] = request.params["embedding_types"]
    return body


def _read_cohere(request: EmbeddingRequest, data: dict[str, Any], tokens: int | None) -> EmbeddingResponse:
    return cohere_response(request, data, usage_of(tokens))


_ANY: Final = ("dimensions", "input_type", "truncate", *sorted(NATIVE))

_MAKERS: Final[Mapping[str, _Maker]] = {
    "titan-embed-text-v2": _Maker(
        frozenset({"dimensions", "embedding_types", "normalize"}), _titan, _read_titan
    ),
    "titan-embed-image": _Maker(frozenset({"dimensions"}), _titan_image, _read_titan),
    "titan-embed": _Maker(frozenset(), _titan, _read_titan),
    "nova-2-multimodal-embeddings": _Maker(
        frozenset({"dimensions", "input_type", "truncate"}), _nova, _read_nova
    ),
    "cohere.embed": _Maker(
        frozenset({"dimensions", "embedding_types", "input_type", "max_tokens", "truncate"}),
        _cohere,
        _read_cohere,
    ),
}
"""By a part of the model's name; the first that it holds counts."""
