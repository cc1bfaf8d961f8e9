"""A request that has its model go on with an answer that was begun: whether it can, and how it is put."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

import attrs

from aiocompl.codecs.openai_params import is_prefill

if TYPE_CHECKING:
    from aiocompl.codecs.base import Codec
    from aiocompl.types.request import ChatRequest

_IN_THE_WAY: Final = frozenset({"functions", "reasoning_effort", "response_format", "thinking", "tools"})
"""Parameters with which an answer is more than text that can be gone on with, or is thought about first."""


@runtime_checkable
class Prefiller(Protocol):
    """A codec some of whose models go on with a last message of the assistant's, and are known to."""

    def takes_prefill(self, model: str) -> bool:
        """Whether a model does."""
        ...

    @property
    def may_echo(self) -> bool:
        """Whether the answer may repeat first what it was given."""
        ...


@attrs.frozen
class Prefilled:
    """A request with the beginning of its answer."""

    request: ChatRequest
    text: str
    """The beginning: what was wanted, without the white space at its end, which some refuse."""
    may_echo: bool
    """Whether the answer may repeat it first."""


def prefilled(request: ChatRequest, text: str, codec: Codec) -> Prefilled | None:
    """The request with `text` as the beginning of its answer, or None where its model is not known to go on with that.

    Args:
        request: What was asked; it is not changed. A beginning that it has itself stays before the text, if that can be told from it.
        text: What there is of the answer.
        codec: Who says it to the model.
    """
    begun = text.rstrip()
    if not begun or not isinstance(codec, Prefiller) or not codec.takes_prefill(request.model):
        return None
    if _IN_THE_WAY & request.params.keys() or (request.params.get("n") or 1) != 1:
        return None
    messages: list[Any] = [*request.messages]
    if is_prefill(messages):
        own = messages.pop()
        if codec.may_echo or not isinstance(own["content"], str):
            return None
        messages.append({**own, "content": own["content"] + begun})
    else:
        messages.append({"role": "assistant", "content": begun})
    return Prefilled(attrs.evolve(request, messages=messages), begun, codec.may_echo)
