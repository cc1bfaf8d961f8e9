"""A function call whose arguments come piece by piece, each with its place as a JSON path.

Only streams for which ``streamFunctionCallArguments`` was asked have them. The places say nothing of the order in JSON
text, so the call is told once it is whole.

Source: https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling (2026-11).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\['([^']*)'\]")
_MAX_INDEX: Final = 10_000
"""The longest list that is made for the sake of one place in it."""

_VALUES: Final = ("stringValue", "numberValue", "boolValue")


@attrs.define(eq=False)
class PartialCall:
    """A call in the making."""

    call: dict[str, Any] = attrs.field(factory=dict)
    """What was said of it besides arguments."""
    signature: str | None = None
    _root: list[Any] = attrs.field(factory=lambda: [{}])

    def add(self, call: Mapping[str, Any], signature: str | None) -> None:
        """Take the next piece."""
        self.call |= {key: value for key, value in call.items() if key not in {"partialArgs", "willContinue"}}
        self.signature = signature or self.signature
        for piece in call.get("partialArgs") or ():
            self._put(piece)

    def whole(self) -> dict[str, Any]:
        """The call with the arguments that have come."""
        return {"args": self._root[0], **self.call}

    def _put(self, piece: Mapping[str, Any]) -> None:
        holder, step = self._place(piece["jsonPath"])
        value = next((piece[name] for name in _VALUES if name in piece), None)
        old = holder[step]
        holder[step] = old + value if isinstance(old, str) and isinstance(value, str) else value

    def _place(self, path: str) -> tuple[Any, int | str]:
        """The object or list that holds the place, and the step to it from there; made where they are not yet."""
        holder: Any = self._root
        step: int | str = 0
        for match in _STEP.finditer(path):
            following = int(match[2]) if match[2] is not None else match[1] or match[3]
            if holder[step] is None:
                holder[step] = [] if isinstance(following, int) else {}
            holder, step = holder[step], following
            if isinstance(step, int):
                if step > _MAX_INDEX:
                    raise ValueError(f"no place in a list beyond {_MAX_INDEX}")
                holder += [None] * (step + 1 - len(holder))
            else:
                holder.setdefault(step, None)
        return holder, step
