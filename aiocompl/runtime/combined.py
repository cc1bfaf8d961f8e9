"""Settings for many calls and for one of them, put together so that no key goes where it does not belong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

ADDRESS: Final = frozenset({"api_base", "base_url"})
_THEIRS: Final = frozenset(
    {
        "api_key",
        "api_version",
        "azure",
        "custom_llm_provider",
        "organization",
    }
)
_PREFIXES: Final = ("aws_", "azure_", "vertex_")


def combined(shared: Mapping[str, Any], own: Mapping[str, Any], *, elsewhere: bool = False) -> dict[str, Any]:
    """What goes for all, with what is different for one; no key for all goes to an address of one's own.

    Args:
        shared: What goes for all.
        own: What is different.
        elsewhere: It goes elsewhere than the others although it has no address of its own.
    """
    if elsewhere or not ADDRESS.isdisjoint(own):
        shared = {name: value for name, value in shared.items() if not says_where(name)}
    return {**shared, **own}


def says_where(name: str) -> bool:
    """Whether a keyword says where a call goes, or with which credentials."""
    return name in ADDRESS or name in _THEIRS or name.startswith(_PREFIXES)
