"""OpenAI's Responses API as a second dialect of OpenAI's, and of those who copy it."""

from aiocompl.codecs.responses.codec import ResponsesCodec

__all__ = ["ResponsesCodec"]
