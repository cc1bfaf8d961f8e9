"""How many tokens texts and prompts are: counted offline where the tokenizer is known, else estimated.

`token_counter` is LiteLLM's; `atoken_counter` loads the tokenizer beside the loop.
"""

from __future__ import annotations

import asyncio
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Self

from aiocompl.errors import BadRequestError
from aiocompl.policy.families import family_of
from aiocompl.policy.tokens import count_prompt, count_texts, estimate_tokens, pieces
from aiocompl.types.checks import check_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiocompl.policy.tokens import Count
    from aiocompl.types.request import Messages

_LONG: Final = 10_000
"""Characters from which on a text is counted in a worker thread: that is about a millisecond's work."""

_PIECE: Final = 20_000
"""The tokenizer lets no other thread run while it counts, so it gets no more characters than these at once."""

_TOKENIZERS: Final[dict[str, Count | None]] = {}
_LOADING: Final = Lock()


class TokenCount(int):
    """A number of tokens that says whether it is an estimate."""

    estimated: bool
    """False where the model's own tokenizer has counted, and all that stands around the text is known."""

    def __new__(cls, value: int, *, estimated: bool = True) -> Self:  # noqa: D102 - see the class
        count = super().__new__(cls, value)
        count.estimated = estimated
        return count


def token_counter(
    model: str | None = None,
    text: str | Sequence[str] | None = None,
    *,
    messages: Messages | None = None,
    tools: Sequence[Any] | None = None,
) -> TokenCount:
    """How many tokens a text or a prompt is for a model. Never asks anyone, never downloads anything.

    With the extra `tokens` it is exact for texts to OpenAI's models, and for messages of plain text to those up to
    GPT-4.1. Everything else is an estimate, `count.estimated` says so.

    The tokenizer takes about a tenth of a second to load. In a running event loop it is therefore only used once it is
    loaded (by `await atoken_counter(...)`, say), and until then the count is an estimate; anywhere else it is loaded here.

    Args:
        model: The model's name, with or without its provider; None for one that is not known.
        text: A text, or texts, counted as they are.
        messages: Messages in OpenAI's shape, counted with what stands around them in a prompt.
        tools: Tools in OpenAI's shape that go with the messages.

    Raises:
        BadRequestError: There are neither messages nor a text, there are both, or they are not as the API takes them.
    """
    work = _work(model, text, messages, tools)
    name = family_of(model).encoding
    return work(_TOKENIZERS.get(name) if _in_loop() else _tokenizer(name))


async def atoken_counter(
    model: str | None = None,
    text: str | Sequence[str] | None = None,
    *,
    messages: Messages | None = None,
    tools: Sequence[Any] | None = None,
) -> TokenCount:
    """The same as `token_counter`, with the tokenizer loaded in a worker thread, where long texts are counted too.

    Cancelled: the thread goes on to its end; what it has loaded stays for the next call.
    """
    work = _work(model, text, messages, tools)
    name = family_of(model).encoding
    if name not in _TOKENIZERS:
        await asyncio.to_thread(_tokenizer, name)
    tokenizer = _TOKENIZERS[name]
    if _length(text, messages) < _LONG:
        return work(tokenizer)
    return await asyncio.to_thread(work, tokenizer)


def _work(
    model: str | None,
    text: str | Sequence[str] | None,
    messages: Messages | None,
    tools: Sequence[Any] | None,
) -> Callable[[Count | None], TokenCount]:
    """What counts, given a tokenizer or None."""
    if (text is None) == (messages is None):
        raise BadRequestError("give token_counter either text= or messages=", param="messages")
    family = family_of(model)
    checked = None if messages is None else check_messages(messages)

    def work(tokenizer: Count | None) -> TokenCount:
        count = tokenizer or estimate_tokens
        if checked is not None:
            tokens, exact = count_prompt(checked, tools, family, count)
        else:
            texts = [text] if isinstance(text, str) else text or ()
            tokens, exact = count_texts(texts, family, count)
        return TokenCount(tokens, estimated=tokenizer is None or not exact)

    return work


def _length(text: str | Sequence[str] | None, messages: Messages | None) -> int:
    """About how many characters there are."""
    if isinstance(text, str):
        return len(text)
    if text is not None:
        return sum(map(len, text))
    contents = (message.get("content") for message in messages or ())
    return sum(len(content) if isinstance(content, str) else _LONG for content in contents if content)


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _tokenizer(name: str) -> Count | None:
    """The tokenizer of that name, loaded once; None where the extra is not installed."""
    with _LOADING:
        if name not in _TOKENIZERS:
            _TOKENIZERS[name] = _load(name)
        return _TOKENIZERS[name]


def _load(name: str) -> Count | None:
    try:
        from rs_bpe.bpe import openai  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    counted = getattr(openai, name)().count

    def count_piece(text: str) -> int:
        try:
            return int(counted(text))
        except UnicodeEncodeError:  # halves of characters, which no model gets to see either
            return int(counted(text.encode(errors="replace").decode()))

    def count(text: str) -> int:
        return sum(map(count_piece, pieces(text, _PIECE)))

    return count
