"""Predicates that say which answers count: for `accept=` of races and fan-outs.

::

    from aiocompl import accept

    await abatch_completion_models(models=[...], messages=messages, accept=accept.every(accept.complete, accept.no_refusal))

Any function of a response that returns a truth value, or awaits one, does as well.
"""

from __future__ import annotations

from inspect import isawaitable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from aiocompl.types.completion import ChatCompletion

    Accept: TypeAlias = Callable[[ChatCompletion], bool | Awaitable[bool]]


def not_empty(response: ChatCompletion) -> bool:
    """The answer holds text, a refusal, a tool call or sound. What counts where nothing else is said."""
    return any(
        message.content or message.refusal or message.tool_calls or message.function_call or message.audio
        for message in (choice.message for choice in response.choices)
    )


def complete(response: ChatCompletion) -> bool:
    """The answer is not empty, and no choice of it was cut short for its length."""
    return not_empty(response) and all(choice.finish_reason != "length" for choice in response.choices)


def no_refusal(response: ChatCompletion) -> bool:
    """The answer is not empty, the model refused nothing, and no filter did."""
    return not_empty(response) and all(
        choice.finish_reason != "content_filter" and not choice.message.refusal for choice in response.choices
    )


def every(*predicates: Accept) -> Accept:
    """All of these, one after another; the first that says no decides."""

    async def accept(response: ChatCompletion) -> bool:
        for predicate in predicates:
            verdict = predicate(response)
            if not (await verdict if isawaitable(verdict) else verdict):
                return False
        return True

    return accept
