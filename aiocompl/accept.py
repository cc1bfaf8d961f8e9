"""Predicates that say which answers count: for `accept=` of races and fan-outs.

::

    from aiocompl import accept

    await abatch_completion_models(models=[...], messages=messages, accept=accept.every(accept.complete, accept.no_refusal))

Any function of a response that returns a truth value, or awaits one, does as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from aiocompl.types.completion import ChatCompletion

    Accept: TypeAlias = Callable[[ChatCompletion], bool | Awaitable[bool]]


_FORMATS: Final = ("text", "json_object", "json_schema")
"""The types of response formats in OpenAI's shape; any other mapping is a JSON Schema."""


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


def fits_format(response_format: Any) -> Accept:
    """Every choice's text is JSON that fits.

    ::

        accept=accept.fits_format(Person)

    Args:
        response_format: What it has to fit: a class (see `acompletion`), a JSON Schema, or a mapping in OpenAI's shape
            such as ``{"type": "json_object"}``. Of a schema the keywords are looked at that structured outputs know.

    Raises:
        BadRequestError: No JSON Schema can be made of the class.
    """
    from aiocompl.types.structured import answer_type_of, fits  # noqa: PLC0415 - loads with the first one

    if not isinstance(response_format, Mapping):
        answer_type_of(response_format)  # what cannot be asked for is the caller's bug, and no answer's
    elif response_format.get("type") not in _FORMATS:
        response_format = {"type": "json_schema", "json_schema": {"schema": response_format}}

    def accept(response: ChatCompletion) -> bool:
        return fits(response, response_format)

    return accept


def every(*predicates: Accept) -> Accept:
    """All of these, one after another; the first that says no decides."""

    async def accept(response: ChatCompletion) -> bool:
        for predicate in predicates:
            verdict = predicate(response)
            if not (await verdict if isawaitable(verdict) else verdict):
                return False
        return True

    return accept
