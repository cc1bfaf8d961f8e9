"""What the embeddings of all dialects do alike: vectors in the form that was asked for, one for each text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

from aiocompl.codecs.base import MALFORMED, Operation
from aiocompl.codecs.bound import BoundCodec
from aiocompl.codecs.error_shapes import decode_stream_error, is_error, parse_body
from aiocompl.errors import UnsupportedParamsError
from aiocompl.types.completion import Usage
from aiocompl.types.embedding import Embedding, EmbeddingResponse, packed, unpacked
from aiocompl.types.request import EmbeddingRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.codecs.vendor import Vendor
    from aiocompl.errors import APIError
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.wire.messages import HTTPRequest, HTTPResponse

BASE64: Final = "base64"
FORMATS: Final = frozenset({"float", BASE64})
"""OpenAI's values of `encoding_format`."""

FLOATS: Final = "f"
"""The `array` type code of what OpenAI's base64 holds."""

NUMBERS: Final[Mapping[str, str]] = {"int8": "b", "binary": "b", "uint8": "B", "ubinary": "B"}
"""The `array` type codes of the kinds of numbers that some models give instead of floats."""


class EmbeddingOperation(Operation[EmbeddingRequest, EmbeddingResponse], Protocol):
    """A dialect's embeddings. See `Operation`."""

    def max_inputs(self, model: str) -> int:
        """The most texts that one request to a model may hold."""
        ...


class BoundEmbeddings(BoundCodec, ABC):
    """The part of a dialect's embeddings that is the same in all: how an answer is read, and what goes wrong with it.

    Args:
        vendor: The vendor's row.
        endpoint: Where requests go and with what right.
        url: The URL of the call; see `endpoint_url`.
        native: Parameters beyond those of `aembedding` that the dialect takes.
        unsupported: Parameters of `aembedding` that the dialect has no place for.
    """

    def __init__(
        self,
        vendor: Vendor,
        endpoint: Endpoint,
        *,
        url: str,
        native: frozenset[str],
        unsupported: frozenset[str],
    ) -> None:
        super().__init__(vendor, endpoint, url=url, native=native, unsupported=unsupported)
        self.native_params = native  # the vendor's own are those of chat
        self.unsupported_params = unsupported

    @abstractmethod
    def max_inputs(self, model: str) -> int:
        """The most texts that one request to a model may hold."""

    @abstractmethod
    def encode_request(self, request: EmbeddingRequest) -> HTTPRequest:
        """Make the HTTP request; see `Operation`."""

    def decode_response(self, request: EmbeddingRequest, response: HTTPResponse) -> EmbeddingResponse:
        """Read a whole answer; see `Operation`."""
        try:
            return self._read(request, orjson.loads(response.body), response.headers)
        except MALFORMED as error:
            body = parse_body(response.body)
            if is_error(body):
                raise self._error_inside(request, response, body) from error
            self._raise_malformed(error, request, response)

    @abstractmethod
    def _read(self, request: EmbeddingRequest, data: Any, headers: Mapping[str, str]) -> EmbeddingResponse:
        """Make the response of a parsed answer; what is missing or wrong raises one of `MALFORMED`."""

    def _error_inside(self, request: EmbeddingRequest, response: HTTPResponse, body: Any) -> APIError:
        """The error that came with a 2xx status."""
        endpoint = self._endpoint
        return decode_stream_error(
            body,
            headers=response.headers,
            provider=endpoint.provider,
            model=request.model,
            api_key=endpoint.api_key,
        )


def texts_of(request: EmbeddingRequest, dialect: str) -> Sequence[str]:
    """The texts, for a dialect that takes nothing else.

    Raises:
        UnsupportedParamsError: They were given as token numbers.
    """
    texts = [text for text in request.input if isinstance(text, str)]
    if len(texts) != len(request.input):
        raise UnsupportedParamsError(
            f"{dialect} takes texts, not token numbers", model=request.model, param="input"
        )
    return texts


def wants_base64(request: EmbeddingRequest) -> bool:
    """Whether `encoding_format` asks for base64.

    Raises:
        UnsupportedParamsError: It asks for what OpenAI's format does not know.
    """
    check_format(request, FORMATS)
    return request.params.get("encoding_format") == BASE64


def check_format(request: EmbeddingRequest, known: frozenset[str]) -> None:
    """Refuse an `encoding_format` that is none of the known.

    Raises:
        UnsupportedParamsError: It is not.
    """
    given = request.params.get("encoding_format")
    if given is not None and (not isinstance(given, str) or given not in known):
        raise UnsupportedParamsError(
            f"encoding_format must be one of {', '.join(sorted(known))}, not {given!r:.40}",
            model=request.model,
            param="encoding_format",
        )


def word_for(value: Any, words: Mapping[str, str]) -> Any:
    """A dialect's own word for what others call so; what it has no other word for is left as it is."""
    return words.get(value, value) if isinstance(value, str) else value


def truncate_word(value: object) -> object:
    """`truncate` for a dialect that says where a text is cut: true means its end, false not at all."""
    return {True: "END", False: "NONE"}[value] if isinstance(value, bool) else value


def kind_of(*values: object) -> str | None:
    """The `array` type code of the first of these that is a kind of numbers other than floats."""
    return next((NUMBERS[value] for value in values if isinstance(value, str) and value in NUMBERS), None)


def refuse(request: EmbeddingRequest, names: Sequence[str]) -> None:
    """Refuse parameters that the model has no place for.

    Raises:
        UnsupportedParamsError: One of them was given.
    """
    for name in names:
        if name in request.params:
            raise UnsupportedParamsError(
                f"{name} not supported by {request.model}", model=request.model, param=name
            )


def usage_of(tokens: float | None, **more: Any) -> Usage | None:
    """The usage of so many tokens; None where nobody counted. `more` is what else the provider counted."""
    if tokens is None:
        return None
    return Usage(prompt_tokens=int(tokens), total_tokens=int(tokens), model_extra=more)


def response_of(
    request: EmbeddingRequest,
    vectors: Sequence[Any],
    *,
    usage: Usage | None,
    extra: dict[str, Any],
    beside: Sequence[dict[str, Any]] = (),
) -> EmbeddingResponse:
    """The response of vectors in the order of the texts, not converted yet.

    Args:
        request: What was asked.
        vectors: The vectors.
        usage: What was counted.
        extra: What the provider said besides.
        beside: What it said besides of each text.
    """
    data = [
        Embedding(index=index, embedding=vector, model_extra=dict(beside[index]) if beside else None)
        for index, vector in enumerate(vectors)
    ]
    return EmbeddingResponse(data=data, model=request.model, usage=usage, model_extra=extra)


def as_asked(
    response: EmbeddingResponse, request: EmbeddingRequest, *, wire: str = FLOATS, asked: str = FLOATS
) -> EmbeddingResponse:
    """Put vectors into the order of the texts and the form asked for, whatever the provider sent.

    Args:
        response: What it sent.
        request: What was asked.
        wire: The numbers in the provider's base64, as an `array` type code.
        asked: The numbers in the base64 that was asked for.

    Raises:
        ValueError: There is not one vector for each text, or it is no vector.
        TypeError: A vector holds something that is no number.
    """
    data = in_order(response, request).data
    as_text = request.params.get("encoding_format") == BASE64
    for item in data:
        item.embedding = _converted(item.embedding, as_text=as_text, wire=wire, asked=asked)
    return response


def in_order(response: EmbeddingResponse, request: EmbeddingRequest) -> EmbeddingResponse:
    """Put vectors into the order of the texts.

    Raises:
        ValueError: There is not one vector for each text.
    """
    data = response.data
    data.sort(key=lambda item: item.index)
    if [item.index for item in data] != list(range(len(request.input))):
        raise ValueError(f"{len(data)} vectors for {len(request.input)} texts")
    return response


def _converted(vector: list[float] | str, *, as_text: bool, wire: str, asked: str) -> list[float] | str:
    text = vector if isinstance(vector, str) else None
    numbers = unpacked(vector, wire) if isinstance(vector, str) else vector
    if not numbers:
        raise ValueError("an empty vector")
    sum(numbers)  # refuses what is no number
    if wire != asked:
        numbers = [float(number) for number in numbers]
    if not as_text:
        return numbers
    return text if text is not None and wire == asked else packed(numbers, asked)
