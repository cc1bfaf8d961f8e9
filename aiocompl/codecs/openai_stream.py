"""Streams of OpenAI's chat completions.

Source: https://developers.openai.com/api/docs, chat completion chunks (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn

import orjson

from aiocompl.codecs.base import MALFORMED, raise_malformed
from aiocompl.codecs.error_shapes import decode_stream_error, is_error, parse_body
from aiocompl.errors import IncompleteStreamError
from aiocompl.types.chunk import ChatCompletionChunk

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocompl.errors import APIError
    from aiocompl.wire.messages import Event

OK: Final = 200


class OpenAIStreamDecoder:
    """The events of one stream of OpenAI's dialect; see `StreamDecoder`.

    A stream is complete after ``[DONE]``, or, where a vendor leaves that out, once each choice has its finish reason.
    """

    __slots__ = (
        "_api_key",
        "_begun",
        "_ended",
        "_id",
        "_model",
        "_nameless",
        "_provider",
        "finished",
    )

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
        loads, take, begun = self._loader(), ChatCompletionChunk.take, self._begun
        for name, data in events:
            if data == b"[DONE]":
                self.finished = True
                self._close(into)
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
            if chunk.id != self._id and not self._settle_id(chunk):
                continue
            into.append(chunk)

    def end(self, into: list[ChatCompletionChunk]) -> None:
        """Take the end of the stream; see `StreamDecoder`."""
        if self.finished:
            return
        self._close(into)
        if not (self._ended and self._begun <= self._ended):
            raise IncompleteStreamError(
                "the stream ended before its finish reason: what was received is no whole answer",
                provider=self._provider,
                model=self._model,
            )
        self.finished = True

    def _loader(self) -> Callable[[bytes], Any]:
        """What reads an event's data; a dialect that strays puts it right here."""
        return orjson.loads

    def _close(self, into: list[ChatCompletionChunk]) -> None:
        """Append what the stream still has to say at its end; `finished` tells whether the vendor marked that end."""
        self._release(into)

    def _settle_id(self, chunk: ChatCompletionChunk) -> bool:
        """Give the chunk the stream's id, or hold it back: Azure's first has neither id nor choices.

        What was held back goes into the first chunk that has an id, so that `choices[0]` is there for whoever reads.
        """
        if self._id is not None:
            chunk.id = self._id
            return True
        if not chunk.id and not chunk.choices:
            self._nameless.append(chunk)
            return False
        self._id = chunk.id
        for held in self._nameless:
            chunk.usage = chunk.usage or held.usage
            chunk.service_tier = chunk.service_tier or held.service_tier
            chunk.system_fingerprint = chunk.system_fingerprint or held.system_fingerprint
            for field, value in held.model_extra.items():
                chunk.model_extra.setdefault(field, value)
        self._nameless.clear()
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
        body = parse_body(data)
        if name == "error" or is_error(body):  # an error all the same, if in plain text or in a list
            raise self._error(body) from cause
        raise_malformed(cause, provider=self._provider, model=self._model, status=OK, body=data)
