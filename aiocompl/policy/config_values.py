"""Single values of a configuration: taken in if they are as they should be, else refused with their place.

Numbers and yes or no may be text, as the environment gives them. No message repeats a value: it may be a key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from typing import Any, Final, NoReturn

from aiocompl.errors import ConfigError
from aiocompl.types.checks import did_you_mean

Reader = Callable[[str, Any], Any]
"""Given the place and the value, the value as it is kept."""

_VARIABLE: Final = "os.environ/"
_FLAGS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def bad(where: str, message: str) -> NoReturn:
    """Refuse what stands there."""
    error = ConfigError(f"{where}: {message}" if where else message)
    error.where = where
    raise error


def unknown(
    where: str, name: str, known: Iterable[str], kind: str = "setting", otherwise: str = ""
) -> NoReturn:
    """Refuse a name, with the nearest known one, or what to do where none is near."""
    hint = did_you_mean(name, sorted(known)) or (otherwise and f"; {otherwise}")
    bad(where, f"there is no such {kind}{hint}")


def fill(where: str, value: Any, environ: Mapping[str, str]) -> Any:
    """A copy in which each ``"os.environ/NAME"``, however deep, is that variable's value; no value is shared.

    Raises:
        ConfigError: The variable is not set, or a mapping has a key that is no text.
    """
    if isinstance(value, str):
        return (
            _variable(where, value.removeprefix(_VARIABLE), environ) if value.startswith(_VARIABLE) else value
        )
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                bad(where, f"the key {key!r:.40} must be text: put it in quotes")
        return {key: fill(f"{where}.{key}" if where else key, item, environ) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [fill(f"{where}[{index}]", item, environ) for index, item in enumerate(value)]
    return value


def _variable(where: str, name: str, environ: Mapping[str, str]) -> str:
    if not (value := environ.get(name)):
        bad(where, f"the environment variable {name} is not set{did_you_mean(name, environ)}")
    return value


def _number(where: str, value: Any, what: str) -> float:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            bad(where, f"must be {what}, which this text is not")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        bad(where, f"must be {what}, not {kind_of(value)}")
    return value


def number(where: str, value: Any) -> float:
    """Any number."""
    return _number(where, value, "a number")


def amount(where: str, value: Any) -> float:
    """A number from 0 up."""
    if (taken := _number(where, value, "a number from 0 up")) < 0:
        bad(where, "must be a number from 0 up, not a negative one")
    return taken


def seconds(where: str, value: Any) -> float:
    """A positive number of seconds."""
    if (taken := _number(where, value, "a positive number of seconds")) <= 0:
        bad(where, "must be a positive number of seconds")
    return taken


def integer(where: str, value: Any) -> int:
    """A whole number."""
    return _whole(where, value, "a whole number")


def count(where: str, value: Any) -> int:
    """A whole number from 0 up."""
    if (taken := _whole(where, value, "a whole number from 0 up")) < 0:
        bad(where, "must be a whole number from 0 up, not a negative one")
    return taken


def limit(where: str, value: Any) -> int:
    """A whole number from 1 up."""
    if (taken := _whole(where, value, "a whole number from 1 up")) < 1:
        bad(where, "must be a whole number from 1 up (leave it out where there is no limit)")
    return taken


def _whole(where: str, value: Any, what: str) -> int:
    taken = _number(where, value, what)
    if taken != int(taken):
        bad(where, f"must be {what}, not a fraction")
    return int(taken)


def flag(where: str, value: Any) -> bool:
    """True or false."""
    if isinstance(value, str) and (taken := _FLAGS.get(value.lower())) is not None:
        return taken
    if not isinstance(value, bool):
        bad(where, f"must be true or false, not {kind_of(value)}")
    return value


def text(where: str, value: Any) -> str:
    """Text that is not empty."""
    if not isinstance(value, str):
        bad(where, f"must be text, not {kind_of(value)}: put it in quotes")
    if not value:
        bad(where, "must not be empty (leave it out)")
    return value


def mapping(where: str, value: Any) -> Mapping[str, Any]:
    """A mapping."""
    if not isinstance(value, Mapping):
        bad(where, f"must be a mapping, not {kind_of(value)}")
    return value


def items(where: str, value: Any) -> Sequence[Any]:
    """A list."""
    if not isinstance(value, (list, tuple)):
        bad(where, f"must be a list, not {kind_of(value)}")
    return value


def anything(where: str, value: Any) -> Any:  # noqa: ARG001 - a `Reader`
    """What only those who use it can judge."""
    return value


def kind_of(value: object) -> str:
    """What a value is, without saying it."""
    return "nothing" if value is None else f"a value of type {type(value).__name__}"
