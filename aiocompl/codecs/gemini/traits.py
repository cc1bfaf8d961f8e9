"""What a model can do, read from its name: generations differ in thinking, schemas and signatures.

Source: https://ai.google.dev/gemini-api/docs/thinking and .../thought-signatures (2026-11).
"""

from __future__ import annotations

import re
from typing import Final

import attrs

_GEMINI: Final = re.compile(r"gemini-(\d+)(?:\.(\d+))?")
_OLD_GEMMA: Final = re.compile(r"gemma-?[123](?![0-9])")

_NEWEST: Final = (99, 0)
_UNKNOWN: Final = (2, 5)  # a tuned model or another family: the middle way, with no placeholder signatures

LEVELS: Final = ("MINIMAL", "LOW", "MEDIUM", "HIGH")

_MINIMAL_BELOW: Final = (3, 7)  # from this generation on the flash models know no level MINIMAL


@attrs.frozen
class Traits:
    """What the encoder must know about a model."""

    model: str
    generation: tuple[int, int]
    """Major and minor; an alias such as ``gemini-flash-latest`` counts as the newest."""

    @property
    def json_schema(self) -> bool:
        """Plain JSON Schema is taken; before, only a subset of OpenAPI's."""
        return self.generation >= (2, 0)

    @property
    def thinks(self) -> bool:
        """Thinking can be configured."""
        return self.generation >= (2, 5)

    @property
    def thinks_in_levels(self) -> bool:
        """Thinking is asked for by a level, before by a budget in tokens."""
        return self.generation >= (3, 0)

    @property
    def signs_calls(self) -> bool:
        """A replayed function call must carry a thought signature."""
        return self.generation >= (3, 0)

    @property
    def rich_results(self) -> bool:
        """A function's result can hold images and files, and parts have a media resolution."""
        return self.generation >= (3, 0)

    @property
    def mixes_tools(self) -> bool:
        """Functions and the provider's own tools can be had in one request."""
        return self.generation >= (3, 0)

    @property
    def has_system(self) -> bool:
        """A system instruction is taken."""
        return _OLD_GEMMA.search(self.model) is None

    @property
    def can_stop_thinking(self) -> bool:
        """A budget of zero is taken."""
        return "pro" not in self.model

    @property
    def levels(self) -> tuple[str, ...]:
        """The thinking levels that the model knows, lowest first."""
        if self.generation == (3, 0) and "pro" in self.model:
            return ("LOW", "HIGH")
        if "pro" in self.model or self.generation >= _MINIMAL_BELOW:
            return LEVELS[1:]
        return LEVELS


def traits_of(model: str) -> Traits:
    """What is known of a model by its name, with or without a path before it."""
    name = model.rpartition("/")[2]
    if (match := _GEMINI.match(name)) is not None:
        return Traits(name, (int(match[1]), int(match[2] or 0)))
    if name in {"gemini-pro", "gemini-pro-vision"}:  # the first of all, without a number
        return Traits(name, (1, 0))
    return Traits(name, _NEWEST if name.startswith("gemini-") else _UNKNOWN)
