"""Streams of vendors that are read loosely: the chunks are put right one by one; see `openai_loose`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl._compat import override
from aiocompl.codecs.openai_citations import StreamCitations
from aiocompl.codecs.openai_loose import (
    OPENAI_REASONS,
    CallIndex,
    choice_error,
    fix_error,
    fix_logprobs,
    fix_reason,
    fix_usage,
)
from aiocompl.codecs.openai_stream import OpenAIStreamDecoder
from aiocompl.codecs.think_tags import ThinkTags
from aiocompl.types.chunk import ChatCompletionChunk
from aiocompl.types.completion import Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocompl.codecs.openai_loose import LooseReader
    from aiocompl.types.model import JSON

_HEADING: Final = ("created", "model")
"""What all chunks of a stream share, besides the id."""


class LooseStreamDecoder(OpenAIStreamDecoder):
    """One stream of a vendor that is read loosely; see `StreamDecoder`."""

    __slots__ = ("_calls", "_citations", "_heading", "_reader", "_tag", "_tags", "_usage")

    def __init__(self, provider: str, model: str, api_key: str | None, reader: LooseReader) -> None:
        super().__init__(provider, model, api_key)
        self._reader = reader
        self._tag = reader.think_tag
        self._tags: dict[int, ThinkTags] = {}  # of the choices whose content may still hold reasoning
        self._calls: dict[int, CallIndex] = {}
        self._citations = StreamCitations() if reader.cites else None
        self._usage: JSON | None = None  # counted so far; only the last count is passed on
        self._heading: JSON = {}

    @override
    def _loader(self) -> Callable[[bytes], Any]:
        return self._load

    def _load(self, data: bytes) -> Any:
        return self._fixed(orjson.loads(data))

    def _fixed(self, body: JSON) -> JSON:
        """Put a chunk right."""
        if not self._heading:
            self._heading = {name: body[name] for name in _HEADING if name in body}
        if "x_groq" in body or "base_resp" in body:
            fix_error(body)
        choices = body.get("choices")
        if choices is None:
            if "error" not in body and ("usage" in body or "choices" in body):
                body["choices"] = []
            choices = ()
        over = False
        for choice in choices:
            over = self._load_choice(choice, body) or over
        if body.get("usage") or "x_groq" in body:
            self._load_usage(body, final=over or not choices)
        if self._citations is not None:
            self._citations.take(body)
        return body

    def _load_choice(self, choice: JSON, body: JSON) -> bool:
        """Put a choice right; whether it has its finish reason."""
        index = choice.get("index") or 0
        if "message" in choice:  # Perplexity's and Writer's repeat the delta, or all that came before
            message = choice.pop("message")
            if "delta" not in choice and index not in self._begun:
                choice["delta"] = message
        if "usage" in choice:  # Moonshot's
            usage = choice.pop("usage")
            body["usage"] = body.get("usage") or usage
        reason = choice.get("finish_reason")
        if "error" in choice or reason not in OPENAI_REASONS:
            if failure := choice_error(choice):
                body["error"] = body.get("error") or failure
            fix_reason(choice)
        delta = choice.get("delta")
        if choice.get("logprobs") is not None:
            fix_logprobs(choice, (delta or {}).get("content"))
        if delta:
            self._load_delta(delta, index, body)
        if reason and index in self._tags:
            self._end_content(choice, index)
        return bool(reason)

    def _load_delta(self, delta: JSON, index: int, body: JSON) -> None:
        if len(delta) > 1 or "content" not in delta or type(delta["content"]) is list:
            calls = self._calls.get(index)
            if calls is None:
                calls = self._calls[index] = CallIndex(body.get("id") or self._id or "", index)
            elif "role" in delta:  # OpenRouter repeats it in every chunk
                del delta["role"]
            self._reader.fix_message(delta, calls)
        if self._tag:
            tags = self._tags.get(index)
            if tags is None:
                tags = self._tags[index] = ThinkTags(self._tag)
            content = delta.get("content")
            if content and type(content) is str:
                reasoning, delta["content"] = tags.feed(content)
                if reasoning:
                    delta["reasoning_content"] = (delta.get("reasoning_content") or "") + reasoning

    def _end_content(self, choice: JSON, index: int) -> None:
        reasoning, text = self._tags[index].end()
        if reasoning or text:
            delta = choice["delta"] = choice.get("delta") or {}
            delta["content"] = (delta.get("content") or "") + text
            if reasoning:
                delta["reasoning_content"] = (delta.get("reasoning_content") or "") + reasoning

    def _load_usage(self, body: JSON, *, final: bool) -> None:
        """Pass the usage on with the finish reason or after it; before that it is a count in the making."""
        fix_usage(body)
        if not body.get("usage"):
            return
        if final or self._ended:
            self._usage = None
        else:
            self._usage = body.pop("usage")

    @override
    def _close(self, into: list[ChatCompletionChunk]) -> None:
        super()._close(into)
        for index, tags in self._tags.items():
            reasoning, text = tags.end()
            if reasoning or text:
                delta = {"content": text, "reasoning_content": reasoning or None}
                into.append(self._chunk([{"index": index, "delta": delta}]))
        for index, calls in self._calls.items() if self.finished else ():
            if calls.count and index not in self._ended:  # xAI's finish reason may be empty beside tool calls
                into.append(self._chunk([{"index": index, "delta": {}, "finish_reason": "tool_calls"}]))
        if self._usage is not None:
            chunk = self._chunk([])
            chunk.usage = Usage.take(self._usage)
            self._usage = None
            into.append(chunk)

    def _chunk(self, choices: list[JSON]) -> ChatCompletionChunk:
        return ChatCompletionChunk.take({"id": self._id or "", "choices": choices, **self._heading})
