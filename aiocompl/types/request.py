"""A chat request: frozen, checked, and the same however often it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    from aiocompl.types.completion import ChatCompletionMessage
    from aiocompl.types.structured import AnswerType

    Messages: TypeAlias = Sequence[Mapping[str, Any] | ChatCompletionMessage]
    """What a caller gives as `messages`: mappings in OpenAI's shape, or messages out of answers."""


@attrs.define(eq=False)
class ChatRequest:
    """One call as the codecs see it. Nobody changes it, or anything it holds, once it is made.

    Attributes that concern how the call is made (deadline, retries, credentials) are not here: a codec has no use for
    them.
    """

    model: str
    """The model name as the provider knows it."""

    messages: Sequence[Mapping[str, Any]] = attrs.field(repr=False)
    """Checked by `check_messages`; plain mappings."""

    params: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    """OpenAI's parameters and the dialect's own; only those that were given."""

    stream: bool = False

    extra_headers: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    extra_query: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    extra_body: Mapping[str, Any] | None = attrs.field(default=None, repr=False)

    answer_type: AnswerType | None = attrs.field(default=None, repr=False)
    """How the answer's content is to be read, where a class was given as `response_format`. No codec's business: what
    codecs see in `params` is the mapping that asks for it."""

    legacy: bool = False
    """The call came with `functions`, which `params` has as `tools`: so its answer has to have a `function_call`."""
