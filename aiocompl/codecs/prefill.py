"""Which models go on with an answer that was begun for them, by a last message of the assistant's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiocompl.codecs.openai import OpenAICodec

if TYPE_CHECKING:
    from aiocompl.codecs.routing import OperationRoute


def takes_prefill(route: OperationRoute[Any]) -> bool:
    """Whether the model goes on with the last message of the assistant rather than answering it.

    Known of the vendors that have a mark for it, and of Claude before 4.6; all others are taken to answer anew.
    """
    codec: object = route.codec
    if isinstance(codec, OpenAICodec):
        return codec.marks_prefill
    from aiocompl.codecs.anthropic.codec import AnthropicCodec  # noqa: PLC0415 - a dialect loads when it is spoken
    from aiocompl.codecs.anthropic.models import claude_of  # noqa: PLC0415 - the same

    return isinstance(codec, AnthropicCodec) and claude_of(route.model).takes_prefill
