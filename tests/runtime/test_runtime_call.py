from __future__ import annotations

from typing import Any

import orjson
import pytest

from aiocompl.codecs.routing import resolve
from aiocompl.errors import BadRequestError, UnsupportedParamsError
from aiocompl.runtime.call import Call, build_request, call_retries, call_timeout, sort_keywords

MESSAGES = [{"role": "user", "content": "hi"}]


def sorted_call(model: str = "openai/gpt-4o", **keywords: Any) -> Call:
    return sort_keywords(model, MESSAGES, stream=False, keywords=keywords)


def built(model: str = "openai/gpt-4o", **keywords: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    call = sorted_call(model, **keywords)
    request, dropped = build_request(
        call, resolve(call.target(), {"OPENAI_API_KEY": "sk", "COHERE_API_KEY": "co"})
    )
    return dict(request.params), dropped


def test_keywords_sorted() -> None:
    call = sorted_call(temperature=0.5, timeout=3, top_k=4, chat_template_kwargs={}, stop=None, api_key=None)
    assert call.params == {"temperature": 0.5}
    assert call.options == {"timeout": 3}
    assert call.others == {"top_k": 4, "chat_template_kwargs": {}}
    assert call.key == "openai/gpt-4o"


def test_key_says_where_the_call_goes() -> None:
    one = sorted_call(api_base="http://a", api_key="k")
    assert one.key == ("openai/gpt-4o", ("api_base", "http://a"), ("api_key", "k"))
    assert one.key != sorted_call(api_base="http://a", api_key="l").key
    assert one.key == sorted_call(api_base="http://a", api_key="k", temperature=1, timeout=3).key


@pytest.mark.parametrize("model", ["", None, 3])
def test_model_must_be_a_name(model: Any) -> None:
    with pytest.raises(BadRequestError, match="model must be a name") as raised:
        sorted_call(model)
    assert raised.value.param == "model"


def test_target() -> None:
    target = sorted_call(
        base_url="http://a", api_key="k", api_version="v", organization="o", azure=True
    ).target()
    assert (target.api_base, target.api_key, target.api_version, target.organization, target.provider) == (
        "http://a",
        "k",
        "v",
        "o",
        "azure",
    )
    assert sorted_call(custom_llm_provider="groq", azure=True).target().provider == "groq"


def test_credentials_have_no_place_in_a_base_url() -> None:
    with pytest.raises(BadRequestError, match="api_base must not hold a user") as raised:
        sorted_call(api_base="http://me:secret@host/v1").target()
    assert "secret" not in str(raised.value)
    assert sorted_call(api_base="http://host/v1?to=a@b").target().api_base == "http://host/v1?to=a@b"


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("temprature", "temperature"),
        ("max_token", "max_tokens"),
        ("mesages", "messages"),
        ("time_out", "timeout"),
    ],
)
def test_misspelt_keyword(name: str, nearest: str) -> None:
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'; did you mean .*'{nearest}'"):
        built("openai/gpt-4o", **{name: 1})


def test_unheard_of_keyword() -> None:
    with pytest.raises(TypeError, match=r"'zzzzqqqq' \(extra_body="):
        built(zzzzqqqq=1)


def test_native_names_of_the_target() -> None:
    params, dropped = built("some-model", api_base="http://host/v1", top_k=4, chat_template_kwargs={"a": 1})
    assert (params, dropped) == ({"top_k": 4, "chat_template_kwargs": {"a": 1}}, ())


def test_native_names_of_another_target() -> None:
    with pytest.raises(UnsupportedParamsError, match="top_k not supported") as raised:
        built(top_k=4)
    assert (raised.value.param, raised.value.provider) == ("top_k", "openai")


def test_dropped_and_reported() -> None:
    assert built(top_k=4, min_p=0.1, temperature=1, drop_params=True) == (
        {"temperature": 1},
        ("min_p", "top_k"),
    )


def test_misspelt_is_not_dropped() -> None:
    with pytest.raises(TypeError):
        built(temprature=4, drop_params=True)


def test_additional_drop_params() -> None:
    assert built(top_k=4, temperature=1, seed=2, additional_drop_params=["top_k", "seed", "user"]) == (
        {"temperature": 1},
        (),
    )


def sent(model: str, **keywords: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body besides model and messages, and what was dropped."""
    call = sorted_call(model, **keywords)
    route = resolve(
        call.target(), dict.fromkeys(("OPENAI_API_KEY", "GEMINI_API_KEY", "ANTHROPIC_API_KEY"), "k")
    )
    request, dropped = build_request(call, route)
    body = orjson.loads(route.codec.encode_request(request).body)
    return {name: value for name, value in body.items() if name not in {"model", "messages"}}, dropped


def test_allowed_openai_params() -> None:
    allowed = ["top_k", "brand_new"]
    assert sent("openai/gpt-4o", top_k=4, brand_new=5, seed=1, allowed_openai_params=allowed) == (
        {"top_k": 4, "brand_new": 5, "seed": 1},
        (),
    )


def test_what_is_allowed_is_sent_under_its_own_name_by_dialects_that_translate() -> None:
    body, dropped = sent(
        "gemini/gemini-2.5-flash", user="u", verbosity="low", allowed_openai_params=["user"], drop_params=True
    )
    assert (body["user"], dropped) == ("u", ("verbosity",))


def test_what_is_allowed_though_the_model_refuses_it() -> None:
    given: dict[str, Any] = {"temperature": 0.5, "allowed_openai_params": ["temperature", "n"]}
    assert sent("openai/o3", **given) == ({"temperature": 0.5}, ())
    assert sent("openai/o3", **given, top_p=0.5, drop_params=True) == ({"temperature": 0.5}, ("top_p",))
    with pytest.raises(UnsupportedParamsError, match="top_p"):
        sent("openai/o3", **given, top_p=0.5)
    with pytest.raises(UnsupportedParamsError, match="temperature"):
        sent("openai/o3", temperature=0.5, allowed_openai_params=["n"])


def test_what_is_allowed_though_the_dialect_refuses_its_value() -> None:
    body, dropped = sent("claude-sonnet-4-5", n=2, allowed_openai_params=["n"], drop_params=True)
    assert (body["n"], dropped) == (2, ())
    assert "n" not in sent("claude-sonnet-4-5", n=2, drop_params=True)[0]


def test_what_the_messages_hold_is_not_dropped() -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}
    call = sort_keywords(
        "claude-sonnet-4-5",
        [{"role": "user", "content": [sound]}],
        stream=False,
        keywords={"drop_params": True},
    )
    with pytest.raises(UnsupportedParamsError, match="takes no audio"):
        build_request(call, resolve(call.target(), {"ANTHROPIC_API_KEY": "k"}))


def test_the_body_of_the_callers_own_goes_first() -> None:
    body, _ = sent(
        "openai/o3", temperature=0.5, allowed_openai_params=["temperature"], extra_body={"temperature": 0.7}
    )
    assert body == {"temperature": 0.7}


def test_params_are_checked() -> None:
    with pytest.raises(BadRequestError, match="stop must hold at most 4"):
        built(stop=list("abcde"))


def test_extras() -> None:
    call = sorted_call(extra_headers={"X-A": "1"}, extra_query={"q": "2"}, extra_body={"b": 3}, api_key="k")
    request, _ = build_request(call, resolve(call.target(), {}))
    assert (request.extra_headers, request.extra_query, request.extra_body) == (
        {"X-A": "1"},
        {"q": "2"},
        {"b": 3},
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("extra_headers", [1]),
        ("extra_headers", {"a": 1}),
        ("extra_headers", {1: "a"}),
        ("extra_query", "a=b"),
        ("extra_query", {None: 1}),
        ("extra_body", ["a"]),
        ("extra_body", {1: 2}),
    ],
)
def test_extras_that_cannot_be_sent(name: str, value: Any) -> None:
    with pytest.raises(BadRequestError, match=f"{name} must be a mapping") as raised:
        built(**{name: value})
    assert raised.value.param == name


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        ({}, 600),
        ({"timeout": 5}, 5),
        ({"request_timeout": 6}, 6),
        ({"timeout": 5, "request_timeout": 6}, 5),
        ({"timeout": 0.5, "force_timeout": 2}, 0.5),
        ({"timeout": 50, "force_timeout": 2}, 2),
        ({"force_timeout": 2}, 2),
    ],
)
def test_timeout(options: dict[str, Any], seconds: float) -> None:
    assert call_timeout(options, 600) == seconds


@pytest.mark.parametrize("name", ["timeout", "request_timeout", "force_timeout"])
@pytest.mark.parametrize("value", [0, -1, True, "5", float("nan"), float("inf")])
def test_timeout_that_is_none(name: str, value: Any) -> None:
    with pytest.raises(BadRequestError, match=f"{name} must be a positive number") as raised:
        call_timeout({name: value}, 600)
    assert raised.value.param == name


@pytest.mark.parametrize(
    ("options", "retries"),
    [({"num_retries": 0}, 0), ({"max_retries": 4}, 4), ({"num_retries": 1, "max_retries": 4}, 1)],
)
def test_retries(options: dict[str, Any], retries: int) -> None:
    assert call_retries(options) == retries


@pytest.mark.parametrize("name", ["num_retries", "max_retries"])
@pytest.mark.parametrize("value", [-1, 1.0, True, "2"])
def test_retries_that_are_none(name: str, value: Any) -> None:
    with pytest.raises(BadRequestError, match=f"{name} must be a whole number") as raised:
        call_retries({name: value})
    assert raised.value.param == name


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"api_base": 7}, "api_base must be text, not int"),
        ({"custom_llm_provider": 3}, "custom_llm_provider must be text, not int"),
        ({"organization": ["o"]}, "organization must be text, not list"),
        ({"api_version": {"v": 1}}, "api_version must be text, not dict"),
        ({"api_key": ["k"]}, "api_key must not be a list"),
    ],
    ids=str,
)
def test_where_a_call_goes_is_said_in_text(options: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRequestError, match=said):
        sort_keywords("m", [], keywords=options)
