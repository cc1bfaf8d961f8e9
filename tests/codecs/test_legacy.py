"""`functions` and `function_call` for those who only know tools: requests go there, answers come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from aiocompl.codecs.base import Signer
from aiocompl.codecs.legacy import LegacyCodec, is_legacy, legacy_route, modern_request
from aiocompl.codecs.routing import Target, resolve
from aiocompl.errors import APIError, BadRequestError, IncompleteStreamError
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.endpoint import Credential
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPRequest, HTTPResponse

if TYPE_CHECKING:
    from aiocompl.codecs.base import Codec
    from aiocompl.types.chunk import ChatCompletionChunk

USER: dict[str, Any] = {"role": "user", "content": "Hi"}
F = {"name": "f", "parameters": {"type": "object", "properties": {}}}
G = {"name": "g"}
TOOL_F = {"type": "function", "function": F}
CALL = {"name": "f", "arguments": "{}"}


def codec_of(model: str = "groq/m") -> Codec:
    return resolve(Target(model, api_key="sk-x"), {}).codec


def modern(messages: list[dict[str, Any]], model: str = "groq/m", **params: Any) -> ChatRequest:
    request = ChatRequest("m", messages, params)
    made = modern_request(request, codec_of(model))
    assert (request.messages, request.params) == (messages, params)
    return made


@pytest.mark.parametrize(
    ("params", "messages", "expected"),
    [
        ({}, [USER], False),
        ({"tools": [TOOL_F]}, [USER, {"role": "assistant", "content": "x", "function_call": None}], False),
        ({"functions": [F]}, [USER], True),
        ({"function_call": "none"}, [USER], True),
        ({}, [USER, {"role": "assistant", "function_call": CALL}], True),
        ({}, [USER, {"role": "function", "name": "f", "content": "1"}], True),
    ],
)
def test_what_is_in_the_older_form(
    params: dict[str, Any], messages: list[dict[str, Any]], expected: bool
) -> None:
    assert is_legacy(params, messages) is expected


@pytest.mark.parametrize(
    ("params", "sent", "legacy"),
    [
        ({"functions": [F, G]}, {"tools": [TOOL_F, {"type": "function", "function": G}]}, True),
        ({"functions": [F], "function_call": "auto"}, {"tools": [TOOL_F], "tool_choice": "auto"}, True),
        ({"functions": [F], "function_call": "none"}, {"tools": [TOOL_F], "tool_choice": "none"}, True),
        (
            {"functions": [F], "function_call": {"name": "f"}, "temperature": 0},
            {
                "tools": [TOOL_F],
                "tool_choice": {"type": "function", "function": {"name": "f"}},
                "temperature": 0,
            },
            True,
        ),
        (
            {"functions": [G], "tools": [TOOL_F]},
            {"tools": [TOOL_F, {"type": "function", "function": G}]},
            False,
        ),
        (
            {"tools": [TOOL_F], "function_call": "none", "tool_choice": "auto"},
            {"tools": [TOOL_F], "tool_choice": "auto"},
            False,
        ),
        ({"tools": [TOOL_F], "function_call": "none"}, {"tools": [TOOL_F], "tool_choice": "none"}, False),
        ({"function_call": "auto"}, {}, False),
        ({"functions": []}, {}, False),
    ],
)
def test_parameters(params: dict[str, Any], sent: dict[str, Any], legacy: bool) -> None:
    made = modern([USER], **params)
    assert made.legacy is legacy
    assert made.params == sent | ({"parallel_tool_calls": False} if legacy else {})


@pytest.mark.parametrize("choice", ["required", "f", {}, {"name": 1}, 1])
def test_a_function_call_of_another_form(choice: Any) -> None:
    with pytest.raises(BadRequestError, match="function_call must be") as caught:
        modern([USER], functions=[F], function_call=choice)
    assert caught.value.param == "function_call"


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("groq/m", False),  # which can say so
        ("anthropic/claude-sonnet-4-5", False),
        ("openai/responses/gpt-4o", False),
        ("bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0", False),
        ("zai/m", None),  # which refuses the parameter
        ("ollama/m", None),
        ("cohere/command-a-03-2025", None),
        ("gemini/gemini-2.5-flash", None),  # which refuses the value
    ],
)
def test_one_call_at_a_time_where_it_can_be_asked_for(model: str, sent: bool | None) -> None:
    env = {"AWS_REGION": "us-east-1"}
    codec = resolve(Target(model, api_key="sk-x"), env).codec
    name = model.rpartition("/")[2]
    made = modern_request(ChatRequest(name, [USER], {"functions": [F]}), codec)
    assert made.params.get("parallel_tool_calls") is sent
    codec.encode_request(made)


def test_what_the_caller_says_of_parallel_calls_stands() -> None:
    assert modern([USER], functions=[F], parallel_tool_calls=True).params["parallel_tool_calls"] is True


def call(call_id: str, name: str = "f", **more: Any) -> dict[str, Any]:
    return {"id": call_id, **more, "type": "function", "function": {"name": name, "arguments": "{}"}}


def test_messages() -> None:
    messages = [
        USER,
        {"role": "assistant", "content": None, "function_call": CALL},
        {"role": "function", "name": "f", "content": "1"},
        {"role": "assistant", "content": "Again", "function_call": CALL, "reasoning_content": "Hm"},
        {"role": "function", "name": "f", "content": None},
        {"role": "function", "name": "g", "content": "3"},
    ]
    made = modern(messages, functions=[F]).messages
    assert list(made) == [
        USER,
        {"role": "assistant", "content": None, "tool_calls": [call("call_f")]},
        {"role": "tool", "tool_call_id": "call_f", "content": "1"},
        {
            "role": "assistant",
            "content": "Again",
            "reasoning_content": "Hm",
            "tool_calls": [call("call_f_3")],
        },
        {"role": "tool", "tool_call_id": "call_f_3", "content": ""},
        {"role": "tool", "tool_call_id": "call_g", "name": "g", "content": "3"},
    ]


def test_what_was_kept_of_a_call_goes_back_with_it() -> None:
    kept = {"function_call": {"id": "toolu_1", "extra_content": {"a": 1}}, "b": 2}
    answered, open_ = call("t2", "g"), call("t3", "g")
    messages = [
        USER,
        {
            "role": "assistant",
            "content": None,
            "function_call": CALL,
            "tool_calls": [answered, open_],
            "provider_specific_fields": kept,
        },
        {"role": "function", "name": "f", "content": "1"},
        {"role": "tool", "tool_call_id": "t2", "content": "2"},
    ]
    _, assistant, result, _ = modern(messages).messages
    assert assistant == {
        "role": "assistant",
        "content": None,
        "tool_calls": [call("toolu_1", extra_content={"a": 1}), answered],
        "provider_specific_fields": {"b": 2},
    }
    assert result == {"role": "tool", "tool_call_id": "toolu_1", "content": "1"}


@pytest.mark.parametrize("function", ["f", {"arguments": "{}"}, {"name": None}])
def test_a_call_without_a_name(function: Any) -> None:
    with pytest.raises(BadRequestError, match="must be a mapping with a 'name'") as caught:
        modern([USER, {"role": "assistant", "content": None, "function_call": function}])
    assert caught.value.param == "messages[1].function_call"


# ---------------------------------------------------------------- answers

REQUEST = ChatRequest("m", [USER], {"tools": [TOOL_F]}, legacy=True)


def answer(*calls: dict[str, Any], reason: str = "tool_calls", **message: Any) -> HTTPResponse:
    message |= {"role": "assistant", "content": None} | ({"tool_calls": list(calls)} if calls else {})
    choice = {"index": 0, "finish_reason": reason, "message": message}
    return HTTPResponse(200, {}, orjson.dumps({"id": "1", "model": "m", "choices": [choice]}))


CUSTOM = {"id": "c", "type": "custom", "custom": {"name": "free", "input": "x"}}


@pytest.mark.parametrize(
    ("calls", "reason", "expected"),
    [
        ([call("t1")], "function_call", {"function_call": CALL}),
        (
            [call("t1"), call("t2", "g")],
            "function_call",
            {"function_call": CALL, "tool_calls": [call("t2", "g")]},
        ),
        ([CUSTOM, call("t1")], "function_call", {"function_call": CALL, "tool_calls": [CUSTOM]}),
        ([CUSTOM], "tool_calls", {"tool_calls": [CUSTOM]}),
        ([], "tool_calls", {}),
    ],
)
def test_a_whole_answer(calls: list[dict[str, Any]], reason: str, expected: dict[str, Any]) -> None:
    (choice,) = LegacyCodec(codec_of()).decode_response(REQUEST, answer(*calls)).choices
    kept = (
        {"provider_specific_fields": {"function_call": {"id": "t1"}}} if "function_call" in expected else {}
    )
    assert choice.finish_reason == reason
    assert choice.message.to_dict() == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        **expected,
        **kept,
    }


def test_what_a_call_has_besides_is_kept_beside_what_the_message_has() -> None:
    response = answer(call("t1", extra_content={"a": 1}), provider_specific_fields={"b": 2})
    (choice,) = LegacyCodec(codec_of()).decode_response(REQUEST, response).choices
    assert choice.message.model_extra["provider_specific_fields"] == {
        "b": 2,
        "function_call": {"id": "t1", "extra_content": {"a": 1}},
    }


def test_an_answer_cut_off_within_a_call_says_so() -> None:
    (choice,) = LegacyCodec(codec_of()).decode_response(REQUEST, answer(call("t1"), reason="length")).choices
    assert choice.finish_reason == "length"


def piece(*deltas: dict[str, Any], reason: str | None = None) -> bytes:
    choice = {"index": 0, "finish_reason": reason, "delta": {"tool_calls": list(deltas)} if deltas else {}}
    return orjson.dumps({"id": "1", "created": 0, "model": "m", "choices": [choice]})


def arguments(index: int, text: str) -> dict[str, Any]:
    return {"index": index, "function": {"arguments": text}}


STREAMS: dict[str, list[bytes]] = {
    "one call": [
        piece({**call("t1"), "index": 0, "function": {"name": "f", "arguments": ""}}),
        piece(arguments(0, "{"), arguments(0, "}")),
    ],
    "two calls": [
        piece({**call("t1"), "index": 0, "function": {"name": "f", "arguments": "{"}}),
        piece({**call("t2", "g"), "index": 1}, arguments(0, "}")),
    ],
    "a custom one before it": [
        piece({**CUSTOM, "index": 0}),
        piece({**call("t1"), "index": 1}),
    ],
    "one in pieces that say more each": [
        piece({**call("t1"), "index": 0, "function": {"name": "f"}, "a": 1}),
        piece({"index": 0, "b": 2}),
        piece(arguments(0, "{}")),
    ],
    "only a custom one": [piece({**CUSTOM, "index": 0})],
    "none": [piece()],
}
WHOLE = {
    "one call": [call("t1")],
    "two calls": [call("t1"), call("t2", "g")],
    "a custom one before it": [CUSTOM, call("t1")],
    "one in pieces that say more each": [call("t1", a=1, b=2)],
    "only a custom one": [CUSTOM],
    "none": [],
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_gives_what_the_whole_answer_gives(name: str) -> None:
    codec = LegacyCodec(codec_of())
    chunks: list[ChatCompletionChunk] = []
    decoder = codec.stream_decoder(REQUEST)
    frames = codec.frame_decoder()
    for data in [*STREAMS[name], piece(reason="tool_calls"), b"[DONE]"]:
        decoder.feed(frames.feed(b"data: " + data + b"\n\n"), chunks)
    decoder.end(chunks)
    assert decoder.finished
    (streamed,) = stream_chunk_builder(chunks).choices
    (whole,) = codec.decode_response(REQUEST, answer(*WHOLE[name])).choices
    assert streamed.to_dict() == whole.to_dict()


def test_chunks_before_an_error_are_put_back_too() -> None:
    codec = LegacyCodec(codec_of())
    chunks: list[ChatCompletionChunk] = []
    events = codec.frame_decoder().feed(
        b"data: " + piece({**call("t1"), "index": 0}) + b'\n\ndata: {"error": {"message": "no"}}\n\n'
    )
    with pytest.raises(APIError, match="no"):
        codec.stream_decoder(REQUEST).feed(events, chunks)
    assert [chunk.choices[0].delta.function_call is not None for chunk in chunks] == [True]
    with pytest.raises(IncompleteStreamError):
        codec.stream_decoder(REQUEST).end(chunks)


def test_all_else_is_the_codecs_own() -> None:
    inner = codec_of()
    codec = LegacyCodec(inner)
    for name in ("headers", "native_params", "unsupported_params", "takes_functions"):
        assert getattr(codec, name) is getattr(inner, name)
    assert codec.encode_request(REQUEST) == inner.encode_request(REQUEST)
    error = codec.decode_error(REQUEST, HTTPResponse(429, {}, b"slow down"))
    assert error.status_code == 429


def test_what_is_bound_anew_signs_as_the_dialect_does_and_is_known_again() -> None:
    credentials = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "aws_region_name": "us-east-1"}
    route = resolve(Target("bedrock/amazon.nova-lite-v1:0", credentials=credentials), {})
    codec = legacy_route(route).codec
    assert isinstance(codec, Signer)
    assert codec.signs
    request = codec.encode_request(ChatRequest("m", [{"role": "user", "content": "?"}]))
    assert codec.sign(request, 0.0) == route.codec.sign(request, 0.0)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]

    fetched = resolve(Target("anthropic/m", api_key=lambda: "k"), {})
    one, other = legacy_route(fetched).rebind, legacy_route(fetched).rebind
    assert one is not None
    assert one == other
    assert hash(one) == hash(other)
    bound = one(fetched.endpoint.with_credential(Credential(secret="sk-1")))
    assert isinstance(bound, LegacyCodec)
    assert bound.headers["x-api-key"] == "sk-1"
    assert not bound.signs
    plain = HTTPRequest("http://h/", {}, b"")
    assert bound.sign(plain, 0.0) is plain
