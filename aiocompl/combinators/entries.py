"""Whom a race or a fan-out asks, and with which settings: each contestant's are strictly its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from aiocompl.codecs.routing import provider_named_by
from aiocompl.errors import BadRequestError

if TYPE_CHECKING:
    from typing import TypeAlias

    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.request import Messages

    Models: TypeAlias = Sequence[str | Mapping[str, Any]]
    """Names, or mappings with a name under ``"model"`` and what is different for that one."""

_ADDRESS: Final = frozenset({"api_base", "base_url"})
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


class Ask(Protocol):
    """What asks one model: `Supervisor.acompletion`, or what stands in for it."""

    async def __call__(
        self, model: str, messages: Messages, *, stream: bool, **params: Any
    ) -> ChatCompletion | CompletionStream:
        """Ask. Cancelled: nothing is left behind."""
        ...


@attrs.frozen
class Entry:
    """One of the models to ask."""

    index: int
    model: str
    params: Mapping[str, Any] = attrs.field(repr=False)
    """Everything else, call options included."""


def read_entries(models: object, shared: Mapping[str, Any]) -> tuple[Entry, ...]:
    """The models with all that goes for each.

    What is said for all goes for each that says nothing else, but never a key to where it does not belong: an entry
    with an address of its own takes neither key nor address from the others, and a key for all without an address
    for all is refused where more than one provider is asked.

    Raises:
        BadRequestError: `models` is no list of names and mappings, or a key would go astray.
    """
    if isinstance(models, (str, bytes)) or not isinstance(models, Sequence) or not models:
        raise BadRequestError(
            "models must be a list of names such as ['gpt-4o', 'claude-sonnet-4-5'], with at least one",
            param="models",
        )
    entries = tuple(_read_entry(index, item, shared) for index, item in enumerate(models))
    if "api_key" in shared and _ADDRESS.isdisjoint(shared):
        _check_key(entries, shared)
    return entries


def _read_entry(index: int, item: object, shared: Mapping[str, Any]) -> Entry:
    if isinstance(item, str):
        return Entry(index, item, dict(shared))
    if not isinstance(item, Mapping) or not isinstance(item.get("model"), str):
        raise BadRequestError(
            f"models[{index}] must be a name, or a mapping with one under 'model'", param=f"models[{index}]"
        )
    own = dict(item)
    model = own.pop("model")
    for name in ("messages", "stream"):
        if name in own:
            raise BadRequestError(f"{name} is the same for all contestants", param=f"models[{index}].{name}")
    return Entry(index, model, combined(shared, own) if shared else own)


def combined(shared: Mapping[str, Any], own: Mapping[str, Any], *, elsewhere: bool = False) -> dict[str, Any]:
    """What goes for all, with what is different for one; no key for all goes to an address of one's own.

    Args:
        shared: What goes for all.
        own: What is different.
        elsewhere: It goes elsewhere than the others although it has no address of its own.
    """
    if elsewhere or not _ADDRESS.isdisjoint(own):
        shared = {name: value for name, value in shared.items() if not _says_where(name)}
    return {**shared, **own}


def _says_where(name: str) -> bool:
    return name in _ADDRESS or name in _THEIRS or name.startswith(_PREFIXES)


def _check_key(entries: Sequence[Entry], shared: Mapping[str, Any]) -> None:
    takers = [entry for entry in entries if entry.params.get("api_key") == shared["api_key"]]
    providers = {
        entry.params.get("custom_llm_provider") or provider_named_by(entry.model) for entry in takers
    }
    if len(providers) > 1:
        raise BadRequestError(
            "api_key would go to more than one provider: put each key into its own entry, as "
            "models=[{'model': ..., 'api_key': ...}, ...]",
            param="api_key",
        )
