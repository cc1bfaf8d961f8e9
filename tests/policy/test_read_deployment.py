"""One entry of a model list: what is kept, what a value in its place says, and what each mistake is called."""

from __future__ import annotations

from datetime import date
from typing import Any

import attrs
import pytest

from aiocompl.errors import ConfigError
from aiocompl.policy.config import DeploymentConfig
from aiocompl.policy.read_config import read_config
from aiocompl.policy.read_deployment import PARAMS, SETTINGS

ENV = {"KEY": "sk-1", "RPM": "60", "HOST": "eu.example", "EMPTY": ""}


def read(params: dict[str, Any], *, info: Any = None, **more: Any) -> DeploymentConfig:
    entry = {
        "model_name": "group",
        "litellm_params": params,
        **({} if info is None else {"model_info": info}),
    }
    return read_config([{**entry, **more}], ENV).deployments[0]


def test_everything_an_entry_may_say() -> None:
    deployment = read(
        {
            "model": "azure/gpt-4o",
            "api_key": "os.environ/KEY",
            "base_url": "https://eu.example",
            "api_version": "2024-10-21",
            "rpm": "os.environ/RPM",
            "tpm": 10_000,
            "itpm": 8000,
            "output_tpm": "2000",
            "max_parallel_requests": 5,
            "weight": 0.5,
            "order": 1,
            "request_timeout": 30,
            "stream_timeout": 60,
            "num_retries": 0,
            "cooldown_time": 5,
            "input_cost_per_token": 1e-6,
            "temperature": "0.2",
            "drop_params": "True",
            "max_tokens": 100,
            "stop": ["a"],
            "extra_headers": {"x-host": "os.environ/HOST", "nested": [{"deep": "os.environ/HOST"}]},
            "seed": None,
        },
        info={"id": "eu-1", "output_cost_per_token": "2e-6", "mode": "chat"},
    )
    assert deployment == DeploymentConfig(
        model_name="group",
        id="eu-1",
        params={
            "model": "azure/gpt-4o",
            "api_key": "sk-1",
            "api_base": "https://eu.example",
            "api_version": "2024-10-21",
            "temperature": 0.2,
            "drop_params": True,
            "max_tokens": 100,
            "stop": ["a"],
            "extra_headers": {"x-host": "eu.example", "nested": [{"deep": "eu.example"}]},
        },
        rpm=60,
        tpm=10_000,
        input_tpm=8000,
        output_tpm=2000,
        max_parallel_requests=5,
        weight=0.5,
        order=1,
        timeout=30,
        stream_timeout=60,
        max_retries=0,
        cooldown_time=5,
        input_cost_per_token=1e-6,
        output_cost_per_token=2e-6,
        model_info={"id": "eu-1", "output_cost_per_token": "2e-6", "mode": "chat"},
    )


def test_a_value_is_read_as_a_mapping_is() -> None:
    value = DeploymentConfig(
        model_name="group", params={"model": "openai/x", "api_key": "os.environ/KEY"}, rpm=5, id="one"
    )
    read_once = read_config([value], ENV)
    assert read_once.deployments == (attrs.evolve(value, params={"model": "openai/x", "api_key": "sk-1"}),)
    assert read_config(read_once.deployments) == read_once
    with pytest.raises(ConfigError, match=r"^model_list\[0\]\.rpm: must be a whole number from 1 up"):
        read_config([attrs.evolve(value, rpm=0)], ENV)


def test_nothing_is_shared_with_what_was_given() -> None:
    given = {"model": "openai/x", "extra_headers": {"a": "1"}}
    deployment = read(given)
    given["extra_headers"]["a"] = "2"  # type: ignore[index]
    assert deployment.params["extra_headers"] == {"a": "1"}
    with pytest.raises(TypeError):
        deployment.params["model"] = "other"  # type: ignore[index]


def test_functions_are_taken_as_they_are() -> None:
    assert read({"model": "openai/x", "api_key": ENV.get}).params["api_key"] == ENV.get


def test_no_key_shows() -> None:
    assert "sk-1" not in repr(read({"model": "openai/x", "api_key": "os.environ/KEY"}))


def test_parameters_of_the_dialect() -> None:
    entry = {"model_name": "g", "litellm_params": {"model": "ollama/x", "num_ctx": 9}}
    asked: list[Any] = []

    def natives(params: Any) -> frozenset[str]:
        asked.append(dict(params))
        return frozenset({"num_ctx"})

    assert read_config([entry], natives=natives).deployments[0].params["num_ctx"] == 9
    assert asked == [{"model": "ollama/x", "num_ctx": 9}]
    with pytest.raises(ConfigError, match=r"num_ctx: there is no such parameter; extra_body"):
        read_config([entry])
    entry["litellm_params"] = {"model": "ollama/x", "num_ctz": 9}
    with pytest.raises(ConfigError, match="did you mean 'num_ctx'"):
        read_config([entry], natives=natives)


@pytest.mark.parametrize(
    "name", ["input_type", "dimensions", "top_n", "top_k", "vertex_project", "mock_response"]
)
def test_keywords_of_every_call_are_known(name: str) -> None:
    assert name in PARAMS


def test_settings_and_keywords_overlap_only_where_both_mean_the_same() -> None:
    assert SETTINGS.keys() & PARAMS.keys() == {"timeout", "max_retries"}


@pytest.mark.parametrize(
    ("params", "name", "message"),
    [
        ({"tempreature": 1}, "tempreature", "there is no such parameter; did you mean 'temperature'?"),
        ({"api_key": "os.environ/KEX"}, "api_key", "variable KEX is not set; did you mean 'KEY'"),
        ({"api_key": "os.environ/EMPTY"}, "api_key", "variable EMPTY is not set"),
        ({"extra_headers": {"a": ["os.environ/X"]}}, "extra_headers.a[0]", "variable X is not set"),
        ({"extra_body": {1: 2}}, "extra_body", "the key 1 must be text"),
        (
            {"api_version": date(2024, 10, 21)},
            "api_version",
            "must be text, not a value of type date: put it in",
        ),
        ({"api_base": ""}, "api_base", "must not be empty"),
        ({"rpm": 0}, "rpm", "from 1 up (leave it out where there is no limit)"),
        ({"rpm": 1.5}, "rpm", "must be a whole number from 1 up, not a fraction"),
        ({"rpm": float("inf")}, "rpm", "must be a whole number from 1 up, not a value of type float"),
        ({"rpm": "many"}, "rpm", "which this text is not"),
        ({"rpm": [1]}, "rpm", "not a value of type list"),
        ({"weight": -1}, "weight", "not a negative one"),
        ({"order": "first"}, "order", "must be a whole number"),
        ({"temperature": "warm"}, "temperature", "must be a number"),
        ({"drop_params": 1}, "drop_params", "must be true or false, not a value of type int"),
        ({"tools": {"a": 1}}, "tools", "must be a list"),
        ({"extra_headers": ["a"]}, "extra_headers", "must be a mapping"),
        ({"timeout": 1, "request_timeout": 1}, "request_timeout", "says the same as timeout"),
        ({"tags": ["a"]}, "tags", "is LiteLLM's and not supported"),
        ({"model": None}, "model", "is missing"),
        ({"fallbacks": ["a"]}, "fallbacks", "cannot stand here: it is a setting beside model_list"),
        ({"stream": True}, "stream", "cannot stand here: the caller says"),
    ],
)
def test_mistakes_in_params(params: dict[str, Any], name: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read({"model": "openai/x", **params})
    assert raised.value.where == f"model_list[0].litellm_params.{name}"
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("entry", "where", "message"),
    [
        (7, "", "must be a mapping, not a value of type int"),
        ({"litellm_params": {"model": "openai/x"}}, ".model_name", "must be text, not nothing"),
        (
            {"model_name": "openai/*", "litellm_params": {"model": "x/y"}},
            ".model_name",
            "must not hold a '*'",
        ),
        ({"model_name": "a"}, ".litellm_params", "must be a mapping, not nothing"),
        ({"model_name": "a", "litellm_params": {}}, ".litellm_params.model", "is missing"),
        ({"model_name": "a", "rpm": 1}, ".rpm", "belongs into litellm_params"),
        ({"model_name": "a", "itpm": 1}, ".itpm", "belongs into litellm_params"),
        ({"model_name": "a", "temperature": 1}, ".temperature", "belongs into litellm_params"),
        ({"modelname": "a"}, ".modelname", "there is no such key; did you mean 'model_name'"),
        ({"model_name": "a", "litellm_params": {"model": "x"}, "model_info": [1]}, ".model_info", "mapping"),
        (
            {"model_name": "a", "litellm_params": {"model": "x"}, "model_info": {"id": 7}},
            ".model_info.id",
            "must be text",
        ),
        (
            {"model_name": "a", "litellm_params": {"model": "x"}, "model_info": {"input_cost_per_token": -1}},
            ".model_info.input_cost_per_token",
            "from 0 up",
        ),
    ],
)
def test_mistakes_in_entries(entry: Any, where: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_config([entry])
    assert raised.value.where == f"model_list[0]{where}"
    assert message in str(raised.value)


def deployments(*params: dict[str, Any], **more: Any) -> tuple[str | None, ...]:
    entries = [{"model_name": "g", "litellm_params": {"model": "openai/x", **one}, **more} for one in params]
    return tuple(one.id for one in read_config(entries).deployments)


def test_ids_are_made_of_where_a_deployment_leads() -> None:
    ids = deployments({}, {"api_base": "https://eu.example"}, {"api_key": "sk-2"})
    assert len(set(ids)) == 3
    assert ids[2] == f"{ids[0]}-2"
    assert deployments({"api_base": "https://eu.example"}) == ids[1:2]
    assert deployments({"api_key": "another", "temperature": 0, "rpm": 5}) == ids[:1]


def test_ids_that_are_given_are_unique() -> None:
    made = deployments({})[0]
    assert deployments({}, model_info={"id": "mine"}) == ("mine",)
    entry = {"model_name": "g", "litellm_params": {"model": "openai/x"}}
    taken = read_config([entry, {**entry, "model_info": {"id": made}}]).deployments
    assert [one.id for one in taken] == [f"{made}-2", made]
    with pytest.raises(
        ConfigError, match=r"^model_list\[1\]\.model_info\.id: is that of model_list\[0\] too"
    ):
        deployments({}, {}, model_info={"id": "mine"})
