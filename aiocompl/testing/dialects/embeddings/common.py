"""What the embeddings of all dialects have in common: vectors made from the text, and how tokens are counted."""

from __future__ import annotations

from array import array
from base64 import b64encode
from math import sqrt
from random import Random
from typing import TYPE_CHECKING, Any, Final

from aiocompl.testing.asked import Asked, Received
from aiocompl.testing.dialects import parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.testing.answer import Answer

LENGTH: Final = 8
"""How long vectors are where the request does not say."""

_BYTES_PER_TOKEN: Final = 4


def vector(text: str, length: int | None) -> list[float]:
    """A unit vector made from the text: equal texts have equal vectors, in every dialect and in every run.

    Its numbers are exact as 32-bit floats, so that they are the same in JSON and in base64.
    """
    chance = Random(text)  # noqa: S311 - repeatable on purpose
    drawn = [chance.gauss(0.0, 1.0) for _ in range(length or LENGTH)]
    size = sqrt(sum(number * number for number in drawn))
    return array("f", [number / size for number in drawn]).tolist()


def vectors(asked: Asked) -> list[list[float]]:
    """The vectors of all texts of a request."""
    return [vector(text, asked.dimensions) for text in asked.inputs]


def small(numbers: Sequence[float]) -> list[int]:
    """A vector in whole numbers of 8 bits, as quantised models give it."""
    return [round(number * 127) for number in numbers]


def packed(numbers: Sequence[float], kind: str = "f") -> str:
    """A vector as base64; the kind is a type code of `array`."""
    values: array[Any] = array(kind, numbers)
    return b64encode(values.tobytes()).decode()


def tokens(text: str) -> int:
    """An estimate of a text's tokens."""
    return max(1, len(text.encode()) // _BYTES_PER_TOKEN)


def counted(asked: Asked, answers: Sequence[Answer]) -> int:
    """The tokens of all texts, or what the script says."""
    usage = answers[0].usage if answers else None
    return asked.prompt_tokens if usage is None else usage.prompt_tokens


def as_asked(
    received: Received,
    body: Mapping[str, Any],
    *,
    model: str,
    texts: Sequence[str],
    dimensions: int | None = None,
) -> Asked:
    """Say what a request that was found in order asks for."""
    return Asked(
        number=received.number,
        model=model,
        stream=False,
        text=texts[-1],
        prompt_tokens=sum(tokens(text) for text in texts),
        body=body,
        headers=received.headers,
        inputs=tuple(texts),
        dimensions=dimensions,
    )


def need_texts(values: Any, name: str, *, most: int, message: str) -> list[str]:
    """The texts of a request, at least one and none of them empty.

    Raises:
        ProblemError: They are not, or are more than `most`, of which `message` tells.
    """
    if not isinstance(values, list) or not values or not all(isinstance(each, str) for each in values):
        raise parts.refused(f"{name} must be a list of strings with at least one item", param=name)
    if not all(values):
        raise parts.refused(f"{name} must not contain empty strings", param=name)
    if len(values) > most:
        raise parts.refused(message.format(most=most, given=len(values)), param=name)
    return values


def need_known(body: Mapping[str, Any], known: Sequence[str], message: str, *, status: int = 400) -> None:
    """Raise a ProblemError where the body has a field that is none of the known; ``{}`` in `message` stands for it."""
    for name in body:
        if name not in known:
            raise parts.refused(message.format(name), param=name, status=status)


def need_length(
    value: Any, message: str, among: Sequence[int] | None = None, *, param: str = "dimensions"
) -> int | None:
    """How long vectors shall be, or None where the request does not say.

    Raises:
        ProblemError: It is no whole number from 1 up, or none of `among`; `message` says so.
    """
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1 or (among and value not in among):
        raise parts.refused(message, param=param)
    return value
