"""What a batch is told and what it tells: its prompts, its rules, its progress."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from aiocompl.combinators import CONCURRENCY
from aiocompl.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.request import Messages

    Prompt: TypeAlias = str | Messages | Mapping[str, Any]
    """A user's text, messages, or a mapping with ``"messages"`` and what is different for this one."""
    Prompts: TypeAlias = Iterable[Prompt] | AsyncIterable[Prompt]
    Result: TypeAlias = ChatCompletion | Exception


@attrs.frozen(kw_only=True)
class BatchProgress:
    """How far a batch is."""

    done: int
    """Prompts that have an answer or an error."""

    failed: int
    """Those that have an error."""

    total: int | None
    """All prompts, where their number is known."""

    elapsed: float
    """Seconds since the start."""

    prompt_tokens: int
    completion_tokens: int


@attrs.frozen(kw_only=True)
class BatchRules:
    """How a batch goes; times are in seconds."""

    concurrency: int = CONCURRENCY
    """How many prompts are asked at a time; no more of them, or of their answers, are in memory."""

    return_exceptions: bool = True
    """Whether an exception stands for a prompt that failed; else the first one cancels the others and is raised."""

    item_timeout: float | None = None
    """For each prompt; the batch's own `timeout` bounds all of them together."""

    on_progress: Callable[[BatchProgress], object] | None = None
    """Called after each prompt; what it does wrong is logged and breaks nothing."""

    progress: bool = False
    """Show a bar, in a terminal or a notebook (extra `cli`)."""

    def check(self) -> None:
        """Refuse rules that make no sense.

        Raises:
            BadRequestError: One of them makes none; `param` says which.
        """
        if type(self.concurrency) is not int or self.concurrency < 1:
            raise BadRequestError(
                f"concurrency must be a whole number from 1 up, not {self.concurrency!r}", param="concurrency"
            )
        if self.item_timeout is not None and not self.item_timeout > 0:
            raise BadRequestError("item_timeout must be a positive number of seconds", param="item_timeout")


def read_prompt(prompt: object) -> tuple[Any, dict[str, Any]]:
    """The messages of a prompt, and what is different for this one.

    Raises:
        BadRequestError: It is no prompt.
    """
    if isinstance(prompt, str):
        return [{"role": "user", "content": prompt}], {}
    if not isinstance(prompt, Mapping):
        return prompt, {}  # messages, checked as those of any call
    own = dict(prompt)
    if "messages" not in own or "stream" in own:
        raise BadRequestError(
            "a prompt must be text, messages, or a mapping with 'messages' and parameters other than 'stream'",
            param="messages",
        )
    return own.pop("messages"), own


def iterate(prompts: object) -> Iterator[Any] | AsyncIterator[Any]:
    """The prompts one by one.

    Raises:
        BadRequestError: They are no iterable of prompts.
    """
    if isinstance(prompts, AsyncIterable):
        return aiter(prompts)
    if isinstance(prompts, Iterable) and not isinstance(prompts, (str, bytes, Mapping)):
        return iter(prompts)
    raise BadRequestError(
        "messages must be a list, or any iterable, of prompts: [[{'role': 'user', 'content': ...}], ...]",
        param="messages",
    )
