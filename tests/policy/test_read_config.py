"""LiteLLM's Router configuration, read: what is kept, and what each mistake is called."""

from __future__ import annotations

from typing import Any

import pytest

from aiocompl.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BadGatewayError,
    BadRequestError,
    ConfigError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    NotFoundError,
    RateLimitError,
    ServiceUnavailableError,
)
from aiocompl.policy.config import Alias, RetryCounts, RouterConfig
from aiocompl.policy.fallbacks import Fallback
from aiocompl.policy.read_config import read_config, read_file_config


def entry(name: str = "gpt-4o", **params: Any) -> dict[str, Any]:
    return {"model_name": name, "litellm_params": {"model": f"openai/{name}", **params}}


LIST = [entry("a"), entry("b"), entry("c")]


def test_nothing_said_is_nothing() -> None:
    assert read_config() == RouterConfig()
    assert read_config(model_list=None, num_retries=None, fallbacks=None) == RouterConfig()


def test_settings_of_many_kinds() -> None:
    config = read_config(
        LIST,
        {"RETRIES": "4"},
        num_retries="os.environ/RETRIES",
        timeout="60",
        stream_timeout=5,
        max_fallbacks=2,
        allowed_fails=3,
        cooldown_time=0,
        disable_cooldowns="false",
        sticky="user",
        default_priority=-1,
        retry_policy={"RateLimitErrorRetries": 3, "TimeoutErrorRetries": None},
        model_group_retry_policy={"a": {"DefaultRetries": 1}},
    )
    assert config == RouterConfig(
        deployments=config.deployments,
        num_retries=4,
        timeout=60.0,
        stream_timeout=5,
        max_fallbacks=2,
        allowed_fails=3,
        cooldown_time=0,
        disable_cooldowns=False,
        sticky="user",
        default_priority=-1,
        retry_policy=RetryCounts(rate_limit=3),
        model_group_retry_policy={"a": RetryCounts(default=1)},
    )


@pytest.mark.parametrize(
    ("name", "strategy"),
    [
        ("simple-shuffle", "simple-shuffle"),
        ("least-busy", "least-busy"),
        ("latency-based-routing", "latency-based"),
        ("latency-based", "latency-based"),
        ("cost-based-routing", "cost-based"),
        ("usage-based-routing", "usage-based"),
        ("usage-based-routing-v2", "usage-based"),
    ],
)
def test_strategies(name: str, strategy: str) -> None:
    assert read_config(LIST, routing_strategy=name).routing_strategy == strategy


@pytest.mark.parametrize(("said", "kept"), [(True, "prompt_cache_key"), (False, None), ("user", "user")])
def test_what_makes_calls_stick(*, said: bool | str, kept: str | None) -> None:
    assert read_config(LIST, sticky=said).sticky == kept


def test_what_holds_for_every_deployment() -> None:
    config = read_config(
        [entry("a"), entry("b", temperature=1, max_parallel_requests=9)],
        default_litellm_params={"temperature": 0, "rpm": 60},
        default_max_parallel_requests=3,
        set_verbose=True,
        drop_params=True,
    )
    everyones = {"temperature": 0, "verbose": True, "drop_params": True}
    assert config.default_params == everyones
    assert [(one.rpm, one.max_parallel_requests) for one in config.deployments] == [(60, 3), (60, 9)]
    assert config.deployments[0].params == {"model": "openai/a", **everyones}
    assert config.deployments[1].params == {"model": "openai/b", **everyones, "temperature": 1}


def test_aliases_lead_to_their_end() -> None:
    config = read_config(
        LIST,
        model_group_alias={
            "x": "y",
            "y": {"model": "a"},
            "z": {"model": "x", "hidden": True},
            "w": Alias(model="groq/x"),
        },
    )
    assert config.model_group_alias == {
        "x": Alias(model="a"),
        "y": Alias(model="a"),
        "z": Alias(model="a", hidden=True),
        "w": Alias(model="groq/x"),
    }
    assert [config.group(name) for name in ("z", "w", "a", "other")] == ["a", "groq/x", "a", "other"]


def test_chains() -> None:
    config = read_config(
        LIST,
        {"KEY": "sk-1"},
        model_group_alias={"alias": "c"},
        fallbacks=[
            {"a": ["b", {"model": "alias", "temperature": "0", "api_key": "os.environ/KEY"}]},
            {"*": ["b"]},
        ],
        context_window_fallbacks={"alias": [Fallback("a", {"max_tokens": 9})]},
        content_policy_fallbacks=[{"groq/x": ["c"], "b": []}],
        default_fallbacks=["openai/gpt-4o"],
    )
    assert config.fallbacks == {
        "a": (Fallback("b"), Fallback("alias", {"temperature": 0, "api_key": "sk-1"}))
    }
    assert config.context_window_fallbacks == {"c": (Fallback("a", {"max_tokens": 9}),)}
    assert config.content_policy_fallbacks == {"groq/x": (Fallback("c"),), "b": ()}
    assert config.default_fallbacks == (Fallback("b"), Fallback("openai/gpt-4o"))
    assert "sk-1" not in repr(config)


@pytest.mark.parametrize(
    ("settings", "where", "message"),
    [
        ({"num_retrys": 2}, "num_retrys", "no such setting; did you mean 'num_retries'?"),
        ({"num_retries": -1}, "num_retries", "must be a whole number from 0 up, not a negative one"),
        ({"num_retries": True}, "num_retries", "must be a whole number from 0 up, not a value of type bool"),
        ({"num_retries": "os.environ/NONE"}, "num_retries", "the environment variable NONE is not set"),
        ({"timeout": 0}, "timeout", "must be a positive number of seconds"),
        ({"timeout": "soon"}, "timeout", "must be a positive number of seconds, which this text is not"),
        ({"cooldown_time": -1}, "cooldown_time", "must be a number from 0 up, not a negative one"),
        ({"disable_cooldowns": "maybe"}, "disable_cooldowns", "must be true or false"),
        ({"sticky": "usr"}, "sticky", "no such parameter of a call; did you mean 'user'"),
        ({"routing_strategy": "least-bsy"}, "routing_strategy", "did you mean 'least-busy'?"),
        ({"routing_strategy": "x"}, "routing_strategy", "there are simple-shuffle, least-busy"),
        ({"routing_strategy": 3}, "routing_strategy", "must be text, not a value of type int"),
        ({"retry_policy": 3}, "retry_policy", "must be a mapping, not a value of type int"),
        (
            {"retry_policy": {"RateLimitRetries": 1}},
            "retry_policy.RateLimitRetries",
            "did you mean 'RateLimitErrorRetries'",
        ),
        ({"retry_policy": RetryCounts(timeout=-1)}, "retry_policy.timeout", "from 0 up"),
        (
            {"model_group_retry_policy": {"a": {"DefaultRetries": "x"}}},
            "model_group_retry_policy.a.DefaultRetries",
            "a whole number",
        ),
        ({"default_litellm_params": {"rmp": 1}}, "default_litellm_params.rmp", "did you mean 'rpm'"),
        ({"default_litellm_params": 1}, "default_litellm_params", "must be a mapping"),
        ({"redis_host": "x"}, "redis_host", "is LiteLLM's and not supported"),
        ({"enable_pre_call_checks": True}, "enable_pre_call_checks", "context_window_fallbacks"),
        ({"model_group_alias": ["a"]}, "model_group_alias", "must be a mapping"),
        ({"model_group_alias": {"x": 1}}, "model_group_alias.x", "must be a model group's name, or"),
        ({"model_group_alias": {"x": ""}}, "model_group_alias.x", "must not be empty"),
        ({"model_group_alias": {"x": {"model": "a", "hide": 1}}}, "model_group_alias.x.hide", "no such key"),
        ({"model_group_alias": {"x": {"hidden": True}}}, "model_group_alias.x.model", "must be text"),
        ({"model_group_alias": {"x": "aa"}}, "model_group_alias.x", "no model group is called 'aa'"),
        ({"model_group_alias": {"a": "b"}}, "model_group_alias.a", "is the name of a model group too"),
        ({"model_group_alias": {"x": "y", "y": "x"}}, "model_group_alias", "circle: x -> y -> x"),
        ({"fallbacks": "b"}, "fallbacks", "must be a list, not a value of type str"),
        ({"fallbacks": ["b"]}, "fallbacks[0]", "must be a mapping"),
        ({"fallbacks": [{"a": "b"}]}, "fallbacks[0].a", "must be a list"),
        (
            {"fallbacks": [{"aa": ["b"]}]},
            "fallbacks[0].aa",
            "no model group is called 'aa'; did you mean 'a'",
        ),
        ({"fallbacks": [{"a": ["b", "bb"]}]}, "fallbacks[0].a[1]", "no model group is called 'bb'"),
        ({"fallbacks": [{"a": [7]}]}, "fallbacks[0].a[0]", "must be a name, or a mapping"),
        ({"fallbacks": {"a": [{"temperature": 1}]}}, "fallbacks.a[0].model", "must be text, not nothing"),
        (
            {"fallbacks": {"a": [{"model": "b", "temprature": 1}]}},
            "fallbacks.a[0].temprature",
            "did you mean 'temperature'",
        ),
        ({"fallbacks": {"a": [{"model": "b", "rpm": 1}]}}, "fallbacks.a[0].rpm", "is a deployment's"),
        ({"fallbacks": [{"a": ["b"]}, {"a": ["c"]}]}, "fallbacks[1].a", "has its fallbacks already"),
        ({"fallbacks": {"a": ["b"], "b": ["a"]}}, "fallbacks", "circle: a -> b -> a"),
        ({"fallbacks": {"a": ["a"]}}, "fallbacks", "circle: a -> a"),
        ({"fallbacks": {"a": ["b"], "b": ["c"], "c": ["b"]}}, "fallbacks", "circle: b -> c -> b"),
        (
            {"fallbacks": {"a": ["b"], "b": ["x"]}, "model_group_alias": {"x": "a"}},
            "fallbacks",
            "circle: a -> b -> a",
        ),
        ({"context_window_fallbacks": {"*": ["a"]}}, "context_window_fallbacks", "'*' is for fallbacks only"),
        ({"default_fallbacks": ["d"]}, "default_fallbacks[0]", "no model group is called 'd'"),
    ],
)
def test_mistakes_in_settings(settings: dict[str, Any], where: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_config(LIST, {"A": "1"}, **settings)
    assert raised.value.where == where
    assert str(raised.value).startswith(f"{where}: ")
    assert message in str(raised.value)


def test_what_is_not_supported_may_be_switched_off() -> None:
    switched_off: dict[str, Any] = {
        "enable_pre_call_checks": False,
        "redis_host": None,
        "cache_kwargs": {},
        "retry_after": 0,
    }
    assert read_config(**switched_off) == RouterConfig()


def test_the_same_group_asked_in_another_way_is_no_circle() -> None:
    config = read_config(LIST, fallbacks={"a": [{"model": "a", "temperature": 0}, "b", "c"], "b": ["c"]})
    assert [one.model for one in config.fallbacks["a"]] == ["a", "b", "c"]


def test_names_that_are_routed_directly() -> None:
    chains = {"a": ["gpt-4o-mini"], "claude-x": [{"model": "any", "api_base": "http://localhost:8000/v1"}]}
    config = read_config(LIST, fallbacks=chains, routable=lambda name: name.startswith(("gpt", "claude")))
    assert set(config.fallbacks) == {"a", "claude-x"}
    with pytest.raises(ConfigError, match="no model group is called 'groq/x'"):
        read_config(LIST, fallbacks={"a": ["groq/x"]}, routable=lambda _: False)


def test_a_file_in_the_shape_of_litellms_proxy() -> None:
    read = read_file_config(
        {
            "model_list": LIST,
            "router_settings": {"num_retries": 1, "fallbacks": [{"a": ["b"]}]},
            "litellm_settings": {
                "request_timeout": 9,
                "drop_params": True,
                "context_window_fallbacks": [{"a": ["c"]}],
                "callbacks": [],
            },
            "general_settings": {"master_key": "os.environ/MASTER"},
            "environment_variables": {},
        }
    )
    assert read.router == read_config(
        LIST,
        num_retries=1,
        fallbacks=[{"a": ["b"]}],
        timeout=9,
        drop_params=True,
        context_window_fallbacks=[{"a": ["c"]}],
    )
    assert read.general_settings == {"master_key": "os.environ/MASTER"}
    assert "MASTER" not in repr(read)


def test_an_empty_file() -> None:
    assert read_file_config({}).router == RouterConfig()


@pytest.mark.parametrize(
    ("given", "where", "message"),
    [
        ([], "", "must be a mapping"),
        ({"model_lst": []}, "model_lst", "no such section; did you mean 'model_list'?"),
        ({"include": ["x.yaml"]}, "include", "a configuration is one file"),
        ({"model_list": {"a": 1}}, "model_list", "must be a list"),
        ({"router_settings": [1]}, "router_settings", "must be a mapping"),
        ({"router_settings": {"num_retrys": 1}}, "router_settings.num_retrys", "did you mean 'num_retries'"),
        (
            {"litellm_settings": {"drop_parms": 1}},
            "litellm_settings.drop_parms",
            "did you mean 'drop_params'",
        ),
        (
            {"litellm_settings": {"callbacks": ["x"]}},
            "litellm_settings.callbacks",
            "give the supervisor hooks",
        ),
        ({"litellm_settings": {"request_timeout": 0}}, "litellm_settings.request_timeout", "positive"),
        (
            {"router_settings": {"timeout": 1}, "litellm_settings": {"request_timeout": 2}},
            "litellm_settings.request_timeout",
            "is said by router_settings.timeout already",
        ),
    ],
)
def test_mistakes_in_files(given: Any, where: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_file_config(given)
    assert raised.value.where == where
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("error", "count"),
    [
        (RateLimitError("x"), 1),
        (APITimeoutError("x"), 2),
        (ContentPolicyViolationError("x"), 3),
        (ContextWindowExceededError("x"), 4),
        (BadRequestError("x"), 4),
        (AuthenticationError("x"), 9),
        (ServiceUnavailableError("x"), 6),
        (BadGatewayError("x"), 7),
        (NotFoundError("x"), 8),
        (APIConnectionError("x"), 9),
    ],
)
def test_retry_counts(error: Any, count: int) -> None:
    counts = RetryCounts(
        rate_limit=1,
        timeout=2,
        content_policy_violation=3,
        bad_request=4,
        service_unavailable=6,
        internal_server=7,
        not_found=8,
        default=9,
    )
    assert counts.for_error(error) == count
    assert read_config(retry_policy=counts).retry_policy == counts
    assert RetryCounts().for_error(error) is None
