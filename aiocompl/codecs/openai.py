"""OpenAI's chat completions, and all vendors that speak it.

What differs between vendors is data (`Vendor`): where, how the key goes, which parameters, which field names. What
needs code besides is chosen once, when a codec is made: `openai_messages` writes messages for vendors who want them
otherwise, `openai_loose` reads answers that stray from OpenAI's, `openai_models` knows what OpenAI's models refuse.

Source: https://developers.openai.com/api/docs, chat completions (2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import orjson

from aiocompl._version import __version__
from aiocompl.codecs.answer_tool import AnswerStreamDecoder, read_answer
from aiocompl.codecs.base import MALFORMED, raise_malformed
from aiocompl.codecs.error_shapes import decode_error, decode_stream_error, is_error, parse_body
from aiocompl.codecs.openai_answer import answer_rules_for
from aiocompl.codecs.openai_messages import takes_marks, unmarked, writer_for
from aiocompl.codecs.openai_models import check_params
from aiocompl.codecs.openai_params import CONTINUE, is_prefill, rules_for
from aiocompl.codecs.openai_stream import OpenAIStreamDecoder
from aiocompl.errors import BadRequestError
from aiocompl.types.completion import ChatCompletion
from aiocompl.types.endpoint import headers_with
from aiocompl.types.model import Model
from aiocompl.wire.messages import HTTPRequest
from aiocompl.wire.sse import SSEDecoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiocompl.codecs.base import StreamDecoder
    from aiocompl.codecs.openai_loose import LooseReader
    from aiocompl.codecs.openai_loose_stream import LooseStreamDecoder
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.errors import APIError
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import ChatRequest
    from aiocompl.wire.messages import FrameDecoder, HTTPResponse

__all__ = [
    "USER_AGENT",
    "OpenAICodec",
    "OpenAIStreamDecoder",
    "auth_headers",
    "encode_body",
    "openai_headers",
]

USER_AGENT: Final = f"aiocompl/{__version__}"

_USAGE: Final[Mapping[str, object]] = {"include_usage": True}
"""The `stream_options` where the caller gives none: the whole answer of a stream has its usage, as a blocking one has."""

_DATED: Final = re.compile(r"[?&]api-version=(\d{4}-\d{2})")


class OpenAICodec:
    """OpenAI's dialect, bound to one endpoint of one vendor. See `Codec` for the contract."""

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._url = self._chat_url(vendor.path)
        self.headers = openai_headers(vendor, endpoint)
        self._renames = _renames(vendor)
        self._defaults = vendor.defaults
        self.native_params = vendor.native
        self._answers = answer_rules_for(vendor)
        self.unsupported_params = (
            vendor.unsupported if self._answers is None else self._answers.unsupported_params
        )
        self.takes_functions = vendor.functions
        self._implied = vendor.implied
        self._required = None if vendor.required == "required" else vendor.required
        self._check_model = vendor.openai_models
        self._marks = takes_marks(vendor)
        self._rules = rules_for(vendor)
        self._model_prefix = vendor.model_prefix
        self._asks_usage = _asks_usage(vendor, self._url)
        self._prefill = None if vendor.prefill == "as_given" else vendor.prefill
        self._prefill_url = self._url
        if vendor.prefill_base and endpoint.base_url.startswith(vendor.base_url):
            self._prefill_url = f"{vendor.prefill_base}{vendor.path}"
        self._writer = writer_for(vendor)
        self._reader = _reader_for(vendor)

    @property
    def may_echo(self) -> bool:
        """Whether the beginning of an answer is repeated, as Mistral does with what is marked so; see `Prefiller`."""
        return self._prefill == "prefix"

    def takes_prefill(self, model: str) -> bool:
        """The vendor is told to go on, by whatever means; others may answer anew. See `Prefiller`."""
        return self._prefill is not None

    def encode_request(self, request: ChatRequest) -> HTTPRequest:
        """Make the HTTP request; see `Codec`."""
        url = self._url
        if self._prefill is not None and is_prefill(request.messages):
            url = self._prefill_url
        return self._http_request(request, url, self._body(request))

    def decode_response(self, request: ChatRequest, response: HTTPResponse) -> ChatCompletion:
        """Read a whole answer; see `Codec`."""
        try:
            data = orjson.loads(response.body)
            if self._reader is not None:
                self._reader.read(data)
            if data.get("error") and not data.get("choices"):
                raise self._error_inside(data, request, response.headers)
            completion = ChatCompletion.take(data)
        except MALFORMED as error:
            body = parse_body(response.body)
            if is_error(body):
                raise self._error_inside(body, request, response.headers) from error
            raise_malformed(
                error,
                provider=self._endpoint.provider,
                model=request.model,
                status=response.status,
                body=response.body,
            )
        if self._by_tool(request):
            read_answer(completion)
        return completion

    def decode_error(self, request: ChatRequest, response: HTTPResponse) -> APIError:
        """Read an answer with an error status; see `Codec`."""
        endpoint = self._endpoint
        return decode_error(
            response, provider=endpoint.provider, model=request.model, api_key=endpoint.api_key
        )

    def frame_decoder(self) -> FrameDecoder:
        """Streams are server-sent events."""
        return SSEDecoder()

    def stream_decoder(self, request: ChatRequest) -> StreamDecoder:
        """A decoder for one stream; see `Codec`."""
        endpoint, reader = self._endpoint, self._reader
        inner = (
            OpenAIStreamDecoder(endpoint.provider, request.model, endpoint.api_key)
            if reader is None
            else _loose_decoder()(endpoint.provider, request.model, endpoint.api_key, reader)
        )
        return AnswerStreamDecoder(inner) if self._by_tool(request) else inner

    def _by_tool(self, request: ChatRequest) -> bool:
        """Whether the answer comes as the arguments of a tool."""
        return self._answers is not None and self._answers.are_for(request)

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        if self._answers is not None and "response_format" in request.params:
            request = self._answers.apply(request)
        messages: Sequence[Mapping[str, Any]] = request.messages
        if self._writer is not None:
            messages = self._writer.write(messages, request.model, request.params)
        model = request.model
        if self._model_prefix and "/" not in model:
            model = self._model_prefix + model
        body: dict[str, Any] = {"model": model, "messages": messages}
        if request.params:
            self._put_params(body, request)
        for name, value in self._defaults:
            body.setdefault(name, value)
        if request.stream:
            body["stream"] = True
            if self._asks_usage:
                body.setdefault("stream_options", _USAGE)
        if self._prefill == "continue" and is_prefill(request.messages):
            body |= CONTINUE
        if request.extra_body:
            body.update(request.extra_body)
        return body

    def _http_request(self, request: ChatRequest, url: str, body: Mapping[str, Any]) -> HTTPRequest:
        if request.extra_query:
            url += ("&" if "?" in url else "?") + urlencode(request.extra_query)
        headers = headers_with(self.headers, request.extra_headers) if request.extra_headers else self.headers
        return HTTPRequest(
            url, headers, encode_body(body, provider=self._endpoint.provider, model=request.model)
        )

    def _put_params(self, body: dict[str, Any], request: ChatRequest) -> None:
        if self._check_model:
            check_params(request.model, request.params, provider=self._endpoint.provider)
        body.update(request.params)
        if not self._marks and body.get("tools"):
            body["tools"] = [unmarked(tool) for tool in body["tools"]]
        for given, sent in self._renames:
            if given in body:
                value = body.pop(given)
                body.setdefault(sent, value)
        for name in self._implied:
            body.pop(name, None)
        if self._rules is not None:
            self._rules.apply(body, request.model)
        if self._required is not None and body.get("tool_choice") == "required":
            body["tool_choice"] = self._required

    def _error_inside(self, data: Any, request: ChatRequest, headers: Mapping[str, str]) -> APIError:
        endpoint = self._endpoint
        return decode_stream_error(
            data, headers=headers, provider=endpoint.provider, model=request.model, api_key=endpoint.api_key
        )

    def _chat_url(self, path: str) -> str:
        base, mark, query = self._endpoint.base_url.partition("?")
        base = base.rstrip("/").removesuffix(path)
        return f"{base}{path}{mark}{query}"


def auth_headers(vendor: Vendor, endpoint: Endpoint) -> dict[str, str]:
    """The header that carries the key, as the vendor wants it; none where there is no key."""
    if not endpoint.api_key:
        return {}
    kind, _, name = vendor.auth.partition(":")
    return {name: endpoint.api_key} if kind == "header" else {"Authorization": f"Bearer {endpoint.api_key}"}


def openai_headers(vendor: Vendor, endpoint: Endpoint) -> Mapping[str, str]:
    """The headers of every request to an endpoint: the key where the vendor wants it, and for whom it is spent."""
    headers = auth_headers(vendor, endpoint)
    if endpoint.organization:
        headers["OpenAI-Organization"] = endpoint.organization
    if endpoint.project:
        headers["OpenAI-Project"] = endpoint.project
    headers |= {"Content-Type": "application/json", "User-Agent": USER_AGENT}
    return headers_with(headers, dict(endpoint.extra_headers))


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
    """Parameters that go under another name: the vendor's, and of the two that bound the answer the one it lacks."""
    if vendor.max_tokens == "max_tokens":
        return (("max_completion_tokens", "max_tokens"), *vendor.renames)
    if vendor.max_tokens == "max_completion_tokens":
        return (("max_tokens", "max_completion_tokens"), *vendor.renames)
    return vendor.renames


def _asks_usage(vendor: Vendor, url: str) -> bool:
    """Whether streams are asked for their usage: the vendor takes that, at this API version."""
    dated = _DATED.search(url)
    return vendor.usage_asked and (dated is None or dated[1] >= vendor.usage_since)


def _reader_for(vendor: Vendor) -> LooseReader | None:
    """What puts the vendor's answers right, or None where they are as OpenAI's."""
    if not vendor.loosely:
        return None
    from aiocompl.codecs.openai_loose import LooseReader  # noqa: PLC0415 - loads with the first such vendor

    return LooseReader(vendor)


@cache
def _loose_decoder() -> type[LooseStreamDecoder]:
    from aiocompl.codecs.openai_loose_stream import LooseStreamDecoder  # noqa: PLC0415 - with the first such stream

    return LooseStreamDecoder
