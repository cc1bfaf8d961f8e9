"""LiteLLM's settings that mean nothing here, each with what to use instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiocompl.policy.config_values import bad

if TYPE_CHECKING:
    from collections.abc import Mapping

_CACHE: Final = "give the supervisor a cache: Supervisor(cache=...)"
_REDIS: Final = "what several processes share is given to the supervisor as an object, with its own URL"
_BACKOFF: Final = "pauses grow by themselves, and a provider's Retry-After is obeyed"
_HOOKS: Final = "give the supervisor hooks"
_BUDGET: Final = "a budget belongs to a supervisor or a key: Supervisor(max_budget=...)"
_KEYS: Final = "write 'os.environ/NAME' where the value belongs"
_TOKENS: Final = "give a function as azure_ad_token_provider, or install aiocompl[azure]"
_PRICES: Final = "only input_cost_per_token and output_cost_per_token are; others are in the price table"
_REGION: Final = "say aws_region_name or vertex_location"
_BREAKER: Final = "set allowed_fails and cooldown_time, or a BreakerPolicy"

ROUTER_NAMES: Final[Mapping[str, str]] = {
    "redis_url": _REDIS,
    "redis_host": _REDIS,
    "redis_port": _REDIS,
    "redis_password": _REDIS,
    "redis_db": _REDIS,
    "cache_responses": _CACHE,
    "cache_kwargs": _CACHE,
    "caching_groups": _CACHE,
    "client_ttl": "connections live as long as their actor",
    "polling_interval": "nothing polls: a waiting call is taken as soon as there is room",
    "debug_level": "log levels are structlog's",
    "enable_pre_call_checks": "a prompt that is too long goes to context_window_fallbacks when the provider says so",
    "optional_pre_call_checks": "for prompt caches, set sticky to the parameter that holds the key",
    "enable_tag_filtering": "give each kind of deployment a model_name of its own",
    "tag_filtering_match_any": "give each kind of deployment a model_name of its own",
    "retry_after": _BACKOFF,
    "allowed_fails_policy": _BREAKER,
    "routing_strategy_args": "the strategies have no arguments",
    "routing_groups": "one routing_strategy is for all groups",
    "provider_budget_config": _BUDGET,
    "alerting_config": _HOOKS,
    "assistants_config": "there are no assistants here",
    "ignore_invalid_deployments": "a deployment that cannot be used is an error",
    "router_general_settings": "a name that is in no model_list is always routed directly",
    "fallback_on_unsupported_params": "set drop_params",
    "enable_weighted_failover": "the other deployments of a group are always asked first",
    "enable_mid_stream_fallback_continuation": "say stream_recovery",
    "deployment_affinity_ttl_seconds": "set sticky; it does not expire",
    "model_group_affinity_config": "set sticky",
}

DEPLOYMENT_NAMES: Final[Mapping[str, str]] = {
    "tpd": "limits are per minute: rpm, tpm",
    "rpd": "limits are per minute: rpm, tpm",
    "region_name": _REGION,
    "tags": "give each kind of deployment a model_name of its own",
    "max_budget": _BUDGET,
    "budget_duration": _BUDGET,
    "litellm_credential_name": _KEYS,
    "tenant_id": _TOKENS,
    "client_id": _TOKENS,
    "client_secret": _TOKENS,
    "azure_username": _TOKENS,
    "azure_password": _TOKENS,
    "cache_read_input_token_cost": _PRICES,
    "cache_creation_input_token_cost": _PRICES,
    "input_cost_per_second": _PRICES,
    "output_cost_per_second": _PRICES,
    "input_cost_per_character": _PRICES,
    "output_cost_per_character": _PRICES,
    "use_in_pass_through": "nothing is passed through",
    "use_litellm_proxy": "set api_base to the proxy's",
}

NO_DEFAULTS: Final[Mapping[str, str]] = {
    "messages": "the caller says them",
    "stream": "the caller says whether the answer is streamed",
    "fallbacks": "it is a setting beside model_list, and a keyword of single calls",
    "fastest_response": "it is for calls that name several models",
}
"""Keywords of a call that no deployment can say for it."""

FILE_NAMES: Final[Mapping[str, str]] = {
    "environment_variables": "set them where the process is started, and write 'os.environ/NAME' here",
    "credential_list": _KEYS,
    "include": "a configuration is one file",
    "litellm_jwtauth": "the gateway has keys",
    "callback_settings": _HOOKS,
    "finetune_settings": "there is no fine-tuning here",
    "files_settings": "files are those of provider batches, which have the keys of their calls",
}

LITELLM_NAMES: Final[Mapping[str, str]] = {
    "cache": _CACHE,
    "cache_params": _CACHE,
    "callbacks": _HOOKS,
    "success_callback": _HOOKS,
    "failure_callback": _HOOKS,
    "service_callbacks": _HOOKS,
    "json_logs": "configure structlog",
    "turn_off_message_logging": "prompts are never logged",
    "redact_user_api_key_info": "keys are never logged",
    "modify_params": "say drop_params",
    "max_budget": _BUDGET,
    "budget_duration": _BUDGET,
    "force_ipv4": "connections are made as the supervisor's TransportSettings say",
    "ssl_verify": "connections are made as the supervisor's TransportSettings say",
    "allowed_fails_policy": _BREAKER,
    "enable_json_schema_validation": "the message's parsing_error says what does not fit",
}


def refuse_known(where: str, name: str, value: Any, names: Mapping[str, str]) -> bool:
    """Say whether the name is one of those; where it is switched off, that is how it is here.

    Raises:
        ConfigError: It is switched on.
    """
    if name not in names:
        return False
    if value not in (None, False, "", [], {}):
        bad(where, f"is LiteLLM's and not supported: {names[name]}")
    return True
