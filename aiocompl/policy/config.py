"""Model groups and how they are used, as values: what a configuration says once it has been read and checked.

None is "not said" everywhere. `read_config` makes these of LiteLLM's Router configuration.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import attrs

from aiocompl.errors import (
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ContentPolicyViolationError,
    InternalServerError,
    NotFoundError,
    RateLimitError,
    ServiceUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.errors import AiocomplError
    from aiocompl.policy.fallbacks import Fallback

Strategy = Literal["simple-shuffle", "least-busy", "latency-based", "cost-based", "usage-based"]

STRATEGIES: Final[tuple[Strategy, ...]] = get_args(Strategy)

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def _shown(params: Mapping[str, Any]) -> str:
    """The names, and of the values what holds no key."""
    return f"<{params.get('model')!r} and {len(params) - ('model' in params)} more>"


@attrs.frozen(kw_only=True)
class DeploymentConfig:
    """One deployment of a model group: where its calls go, and how much it takes. Times are in seconds."""

    model_name: str
    """The model group it belongs to: the name that callers use."""

    params: Mapping[str, Any] = attrs.field(repr=_shown)
    """Keywords of `acompletion` that its calls get where the caller says nothing else: `model` (the name with its
    provider, ``"azure/my-deployment"``), `api_key`, `api_base`, ..., and default parameters such as `temperature`."""

    id: str | None = None
    """What it is called in logs and in the report of a call; `read_config` makes one where none is given."""

    rpm: int | None = None
    """Requests a minute."""
    tpm: int | None = None
    """Tokens a minute."""
    input_tpm: int | None = None
    output_tpm: int | None = None
    max_parallel_requests: int | None = None
    learn_limits: bool | None = None
    """Heed what the provider's ``x-ratelimit-*`` headers say of its limits, too."""

    weight: float | None = None
    """Its share of the group's calls, beside the others' weights; 0 for none as long as another one is there."""
    order: int | None = None
    """Those with the lowest order that can take a call get it; those without one come last."""

    timeout: float | None = None
    stream_timeout: float | None = None
    """The same for streams."""
    max_retries: int | None = None
    """Attempts at it after the first."""
    cooldown_time: float | None = None
    """How long it is not asked after too many failures."""

    input_cost_per_token: float | None = None
    """US dollars."""
    output_cost_per_token: float | None = None

    model_info: Mapping[str, Any] = _NOTHING
    """Whatever else the configuration's owner wants to know of it; only `id` is read."""


@attrs.frozen(kw_only=True)
class RetryCounts:
    """How many attempts after the first each kind of error gets, at most: what is not `retryable` gets none anyway."""

    bad_request: int | None = None
    authentication: int | None = None
    timeout: int | None = None
    rate_limit: int | None = None
    content_policy_violation: int | None = None
    internal_server: int | None = None
    service_unavailable: int | None = None
    not_found: int | None = None
    default: int | None = None
    """For every kind for which nothing is said."""

    def for_error(self, error: AiocomplError) -> int | None:
        """The number for this error; None where nothing is said of it."""
        for kind, name in _KINDS:
            if isinstance(error, kind) and (count := getattr(self, name)) is not None:
                return int(count)
        return self.default


_KINDS: Final[tuple[tuple[type[AiocomplError], str], ...]] = (  # the narrower kind first
    (ContentPolicyViolationError, "content_policy_violation"),
    (BadRequestError, "bad_request"),
    (AuthenticationError, "authentication"),
    (APITimeoutError, "timeout"),
    (RateLimitError, "rate_limit"),
    (ServiceUnavailableError, "service_unavailable"),
    (InternalServerError, "internal_server"),
    (NotFoundError, "not_found"),
)


@attrs.frozen(kw_only=True)
class Alias:
    """Another name of a model group."""

    model: str
    hidden: bool = False
    """It works, but lists of models do not show it."""


@attrs.frozen(kw_only=True)
class RouterConfig:
    """Model groups, and what is done when one of them fails."""

    deployments: tuple[DeploymentConfig, ...] = ()
    """In the order given; those with the same `model_name` are a model group."""

    default_params: Mapping[str, Any] = attrs.field(default=_NOTHING, repr=_shown)
    """What `params` of every deployment already holds where it says nothing else."""

    model_group_alias: Mapping[str, Alias] = _NOTHING
    """Each leads to a group or to a name that is routed directly, never to another alias."""

    routing_strategy: Strategy | None = None
    sticky: str | None = None
    """The parameter whose value keeps a call with its deployment, for the provider's prompt cache
    (``"prompt_cache_key"``, ``"user"``)."""

    fallbacks: Mapping[str, tuple[Fallback, ...]] = _NOTHING
    """What is asked, one after another, when a group fails."""
    context_window_fallbacks: Mapping[str, tuple[Fallback, ...]] = _NOTHING
    """The same where the prompt is too long for it."""
    content_policy_fallbacks: Mapping[str, tuple[Fallback, ...]] = _NOTHING
    """The same where it refuses the content."""
    default_fallbacks: tuple[Fallback, ...] = ()
    """What is asked after the group's own fallbacks, or where it has none."""
    max_fallbacks: int | None = None
    """How many fallbacks one call may ask."""

    num_retries: int | None = None
    retry_policy: RetryCounts | None = None
    model_group_retry_policy: Mapping[str, RetryCounts] = _NOTHING
    """The same for single groups."""

    allowed_fails: int | None = None
    """Failures in a row after which a deployment is not asked for `cooldown_time`."""
    cooldown_time: float | None = None
    disable_cooldowns: bool | None = None
    """Deployments that fail are asked all the same."""

    timeout: float | None = None
    """Seconds for a whole call that says nothing else."""
    stream_timeout: float | None = None
    """The same for streams."""
    default_priority: int | None = None

    def group(self, name: str) -> str:
        """The group that a name means: its own, or that of an alias."""
        alias = self.model_group_alias.get(name)
        return name if alias is None else alias.model
