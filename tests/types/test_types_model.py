"""Response objects: reading, dumping, comparing, pickling; nothing of what a provider sends is lost."""

from __future__ import annotations

import pickle
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.types import chunk as chunks
from aiocompl.types import completion as wholes
from aiocompl.types.call import CallInfo
from aiocompl.types.chunk import ChatCompletionChunk, ModelResponseStream
from aiocompl.types.completion import (
    ChatCompletion,
    ChatCompletionMessage,
    FunctionCall,
    ModelResponse,
    Usage,
)
from aiocompl.types.model import Model, wire_fields

if TYPE_CHECKING:
    from aiocompl.types.model import JSON

LOGPROB: JSON = {
    "token": "Hi",
    "logprob": -0.25,
    "bytes": [72, 105],
    "top_logprobs": [{"token": "Hi", "logprob": -0.25, "bytes": [72, 105]}],
}
USAGE: JSON = {
    "prompt_tokens": 9,
    "completion_tokens": 3,
    "total_tokens": 12,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 0,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}


def answer(message: JSON, finish_reason: str = "stop", **choice: Any) -> JSON:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1790000000,
        "model": "gpt-4o-2024-08-06",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": None, "refusal": None, **message},
                "logprobs": None,
                "finish_reason": finish_reason,
                **choice,
            }
        ],
        "usage": USAGE,
        "service_tier": "default",
        "system_fingerprint": "fp_1",
    }


TOOL_CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city":"Rome"}'},
}
CUSTOM_CALL = {"id": "call_2", "type": "custom", "custom": {"name": "sql", "input": "select 1"}}
CITATION = {
    "type": "url_citation",
    "url_citation": {"start_index": 0, "end_index": 5, "title": "T", "url": "https://example.com"},
}
BODIES: dict[str, JSON] = {
    "text": answer({"content": "Hello!", "annotations": []}),
    "refusal": answer({"refusal": "I will not."}),
    "tool calls": answer({"tool_calls": [TOOL_CALL, CUSTOM_CALL]}, "tool_calls"),
    "legacy function": answer({"function_call": {"name": "f", "arguments": "{}"}}, "function_call"),
    "citations": answer({"content": "It is so.", "annotations": [CITATION]}),
    "audio": answer(
        {"audio": {"id": "audio_1", "data": "AAAA", "expires_at": 1790000001, "transcript": "Hi"}}
    ),
    "logprobs": answer({"content": "Hi"}, logprobs={"content": [LOGPROB], "refusal": None}),
    "logprobs of a refusal": answer({"refusal": "Hi"}, logprobs={"content": None, "refusal": [LOGPROB]}),
    "reasoning": answer({"content": "4", "reasoning_content": "2 and 2"}),
    "moderated": answer({"content": "Hi"}) | {"moderation": {"input": {"results": [{"flagged": False}]}}},
    "unforeseen": answer({"content": "Hi", "x": None, "y": [{"z": 1}]}, content_filter_results={"hate": {}})
    | {"prompt_filter_results": [], "new": None},
}
CHUNK: JSON = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1790000000,
    "model": "gpt-4o",
    "choices": [
        {
            "index": 1,
            "delta": {
                "role": "assistant",
                "content": "Hi",
                "refusal": "no",
                "reasoning_content": "hm",
                "tool_calls": [
                    {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{"}},
                    {"index": 1, "id": "b", "type": "custom", "custom": {"name": "g", "input": "x"}},
                ],
                "function_call": {"name": "f", "arguments": ""},
                "audio": {"id": "audio_1", "transcript": "Hi"},
                "new": 1,
            },
            "logprobs": {"content": [LOGPROB], "refusal": None},
            "finish_reason": None,
            "content_filter_results": {},
        }
    ],
    "usage": USAGE,
    "service_tier": "default",
    "system_fingerprint": "fp_1",
    "obfuscation": "aB3",
}

each_body = pytest.mark.parametrize("body", BODIES.values(), ids=list(BODIES))


def parts(value: object) -> list[Model]:
    """The object and all objects within it."""
    if isinstance(value, Model):
        return [value, *(part for _, inner in value.items() for part in parts(inner))]
    return [part for item in value for part in parts(item)] if isinstance(value, list) else []


ALL = [part for body in BODIES.values() for part in parts(ChatCompletion.model_validate(body))] + parts(
    ChatCompletionChunk.model_validate(CHUNK)
)
each_part = pytest.mark.parametrize("part", ALL, ids=lambda part: type(part).__name__)


def test_every_class_of_the_schema_is_tested_here() -> None:
    classes = {
        value
        for module in (wholes, chunks)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Model) and value is not Model
    }
    assert {type(part) for part in ALL} == classes


# ---------------------------------------------------------------- round trips


@each_body
def test_an_answer_survives_the_round_trip(body: JSON) -> None:
    before = deepcopy(body)
    whole = ChatCompletion.model_validate(body)
    assert body == before
    assert whole.to_dict() == body
    assert orjson.loads(whole.to_json()) == body
    assert orjson.loads(whole.to_json(indent=2)) == body
    assert ChatCompletion.model_validate(whole.to_dict()) == whole
    assert ChatCompletion.model_validate(whole.model_dump()) == whole


def test_a_chunk_survives_the_round_trip() -> None:
    piece = ChatCompletionChunk.model_validate(CHUNK)
    assert piece.to_dict() == CHUNK
    assert ChatCompletionChunk.model_validate(piece.model_dump()) == piece


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
UNFORESEEN = st.dictionaries(st.text(min_size=1).map("x_{}".format), JSONS, max_size=3)


@given(UNFORESEEN, UNFORESEEN, UNFORESEEN, UNFORESEEN)
def test_fields_we_do_not_know_survive(top: JSON, choice: JSON, message: JSON, usage: JSON) -> None:
    body = answer({"content": "Hi", **message}, **choice) | top
    body["usage"] = USAGE | usage
    assert ChatCompletion.model_validate(body).to_dict() == body


@each_part
def test_pickling_and_copying(part: Model) -> None:
    for again in (pickle.loads(pickle.dumps(part)), deepcopy(part)):  # noqa: S301 - our own
        assert again == part
        assert type(again) is type(part)
        assert again.to_dict() == part.to_dict()
        assert repr(again) == repr(part)


@each_part
def test_all_fields_are_dumped(part: Model) -> None:
    dumped = part.model_dump()
    assert list(dumped) == part.keys() == list(part)
    assert set(part.model_dump(exclude_none=True)) == {
        key for key, value in part.items() if value is not None
    }
    assert orjson.loads(part.model_dump_json()) == dumped
    assert orjson.loads(part.model_dump_json(indent=2, exclude_none=True)) == part.model_dump(
        exclude_none=True
    )


@each_part
def test_attributes_and_items_are_the_same(part: Model) -> None:
    for key in part:
        assert key in part
        assert part[key] is getattr(part, key)
        assert part.get(key, None) is part[key]


# ---------------------------------------------------------------- reading and changing


@pytest.fixture
def whole() -> ChatCompletion:
    return ChatCompletion.model_validate(BODIES["unforeseen"])


def test_reading_like_a_dict(whole: ChatCompletion) -> None:
    assert whole["choices"][0]["message"]["content"] == "Hi"
    assert whole["usage"].get("prompt_tokens") == 9
    assert whole.get("nothing") is None
    assert whole.get("nothing", 3) == 3
    assert whole.get("new", 3) == 3  # null
    assert "choices" in whole
    assert "prompt_filter_results" in whole
    assert "nothing" not in whole
    assert 3 not in whole
    assert "x" not in Usage()
    with pytest.raises(KeyError, match="nothing"):
        whole["nothing"]


def test_reading_what_nobody_foresaw(whole: ChatCompletion) -> None:
    message = whole.choices[0].message
    assert message.y == [{"z": 1}]
    assert message.x is None
    assert message.model_extra == {"x": None, "y": [{"z": 1}]}
    for name in ("nothing", "_nothing", "__nothing__"):
        with pytest.raises(AttributeError, match=name):
            getattr(message, name)
    with pytest.raises(AttributeError, match="'Usage' object has no attribute 'nothing'"):
        Usage().nothing  # noqa: B018 - it is the test


def test_changing(whole: ChatCompletion) -> None:
    whole["model"] = "mine"
    whole["mine"] = 1
    whole.choices[0].message.content = "Bye"
    assert (whole.model, whole.mine) == ("mine", 1)
    assert whole.to_dict()["choices"][0]["message"]["content"] == "Bye"
    assert whole.model_extra["mine"] == 1


def test_a_dump_is_the_callers(whole: ChatCompletion) -> None:
    for dumped in (whole.to_dict(), whole.model_dump()):
        dumped["choices"][0]["message"]["y"][0]["z"] = 2
        dumped["choices"][0]["content_filter_results"]["hate"] = 2
    assert whole.to_dict() == BODIES["unforeseen"]


def test_null_stands_where_the_schema_requires_the_field() -> None:
    whole = ChatCompletion.model_validate({"choices": [{"message": {}}]})
    assert whole.to_dict() == {
        "id": "",
        "object": "chat.completion",
        "created": 0,
        "model": "",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": None, "refusal": None},
                "finish_reason": None,
                "logprobs": None,
            }
        ],
    }


def test_equality_is_by_value(whole: ChatCompletion) -> None:
    other = deepcopy(whole)
    assert other == whole
    other.choices[0].message.y[0]["z"] = 2
    assert other != whole
    nobody: object = FunctionCall(name="f", arguments="")
    assert other != nobody
    read = Usage()
    assert read.model_extra == {}
    assert read == Usage()  # having been asked for its extra makes no difference


def test_repr_shows_what_is_there_and_the_call_stands_beside() -> None:
    usage = Usage(prompt_tokens=1, completion_tokens=2, total_tokens=3, model_extra={"queue_time": 0.5})
    assert repr(usage) == "Usage(prompt_tokens=1, completion_tokens=2, total_tokens=3, queue_time=0.5)"
    whole = ChatCompletion(id="a", choices=[])
    again = deepcopy(whole)
    whole.call = CallInfo("openai", "https://api.openai.com/v1", "gpt-4o")
    assert whole == again
    assert (
        repr(whole)
        == repr(again)
        == "ChatCompletion(id='a', object='chat.completion', created=0, model='', choices=[])"
    )
    assert "call" not in whole
    assert "call" not in whole.model_dump()
    assert pickle.loads(pickle.dumps(whole)).call.provider == "openai"  # noqa: S301 - our own


def test_content_may_be_a_list_of_blocks() -> None:
    message = ChatCompletionMessage.model_validate({"content": [{"type": "text", "text": "Hi"}]})
    assert message.to_dict()["content"] == [{"type": "text", "text": "Hi"}]


def test_litellms_names() -> None:
    assert ModelResponse is ChatCompletion
    assert ModelResponseStream is ChatCompletionChunk


def test_an_empty_call_is_none() -> None:
    message = ChatCompletionMessage.model_validate({"tool_calls": [], "function_call": {}})
    assert (message.tool_calls, message.function_call) == (None, None)


def test_orjson_writes_what_to_dict_gives() -> None:
    answer = ChatCompletion.model_validate(
        {
            "id": "c",
            "created": 1,
            "model": "m",
            "choices": [
                {"index": 0, "message": {"content": None, "x": {"y": None}}, "finish_reason": "stop"}
            ],
            "usage": USAGE,
            "z": None,
        }
    )
    assert orjson.dumps(answer, default=wire_fields) == orjson.dumps(answer.to_dict())
    with pytest.raises(TypeError, match="object is no JSON"):
        wire_fields(object())
