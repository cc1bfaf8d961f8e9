"""Older text-generation containers: a prompt as ``inputs``, and ``parameters``; no roles, no tools.

The prompt is the text of the messages as it is. How a model wants its roles marked nobody here knows; whoever needs
more than a system text and a question writes the marks into the text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl._compat import override
from aiocompl.codecs.base import MALFORMED, raise_malformed
from aiocompl.codecs.bound import BoundCodec
from aiocompl.codecs.error_shapes import decode_stream_error, is_error, parse_body
from aiocompl.codecs.openai import encode_body
from aiocompl.codecs.parts import SYSTEM_ROLES, Text, parts_of, text_of
from aiocompl.codecs.sagemaker.calls import Invocation
from aiocompl.codecs.sagemaker.errors import answer_error, event_error
from aiocompl.codecs.sagemaker.frames import FAILURES, PayloadDecoder
from aiocompl.errors import IncompleteStreamError, UnsupportedParamsError
from aiocompl.types.completion import ChatCompletion, ChatCompletionMessage, Choice, Usage
from aiocompl.types.endpoint import headers_with
from aiocompl.types.params import OPENAI_PARAMS
from aiocompl.types.pieces import Chunks
from aiocompl.wire.messages import HTTPRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.codecs.vendor import Vendor
    from aiocompl.errors import APIError
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.model import JSON
    from aiocompl.types.request import ChatRequest, Request
    from aiocompl.wire.messages import Event, FrameDecoder, HTTPResponse

PARAMETERS: Final[Mapping[str, str]] = {
    "frequency_penalty": "frequency_penalty",
    "max_completion_tokens": "max_new_tokens",
    "max_tokens": "max_new_tokens",
    "repetition_penalty": "repetition_penalty",
    "seed": "seed",
    "stop": "stop",
    "temperature": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
}
"""What each parameter is called here; there are no others."""

FINISH_REASONS: Final[Mapping[str, str]] = {"length": "length", "eos_token": "stop", "stop_sequence": "stop"}

_NATIVE: Final = frozenset({"top_k", "repetition_penalty"})
_OK: Final = 200


class InputsCodec(BoundCodec):
    """``{"inputs": ..., "parameters": {...}}`` to SageMaker endpoints, by ``sagemaker/inputs/<endpoint>``. See `Codec`.

    Args:
        vendor: The vendor's row.
        endpoint: See `Invocation`.
    """

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        super().__init__(
            vendor, endpoint, url="", native=_NATIVE, unsupported=OPENAI_PARAMS.difference(PARAMETERS)
        )
        self.native_params = _NATIVE
        self._calls = Invocation(endpoint)
        self.region = self._calls.region
        self.signs = self._calls.signs
        self.sign = self._calls.sign

    def encode_request(self, request: ChatRequest) -> HTTPRequest:
        """Make the HTTP request; see `Codec`."""
        parameters = {PARAMETERS.get(name, name): value for name, value in request.params.items()}
        if isinstance(stop := parameters.get("stop"), str):
            parameters["stop"] = [stop]
        body: dict[str, Any] = {"inputs": prompt_of(request.messages)}
        if parameters:
            body["parameters"] = parameters
        if request.stream:
            body["stream"] = True
        if request.extra_body:
            body.update(request.extra_body)
        headers = headers_with(self.headers, request.extra_headers) if request.extra_headers else self.headers
        written = encode_body(body, provider=self._endpoint.provider, model=request.model)
        return HTTPRequest(self._calls.url(request), headers, written)

    def decode_response(self, request: ChatRequest, response: HTTPResponse) -> ChatCompletion:
        """Read a whole answer; see `Codec`. A prompt that is repeated before the answer is taken off it."""
        try:
            data = orjson.loads(response.body)
            data = data[0] if isinstance(data, list) else data
            details = data.pop("details", None) or {}
            text = data.pop("generated_text").removeprefix(prompt_of(request.messages))
            native: str | None = details.get("finish_reason")
            return ChatCompletion(
                id=response.headers.get("x-amzn-requestid", ""),
                model=request.model,
                choices=[
                    Choice(
                        index=0,
                        message=ChatCompletionMessage(content=text, model_extra=_kept(data, details)),
                        finish_reason=_reason(native),
                        model_extra={"native_finish_reason": native},
                    )
                ],
                usage=_usage(details),
            )
        except MALFORMED as error:
            body = parse_body(response.body)
            if is_error(body):
                raise _stream_error(body, self._endpoint, request.model) from error
            self._raise_malformed(error, request, response)

    @override
    def decode_error(self, request: Request, response: HTTPResponse) -> APIError:
        """Read an answer with an error status; see `Codec`."""
        return answer_error(response, self._endpoint, request.model)

    def frame_decoder(self) -> FrameDecoder:
        """Streams are server-sent events in AWS event streams."""
        return PayloadDecoder()

    def stream_decoder(self, request: ChatRequest) -> InputsStreamDecoder:
        """A decoder for one stream; see `Codec`."""
        return InputsStreamDecoder(self._endpoint, request.model)


class InputsStreamDecoder:
    """One stream: a token an event, the last with the finish reason. See `StreamDecoder`."""

    __slots__ = ("_chunks", "_endpoint", "_model", "finished")

    def __init__(self, endpoint: Endpoint, model: str) -> None:
        self._endpoint = endpoint
        self._model = model
        self._chunks = Chunks(model)
        self.finished = False

    def feed(self, events: list[Event], into: list[ChatCompletionChunk]) -> None:
        """Take events in order; see `StreamDecoder`."""
        for name, data in events:
            if self.finished:
                return
            if name.startswith(FAILURES):
                raise event_error(name, data, self._endpoint, self._model)
            try:
                self._take(orjson.loads(data), into)
            except MALFORMED as error:
                raise_malformed(
                    error, provider=self._endpoint.provider, model=self._model, status=_OK, body=data
                )

    def end(self, into: list[ChatCompletionChunk]) -> None:
        """Take the end of the stream; see `StreamDecoder`."""
        if not self.finished:
            raise IncompleteStreamError(
                "the stream ended before its last token: what was received is no whole answer",
                provider=self._endpoint.provider,
                model=self._model,
            )

    def _take(self, event: JSON, into: list[ChatCompletionChunk]) -> None:
        if "error" in event:
            raise _stream_error(event, self._endpoint, self._model)
        token = event.pop("token")
        if not token.get("special"):
            into.append(self._chunks.piece(content=token["text"]))
        details = event.pop("details", None)
        if event.pop("generated_text", None) is None and not details:
            return
        details = details or {}
        native: str | None = details.get("finish_reason")
        into.append(self._chunks.last(_reason(native), native, _kept({}, details) or None))
        if (usage := _usage(details)) is not None:
            into.append(self._chunks.usage(usage))
        self.finished = True


def prompt_of(messages: Sequence[Mapping[str, Any]]) -> str:
    """The prompt: system texts and the user's, a blank line between them.

    Raises:
        UnsupportedParamsError: An assistant or a tool speaks, which cannot be said without roles; or there is more than text.
    """
    texts: list[str] = []
    for index, message in enumerate(messages):
        role = message["role"]
        if role != "user" and role not in SYSTEM_ROLES:
            raise UnsupportedParamsError(
                "a bare prompt has no roles: write the conversation into one message, with the marks that the model "
                "wants, or use a container with the Messages API",
                param=f"messages[{index}].role",
            )
        for part in parts_of(message.get("content")):
            if not isinstance(part, Text):
                raise UnsupportedParamsError(
                    "a bare prompt can hold nothing but text", param=f"messages[{index}].content"
                )
        texts.append(text_of(message.get("content")))
    return "\n\n".join(texts)


def _reason(native: str | None) -> str | None:
    """OpenAI's word; None where the container does not say why it ended, as it does only with its details."""
    return FINISH_REASONS.get(native, native) if native is not None else None


def _kept(data: JSON, details: JSON) -> JSON:
    """What OpenAI's message has no place for."""
    kept = data | ({"details": details} if details else {})
    return {"provider_specific_fields": kept} if kept else {}


def _usage(details: JSON) -> Usage | None:
    """Only what was written is counted, and the prompt where its tokens are listed."""
    if (written := details.get("generated_tokens")) is None:
        return None
    asked = details.get("input_length") or len(details.get("prefill") or ())
    return Usage(prompt_tokens=asked, completion_tokens=written, total_tokens=asked + written)


def _stream_error(data: object, endpoint: Endpoint, model: str) -> APIError:
    return decode_stream_error(
        data, headers={}, provider=endpoint.provider, model=model, api_key=endpoint.api_key
    )
