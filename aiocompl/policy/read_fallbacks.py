"""Aliases and chains of fallbacks, read and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NoReturn

import attrs

from aiocompl.errors import BadRequestError, ConfigError
from aiocompl.policy.config import Alias
from aiocompl.policy.config_values import bad, fill, flag, items, kind_of, mapping, text, unknown
from aiocompl.policy.fallbacks import Fallback
from aiocompl.policy.read_deployment import PARAMS, read_params
from aiocompl.types.checks import did_you_mean

Routable = Callable[[str], bool]
"""Whether a name that is in no model_list leads somewhere."""

Chain = tuple[Fallback, ...]

_ANY: Final = "*"
_ALIAS: Final = frozenset({"model", "hidden"})


@attrs.frozen
class Names:
    """The names that calls and chains may use."""

    groups: frozenset[str]
    aliases: Mapping[str, Alias]
    routable: Routable | None

    def check(self, where: str, name: object) -> str:
        """Refuse a name that leads nowhere: one that no deployment has, no alias is, and no provider is known for."""
        taken = text(where, name)
        if taken in self.groups or taken in self.aliases or self._is_routed(taken):
            return taken
        return self._refuse(where, taken)

    def _refuse(self, where: str, name: str) -> NoReturn:
        hint = did_you_mean(name, sorted({*self.groups, *self.aliases}))
        bad(where, f"no model group is called {name!r}{hint}")

    def _is_routed(self, name: str) -> bool:
        return "/" in name if self.routable is None else self.routable(name)

    def group(self, name: str) -> str:
        """The group that a name means."""
        alias = self.aliases.get(name)
        return name if alias is None else alias.model


def read_aliases(
    where: str, given: object, groups: frozenset[str], routable: Routable | None
) -> Mapping[str, Alias]:
    """Read `model_group_alias`: ``{"gpt-4": "gpt-4o", "old": {"model": "gpt-4o", "hidden": True}}``.

    Raises:
        ConfigError: One is a group's name, leads nowhere, or leads back to itself.
    """
    read = {name: _alias(f"{where}.{name}", item) for name, item in mapping(where, given).items()}
    names = Names(groups, read, routable)
    for name, alias in read.items():
        if name in groups:
            bad(f"{where}.{name}", "is the name of a model group too")
        names.check(f"{where}.{name}", alias.model)
    return MappingProxyType(
        {name: attrs.evolve(alias, model=_end(where, name, read)) for name, alias in read.items()}
    )


def _alias(where: str, given: object) -> Alias:
    if isinstance(given, Alias):
        return given
    if isinstance(given, str):
        return Alias(model=text(where, given))
    if not isinstance(given, Mapping):
        bad(
            where, f"must be a model group's name, or {{'model': name, 'hidden': true}}, not {kind_of(given)}"
        )
    for key in given:
        if key not in _ALIAS:
            unknown(f"{where}.{key}", key, _ALIAS, "key")
    return Alias(
        model=text(f"{where}.model", given.get("model")),
        hidden=flag(f"{where}.hidden", given.get("hidden") or False),
    )


def _end(where: str, name: str, aliases: Mapping[str, Alias]) -> str:
    """Where an alias leads in the end."""
    way = [name]
    while (following := aliases[way[-1]].model) in aliases:
        if following in way:
            bad(where, f"they lead in a circle: {_drawn([*way, following])}")
        way.append(following)
    return following


def read_chains(where: str, given: object, names: Names) -> tuple[Mapping[str, Chain], Chain]:
    """Read LiteLLM's ``[{"gpt-4o": ["claude", {"model": "gpt-4o-mini", "temperature": 0}]}]``, or that as one mapping.

    Returns:
        The chains by group, and that of ``"*"``, which is every group's.

    Raises:
        ConfigError: A name leads nowhere, a group stands twice, or a chain leads back to where it began.
    """
    chains: dict[str, Chain] = {}
    for place, name, entries in _pairs(where, given):
        group = _ANY if name == _ANY else names.group(names.check(place, name))
        if group in chains:
            bad(place, "has its fallbacks already")
        chains[group] = read_chain(place, entries, names)
    anyones = chains.pop(_ANY, ())
    _refuse_circles(where, chains, names)
    return MappingProxyType(chains), anyones


def _pairs(where: str, given: object) -> Sequence[tuple[str, str, object]]:
    if isinstance(given, Mapping):
        return [(f"{where}.{name}", name, entries) for name, entries in given.items()]
    return [
        (f"{where}[{index}].{name}", name, entries)
        for index, item in enumerate(items(where, given))
        for name, entries in mapping(f"{where}[{index}]", item).items()
    ]


def read_chain(where: str, given: object, names: Names) -> Chain:
    """Read one chain.

    Raises:
        ConfigError: An entry is neither a name nor a mapping with one, or its name leads nowhere.
    """
    return tuple(_entry(f"{where}[{index}]", item, names) for index, item in enumerate(items(where, given)))


def call_chain(given: object, names: Names) -> Chain:
    """Read what a call says as its own `fallbacks=`.

    Raises:
        BadRequestError: It is no chain; `param` says where.
    """
    try:
        return read_chain("fallbacks", fill("fallbacks", given, {}), names)
    except ConfigError as error:
        raise BadRequestError(error.message, param=error.where) from None


def _entry(where: str, given: object, names: Names) -> Fallback:
    if isinstance(given, str):
        return Fallback(names.check(where, given))
    if isinstance(given, Fallback):
        given = {"model": given.model, **given.params}
    if not isinstance(given, Mapping):
        bad(
            where,
            f"must be a name, or a mapping with 'model' and what is to be changed, not {kind_of(given)}",
        )
    params = read_params(where, given)
    for name in params:
        if name not in PARAMS:
            bad(
                f"{where}.{name}",
                "is a deployment's, and no keyword of a call: say it in its model_list entry",
            )
    model = params.pop("model", None)
    if "api_base" in params:  # any name will do there
        return Fallback(text(f"{where}.model", model), MappingProxyType(params))
    return Fallback(names.check(f"{where}.model", model), MappingProxyType(params))


def _refuse_circles(where: str, chains: Mapping[str, Chain], names: Names) -> None:
    done: set[str] = set()
    for group in chains:
        _follow(where, group, (), done, chains, names)


def _follow(
    where: str, group: str, way: tuple[str, ...], done: set[str], chains: Mapping[str, Chain], names: Names
) -> None:
    if group in way:
        bad(where, f"they lead in a circle: {_drawn([*way[way.index(group) :], group])}")
    if group in done:
        return
    for entry in chains.get(group, ()):
        following = names.group(entry.model)
        if following != group or not entry.params:  # the same group asked in another way is no circle
            _follow(where, following, (*way, group), done, chains, names)
    done.add(group)


def _drawn(way: Sequence[str]) -> str:
    return " -> ".join(way)
