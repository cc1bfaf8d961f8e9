"""JSON Schemas where a dialect takes none: the request offers a tool, and its arguments are read as the content."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from aiocompl import get_supported_openai_params
from aiocompl.codecs.answer_tool import ANSWER_TOOL, THE_ANSWER
from aiocompl.codecs.openai import OpenAICodec
from aiocompl.codecs.routing import Target, resolve
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import BadRequestError, IncompleteStreamError, UnsupportedParamsError
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.completion import ChatCompletion

USER = {"role": "user", "content": "Hi"}
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "city", "schema": CITY, "strict": True}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
OTHER = {"type": "function", "function": {"name": "g", "parameters": {"type": "object", "properties": {}}}}
NAMED = {"type": "function", "function": {"name": "f"}}
ALLOWED = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [NAMED]}}


def request_to(model: str, *, stream: bool = False, **params: Any) -> tuple[Any, ChatRequest]:
    route = resolve(Target(model, api_key="k", api_base="https://x.example/v1"), {})
    return route.codec, ChatRequest(route.model, [USER], params, stream)


def sent(model: str, *, stream: bool = False, **params: Any) -> dict[str, Any]:
    codec, request = request_to(model, stream=stream, **params)
    before = deepcopy(request.params)
    body: dict[str, Any] = orjson.loads(codec.encode_request(request).body)
    assert request.params == before
    return body


def names(body: dict[str, Any]) -> list[str]:
    return [tool["function"]["name"] for tool in body.get("tools", ())]


# ---------------------------------------------------------------- requests


def test_the_tool_is_the_schema() -> None:
    described = {"type": "json_schema", "json_schema": {**SCHEMA["json_schema"], "description": "A city."}}  # type: ignore[dict-item]
    body = sent("deepseek/deepseek-chat", response_format=described, temperature=0)
    (tool,) = body["tools"]
    assert tool["function"]["parameters"] == CITY
    assert tool["function"]["description"].endswith("by calling this tool.\n\nA city.")
    assert body["tool_choice"] == THE_ANSWER
    assert "response_format" not in body
    assert body["temperature"] == 0


@pytest.mark.parametrize(
    ("params", "offered", "choice"),
    [
        ({}, [], THE_ANSWER),
        ({"tools": [TOOL]}, ["f"], "required"),
        ({"tools": [TOOL], "tool_choice": "auto"}, ["f"], "required"),
        ({"tools": [TOOL], "tool_choice": "required"}, ["f"], "required"),
        ({"tools": [TOOL], "tool_choice": "none"}, ["f"], THE_ANSWER),
        ({"tools": [TOOL], "tool_choice": NAMED}, ["f"], NAMED),
        ({"tools": [TOOL, OTHER], "tool_choice": ALLOWED}, ["f"], "required"),
        ({"thinking": {"type": "enabled"}}, [], None),
        ({"thinking": {"type": "enabled"}, "tools": [TOOL], "tool_choice": "none"}, [], None),
        ({"thinking": {"type": "enabled"}, "tools": [TOOL], "tool_choice": NAMED}, ["f"], NAMED),
    ],
)
def test_beside_the_callers_own_tools(params: dict[str, Any], offered: list[str], choice: Any) -> None:
    body = sent("deepseek/deepseek-chat", response_format=SCHEMA, **params)
    assert names(body) == [*offered, ANSWER_TOOL]
    assert body.get("tool_choice") == choice


@pytest.mark.parametrize(
    ("model", "params", "choice"),
    [
        ("deepseek/deepseek-v4-flash", {}, None),  # thinks unless told otherwise
        ("deepseek/deepseek-v4-flash", {"thinking": {"type": "disabled"}}, THE_ANSWER),
        ("deepseek/deepseek-v4-flash", {"reasoning_effort": "none"}, THE_ANSWER),
        ("deepseek/deepseek-chat", {"reasoning_effort": "high"}, None),
        ("zai/glm-5", {}, None),  # has no choice but auto
        ("amazon_nova/nova-pro", {}, THE_ANSWER),
        ("poe/some-bot", {}, THE_ANSWER),
        ("openai/gpt-4-turbo", {}, THE_ANSWER),
        ("openai/gpt-3.5-turbo", {}, THE_ANSWER),
        ("azure/gpt-35-turbo", {}, THE_ANSWER),
        ("groq/llama-3.3-70b-versatile", {}, THE_ANSWER),
        ("groq/openai/gpt-oss-120b", {"tools": [TOOL]}, "required"),
        ("groq/openai/gpt-oss-120b", {"stream": True}, THE_ANSWER),
        ("cohere/command-a-03-2025", {"tools": [TOOL]}, "REQUIRED"),
    ],
)
def test_who_needs_the_tool(model: str, params: dict[str, Any], choice: Any) -> None:
    body = sent(model, response_format=SCHEMA, **params)
    assert names(body)[-1] == ANSWER_TOOL
    assert "response_format" not in body
    assert body.get("tool_choice") == choice


@pytest.mark.parametrize(
    ("model", "params"),
    [
        ("openai/gpt-4o", {}),
        ("openai/gpt-4.1", {"tools": [TOOL]}),
        ("openai/gpt-4.5-preview", {}),
        ("azure/my-deployment", {}),
        ("groq/openai/gpt-oss-120b", {}),
        ("mistral/mistral-large-latest", {"stream": True}),
        ("cohere/command-a-03-2025", {}),
    ],
)
def test_who_does_not(model: str, params: dict[str, Any]) -> None:
    body = sent(model, response_format=SCHEMA, **params)
    assert ANSWER_TOOL not in names(body)
    assert "response_format" in body


def test_what_is_no_schema_stays_as_it_was() -> None:
    json_object = {"type": "json_object"}
    assert sent("deepseek/deepseek-chat", response_format=json_object)["response_format"] == json_object
    assert "response_format" not in sent("amazon_nova/nova-pro", response_format={"type": "text"})
    with pytest.raises(UnsupportedParamsError, match="no response_format but a JSON Schema") as caught:
        sent("amazon_nova/nova-pro", response_format=json_object)
    assert caught.value.param == "response_format"
    with pytest.raises(BadRequestError, match="must hold a 'name' and a 'schema'"):
        sent("deepseek/deepseek-chat", response_format={"type": "json_schema"})


def test_a_vendor_whose_choices_name_no_tool() -> None:
    row = Vendor(
        name="v",
        title="V",
        base_url="https://v.example",
        formats=frozenset({"text"}),
        choices=frozenset({"auto", "required"}),
    )
    codec = OpenAICodec(row, Endpoint(provider="v", base_url=row.base_url))
    made = codec.encode_request(ChatRequest("m", [USER], {"response_format": SCHEMA}))
    assert orjson.loads(made.body)["tool_choice"] == "required"
    params = {"response_format": SCHEMA, "tools": [TOOL], "tool_choice": NAMED}
    with pytest.raises(UnsupportedParamsError, match="takes no tool_choice but auto, required"):
        codec.encode_request(ChatRequest("m", [USER], params))


def test_what_is_said_of_it() -> None:
    for model in ("deepseek/m", "zai/m", "amazon_nova/m", "v0/m"):
        assert "response_format" in get_supported_openai_params(model)
    for model in ("morph/m", "gigachat/m"):  # has no tools
        assert "response_format" not in get_supported_openai_params(model)


def test_earlier_answers_of_a_model_that_thinks_with_the_tool_have_reasoning() -> None:
    codec, request = request_to("deepseek/deepseek-reasoner", response_format=SCHEMA)
    request.messages = [USER, {"role": "assistant", "content": "{}"}, USER]
    assert orjson.loads(codec.encode_request(request).body)["messages"][1]["reasoning_content"] == " "


# ---------------------------------------------------------------- answers


def call(name: str, arguments: str, call_id: str, **more: Any) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def read(calls: list[dict[str, Any]], *, content: Any = None, reason: str = "tool_calls") -> ChatCompletion:
    message = {"role": "assistant", "content": content, "tool_calls": calls}
    body = {"id": "1", "choices": [{"index": 0, "message": message, "finish_reason": reason}]}
    codec, request = request_to("deepseek/deepseek-chat", response_format=SCHEMA, tools=[TOOL])
    answer: ChatCompletion = codec.decode_response(request, HTTPResponse(200, {}, orjson.dumps(body)))
    return answer


def streamed(calls: list[dict[str, Any]], *, content: Any = None, reason: str = "tool_calls") -> list[Any]:
    """Each call in three pieces: its name, and the halves of its arguments."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": content}]
    for index, each in enumerate(calls):
        arguments = each["function"]["arguments"]
        begun = {**each, "index": index, "function": {"name": each["function"]["name"], "arguments": ""}}
        halves = [arguments[:4], arguments[4:]]
        more = [{"index": index, "function": {"arguments": half}} for half in halves]
        deltas += [{"tool_calls": [piece]} for piece in (begun, *more)]
    choices: list[dict[str, Any]] = [{"index": 0, "delta": delta} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": reason})
    return [{"id": "1", "choices": [choice]} for choice in choices]


def play(events: list[Any], *, end: bytes = b"data: [DONE]\n\n") -> list[ChatCompletionChunk]:
    codec, request = request_to("deepseek/deepseek-chat", response_format=SCHEMA, tools=[TOOL], stream=True)
    raw = b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events) + end
    frames, decoder = codec.frame_decoder(), codec.stream_decoder(request)
    chunks: list[ChatCompletionChunk] = []
    decoder.feed(frames.feed(raw), chunks)
    decoder.feed(frames.end(), chunks)
    decoder.end(chunks)
    assert decoder.finished
    return chunks


JSON = '{"city":"Paris"}'
ANSWER = call(ANSWER_TOOL, JSON, "a")


@pytest.mark.parametrize(
    ("calls", "content", "reason", "text", "left", "finish"),
    [
        ([ANSWER], None, "tool_calls", JSON, [], "stop"),
        ([ANSWER], None, "stop", JSON, [], "stop"),
        ([ANSWER], "", "length", JSON, [], "length"),
        ([ANSWER], "So: ", "tool_calls", "So: " + JSON, [], "stop"),
        ([ANSWER, call("f", "{}", "b")], None, "tool_calls", JSON, ["b"], "tool_calls"),
        ([call("f", "{}", "b"), ANSWER, call("g", "{}", "c")], None, "tool_calls", JSON, ["b", "c"], "tool_calls"),
        ([call("f", "{}", "b")], None, "tool_calls", None, ["b"], "tool_calls"),
    ],
)  # fmt: skip
def test_whole_and_streamed(
    calls: list[dict[str, Any]],
    content: Any,
    reason: str,
    text: str | None,
    left: list[str],
    finish: str,
) -> None:
    whole = read(calls, content=content, reason=reason)
    chunks = play(streamed(calls, content=content, reason=reason))
    for answer in (whole, stream_chunk_builder(chunks)):
        assert answer is not None
        (choice,) = answer.choices
        assert choice.message.content == text
        assert [each.id for each in choice.message.tool_calls or ()] == left
        assert choice.finish_reason == finish
        if (reason, finish) == ("tool_calls", "stop"):
            assert choice.native_finish_reason == "tool_calls"
    indices = {each.index for chunk in chunks for each in chunk.choices[0].delta.tool_calls or ()}
    assert indices == set(range(len(left)))


def test_the_arguments_come_piece_by_piece() -> None:
    texts = [chunk.choices[0].delta.content for chunk in play(streamed([ANSWER]))]
    assert [text for text in texts if text] == [JSON[:4], JSON[4:]]


def test_a_text_instead_of_the_tool_is_the_content() -> None:
    assert read([], content=JSON, reason="stop").choices[0].message.content == JSON


def test_blocks_stay_beside_the_answer() -> None:
    blocks = [{"type": "image", "url": "x"}]
    content = read([ANSWER], content=blocks).choices[0].message.content
    assert content == [*blocks, {"type": "text", "text": JSON}]


def test_a_stream_that_breaks_off_keeps_what_came() -> None:
    codec, request = request_to("deepseek/deepseek-chat", response_format=SCHEMA, stream=True)
    frames, decoder = codec.frame_decoder(), codec.stream_decoder(request)
    chunks: list[ChatCompletionChunk] = []
    events = streamed([ANSWER])[:-1]
    decoder.feed(frames.feed(b"".join(b"data: " + orjson.dumps(e) + b"\n\n" for e in events)), chunks)
    with pytest.raises(IncompleteStreamError):
        decoder.end(chunks)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == JSON


def test_a_tool_of_that_name_is_left_alone_where_no_schema_was_asked_for() -> None:
    codec, request = request_to("deepseek/deepseek-chat", tools=[TOOL])
    message = {"role": "assistant", "content": None, "tool_calls": [ANSWER]}
    body = {"id": "1", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    answer = codec.decode_response(request, HTTPResponse(200, {}, orjson.dumps(body)))
    assert [each.id for each in answer.choices[0].message.tool_calls or ()] == ["a"]
