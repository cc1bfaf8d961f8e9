"""LiteLLM's Router configuration, and its proxy's file, read and checked into a `RouterConfig`."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import attrs

from aiocompl.policy.config import STRATEGIES, DeploymentConfig, RetryCounts, RouterConfig, Strategy
from aiocompl.policy.config_names import FILE_NAMES, LITELLM_NAMES, ROUTER_NAMES, refuse_known
from aiocompl.policy.config_values import (
    Reader,
    amount,
    bad,
    count,
    fill,
    flag,
    integer,
    items,
    limit,
    mapping,
    seconds,
    text,
    unknown,
)
from aiocompl.policy.read_deployment import PARAMS, Natives, read_deployment, read_params, with_ids
from aiocompl.policy.read_fallbacks import Names, Routable, read_aliases, read_chain, read_chains
from aiocompl.types.checks import did_you_mean
from aiocompl.types.params import OPENAI_PARAMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiocompl.policy.fallbacks import Fallback

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})

_STRATEGY_NAMES: Final[Mapping[str, Strategy]] = {
    **{name: name for name in STRATEGIES},
    "latency-based-routing": "latency-based",
    "cost-based-routing": "cost-based",
    "usage-based-routing": "usage-based",
    "usage-based-routing-v2": "usage-based",
}

_RETRY_NAMES: Final[Mapping[str, str]] = {
    "BadRequestErrorRetries": "bad_request",
    "AuthenticationErrorRetries": "authentication",
    "TimeoutErrorRetries": "timeout",
    "RateLimitErrorRetries": "rate_limit",
    "ContentPolicyViolationErrorRetries": "content_policy_violation",
    "InternalServerErrorRetries": "internal_server",
    "ServiceUnavailableErrorRetries": "service_unavailable",
    "NotFoundErrorRetries": "not_found",
    "DefaultRetries": "default",
}

_FILE: Final = frozenset({"model_list", "router_settings", "litellm_settings", "general_settings"})


def read_strategy(where: str, value: Any) -> Strategy:
    """A strategy's name, LiteLLM's or the short one."""
    name = text(where, value)
    if name not in _STRATEGY_NAMES:
        hint = did_you_mean(name, _STRATEGY_NAMES) or f"; there are {', '.join(STRATEGIES)}"
        bad(where, f"there is no such strategy{hint}")
    return _STRATEGY_NAMES[name]


def read_retries(where: str, value: Any) -> RetryCounts:
    """A `retry_policy`: LiteLLM's mapping, or the value itself."""
    if isinstance(value, RetryCounts):
        value = {name: number for name, number in attrs.asdict(value).items() if number is not None}
        known: Mapping[str, str] = {name: name for name in value}
    else:
        known = _RETRY_NAMES
    counts: dict[str, int] = {}
    for name, number in mapping(where, value).items():
        if name not in known:
            unknown(f"{where}.{name}", name, known, "kind of error")
        if number is not None:
            counts[known[name]] = count(f"{where}.{name}", number)
    return RetryCounts(**counts)


def _read_group_retries(where: str, value: Any) -> Mapping[str, RetryCounts]:
    return MappingProxyType(
        {group: read_retries(f"{where}.{group}", item) for group, item in mapping(where, value).items()}
    )


def _read_sticky(where: str, value: Any) -> str | None:
    """A parameter's name; true is OpenAI's own for the purpose."""
    if isinstance(value, bool):
        return "prompt_cache_key" if value else None
    name = text(where, value)
    if name not in OPENAI_PARAMS:
        unknown(where, name, OPENAI_PARAMS, "parameter of a call")
    return name


_PLAIN: Final[Mapping[str, Reader]] = {
    "routing_strategy": read_strategy,
    "sticky": _read_sticky,
    "max_fallbacks": count,
    "num_retries": count,
    "retry_policy": read_retries,
    "model_group_retry_policy": _read_group_retries,
    "allowed_fails": count,
    "cooldown_time": amount,
    "disable_cooldowns": flag,
    "timeout": seconds,
    "stream_timeout": seconds,
    "default_priority": integer,
}
"""Settings that stand by themselves."""

_CHAINS: Final = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")

_DEFAULTS: Final[Mapping[str, tuple[str, Reader]]] = {
    "default_max_parallel_requests": ("max_parallel_requests", limit),
    "set_verbose": ("verbose", flag),
    "drop_params": ("drop_params", flag),
}
"""Settings that say something of every deployment."""

SETTINGS: Final = frozenset(
    {*_PLAIN, *_CHAINS, *_DEFAULTS, "default_fallbacks", "default_litellm_params", "model_group_alias"}
)
"""Every setting beside `model_list`."""

_LITELLM_SETTINGS: Final[Mapping[str, str]] = {
    **{
        name: name
        for name in (*_CHAINS, "default_fallbacks", "num_retries", "allowed_fails", "cooldown_time")
    },
    "request_timeout": "timeout",
    "drop_params": "drop_params",
    "set_verbose": "set_verbose",
}


@attrs.frozen(kw_only=True)
class FileConfig:
    """A configuration file in the shape of LiteLLM's proxy."""

    router: RouterConfig
    general_settings: Mapping[str, Any] = attrs.field(default=_NOTHING, repr=False)
    """The gateway's, as they stand there."""


def read_config(
    model_list: Iterable[Mapping[str, Any] | DeploymentConfig] | None = None,
    environ: Mapping[str, str] = _NOTHING,
    *,
    natives: Natives | None = None,
    routable: Routable | None = None,
    **settings: Any,
) -> RouterConfig:
    """Read LiteLLM's Router configuration.

    ::

        read_config(
            model_list=[
                {
                    "model_name": "gpt-4o",
                    "litellm_params": {"model": "azure/gpt-4o-eu", "api_key": "os.environ/AZURE_KEY", "rpm": 600},
                },
                {"model_name": "claude", "litellm_params": {"model": "anthropic/claude-sonnet-4-5"}},
            ],
            environ=os.environ,
            fallbacks=[{"gpt-4o": ["claude"]}],
            routing_strategy="least-busy",
        )

    Args:
        model_list: The deployments; those with the same `model_name` are a model group.
        environ: The environment variables; ``"os.environ/NAME"``, anywhere, is replaced from there.
        natives: Which parameters only a deployment's dialect has, by its `params`; asked for names that are not known.
        routable: Whether a name that is in no model_list leads somewhere; without it, one with a ``/`` does.
        **settings: See `SETTINGS`.

    Raises:
        ConfigError: Something is not as it should be; `where` says what.
    """
    given = [] if model_list is None else list(model_list)
    return _read(given, settings, {name: name for name in settings}, environ, natives, routable)


def read_file_config(
    given: Mapping[str, Any],
    environ: Mapping[str, str] = _NOTHING,
    *,
    natives: Natives | None = None,
    routable: Routable | None = None,
) -> FileConfig:
    """Read what a file in the shape of LiteLLM's proxy holds.

    Args:
        given: `model_list`, `router_settings`, `litellm_settings` (those that mean something here), `general_settings`.
        environ: See `read_config`.
        natives: See `read_config`.
        routable: See `read_config`.

    Raises:
        ConfigError: Something is not as it should be; `where` says what.
    """
    for name, value in mapping("", given).items():
        if name not in _FILE and not refuse_known(name, name, value, FILE_NAMES):
            unknown(name, name, _FILE, "section")
    sections = {name: mapping(name, given.get(name) or {}) for name in sorted(_FILE - {"model_list"})}
    settings = dict(sections["router_settings"])
    at = {name: f"router_settings.{name}" for name in settings}
    for name, value in sections["litellm_settings"].items():
        place = f"litellm_settings.{name}"
        if refuse_known(place, name, value, LITELLM_NAMES):
            continue
        if (kept := _LITELLM_SETTINGS.get(name)) is None:
            unknown(place, name, _LITELLM_SETTINGS)
        if kept in settings:
            bad(place, f"is said by router_settings.{kept} already")
        settings[kept], at[kept] = value, place
    model_list = list(items("model_list", given.get("model_list") or []))
    return FileConfig(
        router=_read(model_list, settings, at, environ, natives, routable),
        general_settings=MappingProxyType(dict(sections["general_settings"])),
    )


def _read(
    model_list: list[Any],
    settings: Mapping[str, Any],
    at: Mapping[str, str],
    environ: Mapping[str, str],
    natives: Natives | None,
    routable: Routable | None,
) -> RouterConfig:
    said = _known(settings, at, environ)
    defaults = _defaults(said, at)
    deployments = with_ids(
        tuple(
            read_deployment(
                f"model_list[{index}]", entry, environ=environ, defaults=defaults, natives=natives
            )
            for index, entry in enumerate(model_list)
        )
    )
    groups = frozenset(deployment.model_name for deployment in deployments)
    aliases = read_aliases(
        at.get("model_group_alias", ""), said.get("model_group_alias", {}), groups, routable
    )
    names = Names(groups, aliases, routable)
    plain: dict[str, Any] = {
        name: reader(at[name], said[name]) for name, reader in _PLAIN.items() if name in said
    }
    return RouterConfig(
        deployments=deployments,
        default_params=MappingProxyType({name: defaults[name] for name in defaults if name in PARAMS}),
        model_group_alias=aliases,
        **_chains(said, at, names),
        **plain,
    )


def _known(settings: Mapping[str, Any], at: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, Any]:
    """The settings that say something, with the environment's values in them."""
    said: dict[str, Any] = {}
    for name, value in settings.items():
        if name not in SETTINGS:
            if not refuse_known(at[name], name, value, ROUTER_NAMES):
                unknown(at[name], name, SETTINGS)
        elif value is not None:
            said[name] = fill(at[name], value, environ)
    return said


def _defaults(said: Mapping[str, Any], at: Mapping[str, str]) -> dict[str, Any]:
    name = "default_litellm_params"
    defaults = read_params(at[name], mapping(at[name], said[name])) if name in said else {}
    for name, (kept, reader) in _DEFAULTS.items():
        if name in said:
            defaults.setdefault(kept, reader(at[name], said[name]))
    return defaults


def _chains(said: Mapping[str, Any], at: Mapping[str, str], names: Names) -> dict[str, Any]:
    """The chains by their settings' names; that of ``"*"`` in `fallbacks` is among the default ones."""
    read: dict[str, Any] = {}
    default: tuple[Fallback, ...] = ()
    for name in _CHAINS:
        if name in said:
            read[name], anyones = read_chains(at[name], said[name], names)
            if anyones and name != "fallbacks":
                bad(at[name], "'*' is for fallbacks only")
            default = anyones or default
    if "default_fallbacks" in said:
        default += read_chain(at["default_fallbacks"], said["default_fallbacks"], names)
    return {**read, "default_fallbacks": default}
