"""One entry of a `model_list`, read and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, Final, ForwardRef

import attrs

from aiocompl.policy.config import DeploymentConfig
from aiocompl.policy.config_names import DEPLOYMENT_NAMES, NO_DEFAULTS, refuse_known
from aiocompl.policy.config_values import (
    Reader,
    amount,
    anything,
    bad,
    count,
    fill,
    flag,
    integer,
    items,
    limit,
    mapping,
    number,
    seconds,
    text,
    unknown,
)
from aiocompl.types.operation_params import OPERATION_PARAMS
from aiocompl.types.params import CompletionParams

Natives = Callable[[Mapping[str, Any]], frozenset[str]]
"""Given a deployment's `params`, the parameters that only its dialect has."""

SETTINGS: Final[Mapping[str, Reader]] = {
    "rpm": limit,
    "tpm": limit,
    "input_tpm": limit,
    "output_tpm": limit,
    "max_parallel_requests": limit,
    "learn_limits": flag,
    "weight": amount,
    "order": integer,
    "timeout": seconds,
    "stream_timeout": seconds,
    "max_retries": count,
    "cooldown_time": amount,
    "input_cost_per_token": amount,
    "output_cost_per_token": amount,
}
"""What is the deployment's own and no keyword of a call."""

SAME: Final[Mapping[str, str]] = {
    "itpm": "input_tpm",
    "otpm": "output_tpm",
    "request_timeout": "timeout",
    "num_retries": "max_retries",
    "base_url": "api_base",
}
"""Other names of the same."""

_PRICES: Final = ("input_cost_per_token", "output_cost_per_token")
_ENTRY: Final = frozenset({"model_name", "litellm_params", "model_info"})
_TARGET: Final = ("model", "api_base", "api_version", "organization", "custom_llm_provider", "vertex_project")
_PLACES: Final = ("vertex_location", "aws_region_name")


def _param_reader(annotation: object) -> Reader:
    """How a keyword of a call is checked, by its type; None, which is "not given", never gets here."""
    kind = annotation.__forward_arg__ if isinstance(annotation, ForwardRef) else str(annotation)
    plain = {"float | None": number, "int | None": integer, "bool | None": flag, "str | None": text}
    if kind in plain:
        return plain[kind]
    if kind.endswith("] | None") and kind.count("|") == 1:
        return mapping if kind.startswith("Mapping[") else items
    return anything


PARAMS: Final[Mapping[str, Reader]] = {
    **{name: anything for names in OPERATION_PARAMS.values() for name in names},
    **{name: _param_reader(kind) for name, kind in CompletionParams.__annotations__.items()},
    "model": text,
}
"""Keywords of the calls that a deployment may have as its defaults."""


@attrs.frozen
class _Said:
    """What an entry says, each part with its place."""

    name: Any
    name_at: str
    params: Any
    params_at: str
    info: Any
    info_at: str
    id: Any
    id_at: str


def read_deployment(
    where: str,
    given: object,
    *,
    environ: Mapping[str, str],
    defaults: Mapping[str, Any],
    natives: Natives | None,
) -> DeploymentConfig:
    """Read one entry, as a mapping or as a value.

    Args:
        where: Its place.
        given: It.
        environ: The environment variables.
        defaults: What holds for every deployment that says nothing else, read already.
        natives: Asked where a name is in none of the tables.

    Raises:
        ConfigError: Something in it is not as it should be.
    """
    entry = _of_value(where, given) if isinstance(given, DeploymentConfig) else _of_mapping(where, given)
    filled = fill(entry.params_at, mapping(entry.params_at, entry.params), environ)
    said = {**defaults, **read_params(entry.params_at, filled, natives)}
    if "model" not in said:
        bad(f"{entry.params_at}.model", "is missing: the name with its provider, such as 'openai/gpt-4o'")
    info = fill(entry.info_at, mapping(entry.info_at, entry.info), environ)
    for price in _PRICES:
        if price not in said and info.get(price) is not None:
            said[price] = amount(f"{entry.info_at}.{price}", info[price])
    return DeploymentConfig(
        model_name=_group_name(entry.name_at, fill(entry.name_at, entry.name, environ)),
        id=None if entry.id is None else text(entry.id_at, fill(entry.id_at, entry.id, environ)),
        model_info=MappingProxyType(info),
        **{name: said.pop(name) for name in SETTINGS if name in said},
        params=MappingProxyType(said),
    )


def _of_mapping(where: str, given: object) -> _Said:
    entry = mapping(where, given)
    for key in entry:
        if key in _ENTRY:
            continue
        if key in SETTINGS or key in SAME or key in PARAMS:
            bad(f"{where}.{key}", "belongs into litellm_params")
        unknown(f"{where}.{key}", key, _ENTRY, "key")
    info = entry.get("model_info") or {}
    info_at = f"{where}.model_info"
    return _Said(
        entry.get("model_name"),
        f"{where}.model_name",
        entry.get("litellm_params"),
        f"{where}.litellm_params",
        info,
        info_at,
        mapping(info_at, info).get("id"),
        f"{info_at}.id",
    )


def _of_value(where: str, given: DeploymentConfig) -> _Said:
    params = {**given.params, **{name: getattr(given, name) for name in SETTINGS}}
    return _Said(
        given.model_name,
        f"{where}.model_name",
        params,
        where,
        given.model_info,
        f"{where}.model_info",
        given.id,
        f"{where}.id",
    )


def _group_name(where: str, name: Any) -> str:
    if "*" in text(where, name):
        bad(where, "must not hold a '*': names that are in no model_list are routed directly anyway")
    return str(name)


def read_params(where: str, given: Mapping[str, Any], natives: Natives | None = None) -> dict[str, Any]:
    """Read `litellm_params`: a deployment's settings and its calls' keywords, under one name each.

    Raises:
        ConfigError: Something in it is not as it should be.
    """
    said: dict[str, Any] = {}
    for name, value in given.items():
        at = f"{where}.{name}"
        if value is None or refuse_known(at, name, value, DEPLOYMENT_NAMES):
            continue
        if name in NO_DEFAULTS:
            bad(at, f"cannot stand here: {NO_DEFAULTS[name]}")
        kept = SAME.get(name, name)
        if kept in said:
            bad(at, f"says the same as {kept}: leave one of them out")
        reader = SETTINGS.get(kept) or PARAMS.get(kept) or _native(at, name, given, natives)
        said[kept] = reader(at, value)
    return said


def _native(at: str, name: str, given: Mapping[str, Any], natives: Natives | None) -> Reader:
    own = natives(given) if natives is not None and "model" in given else frozenset[str]()
    if name not in own:
        known = own | SETTINGS.keys() | PARAMS.keys() | SAME.keys()
        unknown(at, name, known, "parameter", "extra_body sends what no parameter is for")
    return anything


def with_ids(deployments: tuple[DeploymentConfig, ...]) -> tuple[DeploymentConfig, ...]:
    """The same, each with an id of its own: made of where it leads, never of a key, so that it outlasts a reload.

    Raises:
        ConfigError: Two have the same.
    """
    seen: dict[str, int] = {}
    for index, deployment in enumerate(deployments):
        if deployment.id is not None:
            if deployment.id in seen:
                bad(f"model_list[{index}].model_info.id", f"is that of model_list[{seen[deployment.id]}] too")
            seen[deployment.id] = index
    return tuple(_with_id(deployment, seen) for deployment in deployments)


def _with_id(deployment: DeploymentConfig, seen: dict[str, int]) -> DeploymentConfig:
    if deployment.id is not None:
        return deployment
    parts = [str(deployment.params.get(name, "")) for name in (*_TARGET, *_PLACES)]
    target = blake2b("\0".join(parts).encode(), digest_size=4).hexdigest()
    first = made = f"{deployment.model_name}-{target}"
    number_ = 1
    while made in seen:
        number_ += 1
        made = f"{first}-{number_}"
    seen[made] = -1
    return attrs.evolve(deployment, id=made)
