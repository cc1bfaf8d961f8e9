"""Drives a codec in its tests: requests made, answers and streams decoded, with as few words as may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import orjson

from aiocompl.errors import AiocomplError
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aiocompl.codecs.base import Codec
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.completion import ChatCompletion

USER = {"role": "user", "content": "Hi"}


@attrs.frozen
class Driver:
    """One codec, asked for one model."""

    codec: Codec
    model: str

    def request(self, *messages: dict[str, Any], stream: bool = False, **params: Any) -> ChatRequest:
        return ChatRequest(self.model, list(messages or (USER,)), params, stream=stream)

    def encode(self, *messages: dict[str, Any], **params: Any) -> Any:
        """The body that is sent for these messages and parameters."""
        return orjson.loads(self.codec.encode_request(self.request(*messages, **params)).body)

    def decode(self, body: Any) -> ChatCompletion:
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        return self.codec.decode_response(self.request(), HTTPResponse(200, {}, raw))

    def decode_stream(self, slices: Iterable[bytes]) -> list[ChatCompletionChunk]:
        """A whole stream, as the runtime decodes it."""
        chunks: list[ChatCompletionChunk] = []
        request = self.request(stream=True)
        frames, decoder = self.codec.frame_decoder(), self.codec.stream_decoder(request)
        for data in slices:
            decoder.feed(frames.feed(data), chunks)
        decoder.feed(frames.end(), chunks)
        decoder.end(chunks)
        return chunks


def fault(act: Callable[[], object]) -> AiocomplError | None:
    try:
        act()
    except AiocomplError as error:
        return error
    return None


def sse(*events: dict[str, Any], done: bool = True) -> bytes:
    """Server-sent events named after their ``type``."""
    lines = [f"event: {event.get('type')}\ndata: {orjson.dumps(event).decode()}\n\n" for event in events]
    return "".join([*lines, "data: [DONE]\n\n" if done else ""]).encode()


def json_lines(*events: dict[str, Any]) -> bytes:
    return b"".join(orjson.dumps(event) + b"\n" for event in events)
