"""What a supervisor is told of model groups, as keywords or as a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from aiocompl.codecs.routing import resolve
from aiocompl.errors import AiocomplError
from aiocompl.runtime.call import sort_keywords
from aiocompl.types.checks import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from typing import TypeAlias

    from aiocompl.policy.config import Alias, DeploymentConfig, RetryCounts, RouterConfig
    from aiocompl.policy.fallbacks import Fallback

    ModelGroups: TypeAlias = Iterable[Mapping[str, Any] | DeploymentConfig]
    """Deployments: ``{"model_name": ..., "litellm_params": {...}, "model_info": {...}}``, or values."""
    Chain: TypeAlias = Sequence[str | Mapping[str, Any] | Fallback]
    Chains: TypeAlias = Mapping[str, Chain] | Sequence[Mapping[str, Chain]]


class RouterSettings(TypedDict, total=False):
    """What LiteLLM's Router takes beside its `model_list`. Whatever is None is not said."""

    fallbacks: Chains | None
    """What is asked when a group fails: ``[{"gpt-4o": ["claude", "gemini"]}]``."""
    context_window_fallbacks: Chains | None
    """The same where the prompt is too long for it."""
    content_policy_fallbacks: Chains | None
    """The same where it refuses the content; without them, such an error is raised."""
    default_fallbacks: Chain | None
    """What is asked after a group's own fallbacks, or where it has none."""
    max_fallbacks: int | None
    model_group_alias: Mapping[str, str | Mapping[str, Any] | Alias] | None
    routing_strategy: str | None
    """``"simple-shuffle"``, ``"least-busy"``, ``"latency-based"``, ``"cost-based"`` or ``"usage-based"``."""
    sticky: str | bool | None
    """The parameter whose value keeps a call with its deployment, for the provider's prompt cache."""
    retry_policy: Mapping[str, int] | RetryCounts | None
    model_group_retry_policy: Mapping[str, Mapping[str, int] | RetryCounts] | None
    allowed_fails: int | None
    """Failures in a row after which a deployment is not asked for `cooldown_time` seconds."""
    cooldown_time: float | None
    disable_cooldowns: bool | None
    stream_timeout: float | None
    default_litellm_params: Mapping[str, Any] | None
    default_max_parallel_requests: int | None
    default_priority: int | None
    drop_params: bool | None
    set_verbose: bool | None


def read_router(model_list: ModelGroups | None, settings: Mapping[str, Any]) -> RouterConfig | None:
    """Read what a supervisor was given; None where that is nothing. The environment is read where it is named, as ``os.environ/NAME``.

    Raises:
        TypeError: There is no such setting.
        ConfigError: One is not as it should be.
    """
    if model_list is None and not settings:
        return None
    from aiocompl.policy.read_config import SETTINGS, read_config  # noqa: PLC0415 - for those who have groups

    for name in settings:
        if name not in SETTINGS:
            known = SETTINGS | {"max_concurrency", "inbox_size", "max_restarts", "retry_budget", "breaker"}
            raise TypeError(
                f"Supervisor() got an unexpected keyword argument {name!r}{did_you_mean(name, known)}"
            )
    from aiocompl.runtime.groups import is_routable  # noqa: PLC0415 - the same

    return read_config(model_list, os.environ, natives=native_params, routable=is_routable, **settings)


def read_router_from(source: str | Path | Mapping[str, Any] | RouterConfig) -> RouterConfig:
    """Read a configuration: a file's path, or what one holds.

    Raises:
        ConfigError: Something is not as it should be, or the file cannot be read; the message says where.
    """
    from aiocompl.policy.config import RouterConfig  # noqa: PLC0415 - for those who have groups
    from aiocompl.policy.read_config import read_file_config  # noqa: PLC0415 - the same
    from aiocompl.runtime.config_file import load_config  # noqa: PLC0415 - the same
    from aiocompl.runtime.groups import is_routable  # noqa: PLC0415 - the same

    if isinstance(source, RouterConfig):
        return source
    given = source if isinstance(source, Mapping) else load_config(source)
    return read_file_config(given, os.environ, natives=native_params, routable=is_routable).router


def native_params(params: Mapping[str, Any]) -> frozenset[str]:
    """The parameters that only a deployment's dialect has."""
    given = dict(params)
    try:
        call = sort_keywords(given.pop("model"), None, keywords=given)
        return resolve(call.target(), os.environ).codec.native_params
    except AiocomplError:  # it says so when it is first asked
        return frozenset()
