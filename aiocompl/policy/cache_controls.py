"""What a call says of the cache, under LiteLLM's names, and which answers are worth keeping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import attrs

from aiocompl.errors import BadRequestError
from aiocompl.types.checks import did_you_mean, seconds

if TYPE_CHECKING:
    from aiocompl.types.completion import ChatCompletion, Choice

_NAMES: Final = ("no-cache", "no-store", "ttl", "s-maxage", "namespace")

_CUT: Final = (None, "content_filter", "error")
"""Finish reasons of answers that another try might complete. `length` is none: the same bound cuts at the same place."""


@attrs.frozen(kw_only=True)
class CacheControls:
    """How one call uses the cache; times are in seconds."""

    read: bool = True
    """An answer may come from the cache, or from the same call that is being made at this moment."""

    store: bool = True
    """The answer may be kept."""

    ttl: float | None = None
    """How long it is kept; None as long as the cache keeps anything."""

    max_age: float | None = None
    """A kept answer that is older is not taken; None takes any."""

    namespace: str = ""
    """Answers are only found in the namespace that they were kept in."""


DEFAULT: Final = CacheControls()
OFF: Final = CacheControls(read=False, store=False)


def cache_controls(given: object) -> CacheControls:
    """Read a call's `cache`.

    Args:
        given: A mapping with any of ``no-cache``, ``no-store`` (booleans), ``ttl``, ``s-maxage`` (seconds) and
            ``namespace``; False for neither reading nor storing; None or True for the defaults.

    Raises:
        BadRequestError: It is none of these.
    """
    if given is None or given is True:
        return DEFAULT
    if given is False:
        return OFF
    if not isinstance(given, Mapping):
        raise BadRequestError(
            f"cache must be False or a mapping such as {{'ttl': 60}}, not {type(given).__name__}",
            param="cache",
        )
    for name in given:
        if name not in _NAMES:
            hint = did_you_mean(str(name), _NAMES) or f"; there are {', '.join(_NAMES)}"
            raise BadRequestError(f"cache has no {name!r}{hint}", param="cache")
    ttl, age = given.get("ttl"), given.get("s-maxage")
    return CacheControls(
        read=not _flag(given, "no-cache"),
        store=not _flag(given, "no-store"),
        ttl=None if ttl is None else seconds("cache['ttl']", ttl),
        max_age=None if age is None else 0.0 if age == 0 else seconds("cache['s-maxage']", age),
        namespace=_text(given, "namespace"),
    )


def is_worth_keeping(answer: ChatCompletion) -> bool:
    """Whether the same question should get this answer again: each of its choices is complete and says something."""
    return bool(answer.choices) and all(map(_is_complete, answer.choices))


def _is_complete(choice: Choice) -> bool:
    message = choice.message
    says = message.content or message.tool_calls or message.function_call or message.refusal or message.audio
    return bool(says) and choice.finish_reason not in _CUT


def _flag(given: Mapping[str, object], name: str) -> bool:
    value = given.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise BadRequestError(f"cache[{name!r}] must be True or False, not {value!r:.40}", param="cache")


def _text(given: Mapping[str, object], name: str) -> str:
    value = given.get(name)
    if value is None or isinstance(value, str):
        return value or ""
    raise BadRequestError(f"cache[{name!r}] must be text, not {type(value).__name__}", param="cache")
