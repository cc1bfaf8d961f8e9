"""What Python 3.11 lacks of `typing`, without a dependency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import override
else:

    def override(method: Any) -> Any:
        """Mark a method as overriding one of its base class; only type checkers look at it."""
        return method


__all__ = ["override"]
