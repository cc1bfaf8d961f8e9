from __future__ import annotations

from typing import Any

import orjson
import pytest
from native_driver import USER
from replicate_samples import BASE, CODEC, DRIVER, ENDPOINT

from aiocompl.codecs.base import Jobs
from aiocompl.codecs.natives import REPLICATE
from aiocompl.codecs.replicate import ReplicateCodec
from aiocompl.errors import BadRequestError, UnsupportedParamsError
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest

SYSTEM = {"role": "system", "content": "Be brief."}
HELLO = {"role": "user", "content": "Hello!"}
HI = {"role": "assistant", "content": "Hi."}
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def given(*messages: dict[str, Any], **params: Any) -> Any:
    return DRIVER.encode(*messages, **params)["input"]


def given_to(model: str, *messages: dict[str, Any], **params: Any) -> Any:
    request = ChatRequest(model, list(messages or (USER,)), params)
    return orjson.loads(CODEC.encode_request(request).body)["input"]


@pytest.mark.parametrize(
    ("model", "path", "version"),
    [
        ("meta/meta-llama-3-8b-instruct", "/models/meta/meta-llama-3-8b-instruct/predictions", None),
        ("meta/llama-2-70b-chat:02e509", "/predictions", "02e509"),
        ("02e509c789964a7e", "/predictions", "02e509c789964a7e"),
        ("deployments/me/mine", "/deployments/me/mine/predictions", None),
        ("deployments/mine", "/models/deployments/mine/predictions", None),
        ("o wner/na?me", "/models/o%20wner/na%3Fme/predictions", None),
    ],
)
def test_where_a_model_is_asked(model: str, path: str, version: str | None) -> None:
    made = CODEC.encode_request(ChatRequest(model, [USER]))
    assert (made.method, made.url) == ("POST", BASE + path)
    assert orjson.loads(made.body).get("version") == version


@pytest.mark.parametrize("model", ["a/b/c", "/b", "a/", "a/b:", "a:v/b", "deployments/me/mine:v", "a/b:v:w"])
def test_names_that_are_none(model: str) -> None:
    with pytest.raises(BadRequestError, match="is named <owner>/<name>") as caught:
        CODEC.encode_request(ChatRequest(model, [USER]))
    assert caught.value.param == "model"


@pytest.mark.parametrize(
    "base", ["https://x.example", "https://x.example/v1/", "https://x.example/v1/predictions"]
)
def test_a_base_of_ones_own(base: str) -> None:
    codec = ReplicateCodec(REPLICATE, Endpoint(provider="replicate", base_url=base))
    assert codec.encode_request(ChatRequest("v", [USER])).url == "https://x.example/v1/predictions"


def test_a_blocking_call_waits_for_a_quick_end() -> None:
    made = CODEC.encode_request(DRIVER.request())
    assert not made.stream
    assert made.headers == {**CODEC.headers, "Prefer": "wait=2"}
    assert made.headers["Authorization"] == "Bearer r8_secret"
    own = CODEC.encode_request(ChatRequest("v", [USER], extra_headers={"prefer": "wait=60"}))
    assert [value for name, value in own.headers.items() if name.lower() == "prefer"] == ["wait=60"]


def test_a_stream_does_not_wait() -> None:
    made = CODEC.encode_request(DRIVER.request(stream=True))
    assert made.stream
    assert made.headers is CODEC.headers
    assert orjson.loads(made.body) == {"input": {"prompt": "Hi"}, "stream": True}


def test_it_is_a_codec_of_jobs() -> None:
    assert isinstance(CODEC, Jobs)


def test_a_single_user_message_goes_as_it_is() -> None:
    assert DRIVER.encode({"role": "user", "content": " Hi:\n"}) == {"input": {"prompt": " Hi:\n"}}
    assert given(SYSTEM, HELLO) == {"prompt": "Hello!", "system_prompt": "Be brief."}
    developer = {"role": "developer", "content": "In French."}
    assert given(SYSTEM, HELLO, developer)["system_prompt"] == "Be brief.\n\nIn French."


def test_a_conversation_is_a_transcript() -> None:
    assert given(SYSTEM, HELLO, HI, {"role": "user", "content": "How are you?"}) == {
        "prompt": "User: Hello!\n\nAssistant: Hi.\n\nUser: How are you?\n\nAssistant:",
        "system_prompt": "Be brief.",
    }


def test_a_prefill_is_gone_on_with() -> None:
    assert (
        given(HELLO, {"role": "assistant", "content": "Good "})["prompt"] == "User: Hello!\n\nAssistant: Good"
    )
    assert given({"role": "assistant", "content": None})["prompt"] == "Assistant:"


def test_nothing_but_a_system_message_is_the_prompt() -> None:
    assert given(SYSTEM) == {"prompt": "Be brief."}


def test_parameters_are_inputs() -> None:
    params: dict[str, Any] = {
        "temperature": 0.5,
        "top_p": 0.9,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "seed": 7,
        "top_k": 20,
        "reasoning_effort": "low",
        "verbosity": "low",
        "min_tokens": 2,
        "prompt_template": "{prompt}",
    }
    bounded = params | {"max_tokens": 9, "stop": ["END", "\n"], "stream_options": {"include_usage": True}}
    assert given(**bounded) == {"prompt": "Hi", **params, "max_tokens": 9, "stop_sequences": "END,\n"}
    assert given(stop="END")["stop_sequences"] == "END"
    assert given(stop=[]) == {"prompt": "Hi"}


def test_the_newer_bound_goes_before_the_older() -> None:
    assert given(max_completion_tokens=9, max_tokens=5)["max_tokens"] == 9
    assert given(max_tokens=5)["max_tokens"] == 5


def test_a_stop_sequence_with_a_comma_cannot_be_said() -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        given(stop=["a,b"])
    assert caught.value.param == "stop"


@pytest.mark.parametrize(
    ("model", "bound", "system"),
    [
        ("openai/gpt-4o", "max_completion_tokens", "system_prompt"),
        ("google/gemini-2.5-flash", "max_output_tokens", "system_instruction"),
        ("meta/llama-2-70b-chat:02e509", "max_new_tokens", "system_prompt"),
        ("meta/meta-llama-3-8b-instruct", "max_tokens", "system_prompt"),
        ("02e509c7", "max_tokens", "system_prompt"),
    ],
)
def test_models_with_other_names(model: str, bound: str, system: str) -> None:
    made = given_to(model, SYSTEM, HELLO, max_tokens=9)
    assert made == {"prompt": "Hello!", system: "Be brief.", bound: 9}


def test_images() -> None:
    asked = user({"type": "text", "text": "What is this?"}, image(PIXEL))
    assert given(asked) == {"prompt": "What is this?", "image": PIXEL}
    assert given(user(image("https://x.example/a.png")))["image"] == "https://x.example/a.png"
    two = user(image("https://x.example/a.png"), image(PIXEL))
    assert given_to("openai/gpt-4o", two)["image_input"] == ["https://x.example/a.png", PIXEL]
    assert given_to("google/gemini-2.5-flash", two)["images"] == ["https://x.example/a.png", PIXEL]
    with pytest.raises(UnsupportedParamsError, match="more than one image"):
        given(two)


@pytest.mark.parametrize(
    ("message", "where"),
    [
        (
            user({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}),
            "messages[1].content[0]",
        ),
        ({"role": "assistant", "content": [image(PIXEL)]}, "messages[1].content[0]"),
        ({"role": "tool", "tool_call_id": "c", "content": "18"}, "messages[1]"),
        ({"role": "function", "name": "f", "content": "18"}, "messages[1]"),
        ({"role": "assistant", "tool_calls": [{"id": "c", "type": "function"}]}, "messages[1]"),
        ({"role": "assistant", "function_call": {"name": "f"}}, "messages[1]"),
    ],
)
def test_what_no_input_can_say(message: dict[str, Any], where: str) -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        given(HELLO, message)
    assert caught.value.param == where


def test_refused_parameters() -> None:
    refused = {"n", "tools", "tool_choice", "response_format", "logit_bias", "logprobs", "user"}
    assert refused < CODEC.unsupported_params


def test_an_extra_input_is_merged_over_the_input() -> None:
    extra = {"input": {"prompt": "mine", "messages": []}, "webhook": "https://x.example"}
    made = CODEC.encode_request(ChatRequest("v", [USER], {"seed": 1}, extra_body=extra))
    assert orjson.loads(made.body) == {
        "version": "v",
        "input": {"prompt": "mine", "seed": 1, "messages": []},
        "webhook": "https://x.example",
    }


def test_no_key_no_header() -> None:
    codec = ReplicateCodec(REPLICATE, Endpoint(provider="replicate", base_url=BASE))
    assert "Authorization" not in codec.encode_request(ChatRequest("v", [USER])).headers
    assert "r8_secret" not in repr(ENDPOINT)
