"""Prompts out of rows: ``"Translate {text} into {language}"``."""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING, Any

import attrs

from aiocompl.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping


@attrs.frozen
class Template:
    """A text with the names of columns in braces; ``{{`` and ``}}`` are braces themselves."""

    parts: tuple[tuple[str, str | None], ...]
    """Literal text, and the name of the column after it."""

    @classmethod
    def parse(cls, text: str) -> Template:
        """Read a template.

        Raises:
            BadRequestError: It is none, or names no column.
        """
        try:
            parsed = tuple(Formatter().parse(text))
        except ValueError as error:
            raise BadRequestError(
                f"the template is wrong: {error} ({{{{ and }}}} are braces themselves)", param="template"
            ) from error
        if any(conversion or spec for _, _, spec, conversion in parsed):
            raise BadRequestError("the template may hold names of columns, and no formats", param="template")
        template = cls(tuple((literal, name) for literal, name, _, _ in parsed))
        if "" in template.columns or not template.columns:
            raise BadRequestError("the template must name columns, as in '{text}'", param="template")
        return template

    @property
    def columns(self) -> list[str]:
        """The names of the columns that it needs."""
        return [name for _, name in self.parts if name is not None]

    def fill(self, row: Mapping[str, Any]) -> str:
        """The prompt of a row; nothing stands where a column is null.

        Raises:
            KeyError: The row lacks this column.
        """
        texts = []
        for literal, name in self.parts:
            texts.append(literal)
            if name is not None:
                value = row[name]
                texts.append("" if value is None else str(value))
        return "".join(texts)
