"""OpenAI's chat completions, and all vendors that speak it.

What differs between vendors is data (`Vendor`): where, how the key goes, which parameters, which field names.

Source: https://developers.openai.com/api/docs, chat completions (2026-11).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import urlencode

import orjson

from aiocompl._version import __version__
from aiocompl.codecs.base import MALFORMED, raise_malformed
from aiocompl.codecs.error_shapes import decode_error, decode_stream_error, parse_body
from aiocompl.errors import BadRequestError, IncompleteStreamError
from aiocompl.types.chunk import ChatCompletionChunk
from aiocompl.types.completion import ChatCompletion
from aiocompl.types.endpoint import headers_with
from aiocompl.types.model import Model
from aiocompl.wire.messages import HTTPRequest
from aiocompl.wire.sse import SSEDecoder

if TYPE_CHECKING:
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.errors import APIError
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import ChatRequest
    from aiocompl.wire.messages import Event, FrameDecoder, HTTPResponse

USER_AGENT: Final = f"aiocompl/{__version__}"
OK: Final = 200


class OpenAICodec:
    """OpenAI's dialect, bound to one endpoint of one vendor. See `Codec` for the contract."""

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._url = self._chat_url()
        usual = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
        self.headers = headers_with(self._auth_headers(vendor) | usual, dict(endpoint.extra_headers))
        self._renames = _renames(vendor)
        self._defaults = vendor.defaults
        self.native_params = vendor.native
        self.unsupported_params = vendor.unsupported

    def encode_request(self, request: ChatRequest) -> HTTPRequest:
        """Make the HTTP request; see `Codec`."""
        body: dict[str, Any] = {"model": request.model, "messages": request.messages}
        if request.params:
            body.update(request.params)
            for given, sent in self._renames:
                if given in body:
                    value = body.pop(given)
                    body.setdefault(sent, value)
        for name, value in self._defaults:
            body.setdefault(name, value)
        if request.stream:
            body["stream"] = True
        if request.extra_body:
            body.update(request.extra_body)
        url = f"{self._url}{self._query(request.extra_query)}" if request.extra_query else self._url
        headers = headers_with(self.headers, request.extra_headers) if request.extra_headers else self.headers
        return HTTPRequest(
            url, headers, encode_body(body, provider=self._endpoint.provider, model=request.model)
        )

    def decode_response(self, request: ChatRequest, response: HTTPResponse) -> ChatCompletion:
        """Read a whole answer; see `Codec`."""
        try:
            data = orjson.loads(response.body)
            if data.get("error") and not data.get("choices"):
                raise self._error_inside(data, request, response.headers)
            return ChatCompletion.take(data)
        except MALFORMED as error:
            raise_malformed(
                error,
                provider=self._endpoint.provider,
                model=request.model,
                status=response.status,
                body=response.body,
            )

    def decode_error(self, request: ChatRequest, response: HTTPResponse) -> APIError:
        """Read an answer with an error status; see `Codec`."""
        endpoint = self._endpoint
        return decode_error(
            response, provider=endpoint.provider, model=request.model, api_key=endpoint.api_key
        )

    def frame_decoder(self) -> FrameDecoder:
        """Streams are server-sent events."""
        return SSEDecoder()

    def stream_decoder(self, request: ChatRequest) -> OpenAIStreamDecoder:
        """A decoder for one stream; see `Codec`."""
        endpoint = self._endpoint
        return OpenAIStreamDecoder(endpoint.provider, request.model, endpoint.api_key)

    def _error_inside(self, data: Any, request: ChatRequest, headers: Mapping[str, str]) -> APIError:
        endpoint = self._endpoint
        return decode_stream_error(
            data, headers=headers, provider=endpoint.provider, model=request.model, api_key=endpoint.api_key
        )

    def _chat_url(self) -> str:
        base, mark, query = self._endpoint.base_url.partition("?")
        base = base.rstrip("/").removesuffix("/chat/completions")
        return f"{base}/chat/completions{mark}{query}"

    def _query(self, extra: Mapping[str, str]) -> str:
        return ("&" if "?" in self._url else "?") + urlencode(extra)

    def _auth_headers(self, vendor: Vendor) -> dict[str, str]:
        endpoint, headers = self._endpoint, dict[str, str]()
        if endpoint.api_key:
            kind, _, name = vendor.auth.partition(":")
            headers |= (
                {name: endpoint.api_key}
                if kind == "header"
                else {"Authorization": f"Bearer {endpoint.api_key}"}
            )
        if endpoint.organization:
            headers["OpenAI-Organization"] = endpoint.organization
        if endpoint.project:
            headers["OpenAI-Project"] = endpoint.project
        return headers


class OpenAIStreamDecoder:
    """The events of one stream of OpenAI's dialect; see `StreamDecoder`.

    A stream is complete after ``[DONE]``, or, where a vendor leaves that out, once each choice has its finish reason.
    """

    __slots__ = ("_api_key", "_begun", "_ended", "_id", "_model", "_nameless", "_provider", "finished")

    def __init__(self, provider: str, model: str, api_key: str | None) -> None:
        self._provider = provider
        self._model = model
        self._api_key = api_key
        self._id: str | None = None
        self._nameless: list[ChatCompletionChunk] = []  # held back until the stream's id is known
        self._begun: set[int] = set()  # choices that something was said of before their finish reason
        self._ended: set[int] = set()  # choices that have their finish reason
        self.finished = False

    def feed(self, events: list[Event], into: list[ChatCompletionChunk]) -> None:
        """Take events in order; see `StreamDecoder`."""
        if self.finished:
            return
        loads, take, begun = orjson.loads, ChatCompletionChunk.take, self._begun
        for name, data in events:
            if data == b"[DONE]":
                self._release(into)
                self.finished = True
                return
            try:
                body = loads(data)
                if name == "error" or "error" in body:
                    self._check_error(name, body, into)
                chunk = take(body)
                for choice in chunk.choices:
                    (begun if choice.finish_reason is None else self._ended).add(choice.index)
            except MALFORMED as error:
                self._raise_malformed(error, name, data, into)
            if chunk.id != self._id and not self._settle_id(chunk, into):
                continue
            into.append(chunk)

    def end(self, into: list[ChatCompletionChunk]) -> None:
        """Take the end of the stream; see `StreamDecoder`."""
        self._release(into)
        if not self.finished and not (self._ended and self._begun <= self._ended):
            raise IncompleteStreamError(
                "the stream ended before its finish reason: what was received is no whole answer",
                provider=self._provider,
                model=self._model,
            )
        self.finished = True

    def _settle_id(self, chunk: ChatCompletionChunk, into: list[ChatCompletionChunk]) -> bool:
        """Give the chunk the stream's id, or hold it back: Azure's first has neither id nor choices."""
        if self._id is not None:
            chunk.id = self._id
            return True
        if not chunk.id and not chunk.choices:
            self._nameless.append(chunk)
            return False
        self._id = chunk.id
        for held in self._nameless:
            held.id, held.model = chunk.id, held.model or chunk.model
            held.created = held.created or chunk.created
        self._release(into)
        return True

    def _release(self, into: list[ChatCompletionChunk]) -> None:
        into += self._nameless
        self._nameless.clear()

    def _check_error(self, name: str, body: Any, into: list[ChatCompletionChunk]) -> None:
        """Raise the error that an event is; some vendors write ``"error": null`` into every chunk."""
        if name == "error" or body["error"]:
            self._release(into)
            raise self._error(body)
        del body["error"]

    def _error(self, body: Any) -> APIError:
        return decode_stream_error(
            body, headers={}, provider=self._provider, model=self._model, api_key=self._api_key
        )

    def _raise_malformed(
        self, cause: Exception, name: str, data: bytes, into: list[ChatCompletionChunk]
    ) -> NoReturn:
        self._release(into)
        if name == "error":  # an error all the same, if in plain text
            raise self._error(parse_body(data)) from cause
        raise_malformed(cause, provider=self._provider, model=self._model, status=OK, body=data)


def encode_body(body: Mapping[str, Any], *, provider: str, model: str) -> bytes:
    """A request body as JSON.

    Raises:
        BadRequestError: A value cannot be written as JSON; the message names its type.
    """
    try:
        return orjson.dumps(body, default=_default, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError as error:
        cause = error.__cause__ or error
        raise BadRequestError(
            f"the request cannot be written as JSON: {cause}", provider=provider, model=model
        ) from error


def _default(value: object) -> Any:
    """Write what orjson does not know: response objects put back into `messages`, and abstract mappings."""
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (frozenset, set)):
        return sorted(value)
    if isinstance(value, Collection) and not isinstance(value, (bytes, bytearray, memoryview)):
        return list(value)  # an iterator, which can be read only once, is refused
    raise TypeError(f"an object of type {type(value).__name__} has no place in a request")


def _renames(vendor: Vendor) -> tuple[tuple[str, str], ...]:
    """Which of the two fields that bound the answer is renamed to the other."""
    if vendor.max_tokens == "max_tokens":
        return (("max_completion_tokens", "max_tokens"),)
    if vendor.max_tokens == "max_completion_tokens":
        return (("max_tokens", "max_completion_tokens"),)
    return ()
