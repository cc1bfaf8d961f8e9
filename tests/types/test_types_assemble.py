"""Chunks put together again: the same answer as the blocking call would have given."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.chunk import ChatCompletionChunk
from aiocompl.types.completion import ChatCompletion

if TYPE_CHECKING:
    from aiocompl.types.model import JSON

HEADING: JSON = {"id": "chatcmpl-1", "created": 1790000000, "model": "gpt-4o"}
USAGE: JSON = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}


def logprob(token: str) -> JSON:
    return {"token": token, "logprob": -0.5, "bytes": list(token.encode()), "top_logprobs": []}


def piece(*deltas: JSON, finish: str | None = None, index: int = 0, **more: Any) -> list[JSON]:
    """Chunks of one choice, one for each delta; the last has the finish reason and whatever else."""
    choices: list[JSON] = [{"index": index, "delta": delta, "finish_reason": None} for delta in deltas]
    choices[-1] |= {"finish_reason": finish, **more}
    return [HEADING | {"object": "chat.completion.chunk", "choices": [choice]} for choice in choices]


def call(index: int, **fields: Any) -> JSON:
    return {"tool_calls": [{"index": index, **fields}]}


def stream(deltas: list[JSON], finish: str) -> list[JSON]:
    return [*piece({"role": "assistant"}, *deltas), *piece({}, finish=finish)]


# What the deltas say, and the message (with its finish reason) that they make.
ANSWERS: dict[str, tuple[list[JSON], str, JSON]] = {
    "text": (
        [{"content": ""}, {"content": "Hel"}, {"content": "lo"}],
        "stop",
        {"content": "Hello"},
    ),
    "no text": ([{"content": ""}], "stop", {"content": ""}),
    "nothing": ([], "stop", {"content": None}),
    "role in each delta": (
        [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}],
        "stop",
        {"content": "ab"},
    ),
    "refusal": (
        [{"content": "", "refusal": None}, {"refusal": "I "}, {"refusal": "won't"}],
        "stop",
        {"content": None, "refusal": "I won't"},
    ),
    "reasoning": (
        [{"reasoning_content": "2 "}, {"reasoning_content": "and 2"}, {"content": "4"}],
        "stop",
        {"content": "4", "reasoning_content": "2 and 2"},
    ),
    "tool call": (
        [
            {"content": None}
            | call(0, id="call_1", type="function", function={"name": "weather", "arguments": ""}),
            call(0, function={"arguments": '{"city":'}),
            call(0, function={"arguments": '"Rome"}'}),
        ],
        "tool_calls",
        {
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city":"Rome"}'},
                }
            ],
        },
    ),
    "parallel tool calls, interleaved": (
        [
            {"content": "Let me see."},
            call(1, id="b", type="function", function={"name": "g", "arguments": "["}),
            call(0, id="a", type="function", function={"name": "f", "arguments": "{"}),
            call(1, function={"arguments": "]"}),
            {"tool_calls": [{"index": 0, "function": {"arguments": "}"}}, {"index": 2, "id": "c"}]},
        ],
        "tool_calls",
        {
            "content": "Let me see.",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "b", "type": "function", "function": {"name": "g", "arguments": "[]"}},
                {"id": "c", "type": "function", "function": {"name": "", "arguments": ""}},
            ],
        },
    ),
    "custom tool": (
        [
            call(0, id="a", type="custom", custom={"name": "sql", "input": ""}),
            call(0, custom={"input": "select "}),
            call(0, custom={"input": "1", "x": 1}),
        ],
        "tool_calls",
        {
            "content": None,
            "tool_calls": [
                {"id": "a", "type": "custom", "custom": {"name": "sql", "input": "select 1", "x": 1}}
            ],
        },
    ),
    "custom tool that does not say so": (
        [call(0, id="a", custom={"name": "sql", "input": "1"})],
        "tool_calls",
        {
            "content": None,
            "tool_calls": [{"id": "a", "type": "custom", "custom": {"name": "sql", "input": "1"}}],
        },
    ),
    "unforeseen fields of a tool call": (
        [
            call(0, id="a", type="function", function={"name": "f", "arguments": "{", "x": 1}, signature="s"),
            call(0, function={"arguments": "}"}),
        ],
        "tool_calls",
        {
            "content": None,
            "tool_calls": [
                {
                    "id": "a",
                    "type": "function",
                    "function": {"name": "f", "arguments": "{}", "x": 1},
                    "signature": "s",
                }
            ],
        },
    ),
    "legacy function call": (
        [
            {"content": None, "function_call": {"name": "f", "arguments": ""}},
            {"function_call": {"arguments": "{}"}},
        ],
        "function_call",
        {"content": None, "function_call": {"name": "f", "arguments": "{}"}},
    ),
    "audio": (
        [
            {"audio": {"id": "audio_1", "transcript": "Hel"}},
            {"audio": {"transcript": "lo", "data": "AAAA"}},
            {"audio": {"data": "BBBB", "x": 1}},
            {"audio": {"expires_at": 1790000001}},
        ],
        "stop",
        {
            "content": None,
            "audio": {
                "id": "audio_1",
                "data": "AAAABBBB",
                "expires_at": 1790000001,
                "transcript": "Hello",
                "x": 1,
            },
        },
    ),
    "annotations": (
        [
            {"content": "a", "annotations": [{"type": "url_citation", "url_citation": {"url": "https://a"}}]},
            {"content": "b", "annotations": [{"type": "url_citation", "url_citation": {"url": "https://b"}}]},
        ],
        "stop",
        {
            "content": "ab",
            "annotations": [
                {"type": "url_citation", "url_citation": {"url": "https://a"}},
                {"type": "url_citation", "url_citation": {"url": "https://b"}},
            ],
        },
    ),
    "what the provider alone has": (
        [
            {"content": "a", "provider_specific_fields": {"citations": [1], "model": "x"}},
            {"content": "b", "provider_specific_fields": {"citations": [2], "model": "y"}},
        ],
        "stop",
        {"content": "ab", "provider_specific_fields": {"citations": [1, 2], "model": "xy"}},
    ),
    "unforeseen fields": (
        [
            {"reasoning": "2 ", "details": [1], "channel": "final", "state": {"a": 1}, "empty": None},
            {"reasoning": "and 2", "details": [2], "channel": "final", "state": {"b": 1}, "state2": None},
            {"reasoning": None, "details": None, "content": "4", "p": "abcdef"},
        ],
        "stop",
        {
            "content": "4",
            "reasoning": "2 and 2",
            "details": [1, 2],
            "channel": "final",
            "state": {"b": 1},
            "state2": None,
            "empty": None,
        },
    ),
}


def build(bodies: list[JSON]) -> ChatCompletion:
    return stream_chunk_builder([ChatCompletionChunk.model_validate(body) for body in bodies])


def blocking(*choices: JSON, **more: Any) -> JSON:
    return {**HEADING, "object": "chat.completion", "choices": list(choices), **more}


def choice(message: JSON, finish_reason: str | None, index: int = 0, **more: Any) -> JSON:
    message = {"role": "assistant", "content": None, "refusal": None, **message}
    return {"index": index, "message": message, "finish_reason": finish_reason, "logprobs": None, **more}


@pytest.mark.parametrize(("deltas", "finish", "message"), ANSWERS.values(), ids=list(ANSWERS))
def test_the_answer_is_that_of_the_blocking_call(deltas: list[JSON], finish: str, message: JSON) -> None:
    whole = build(stream(deltas, finish))
    assert whole.to_dict() == blocking(choice(message, finish))
    assert whole == ChatCompletion.model_validate(blocking(choice(message, finish)))
    for part in (whole, whole.choices[0], whole.choices[0].message):
        assert len(part.keys()) == len(set(part.keys()))


@pytest.mark.parametrize("name", ANSWERS)
def test_the_chunks_stay_as_they_were(name: str) -> None:
    chunks = [ChatCompletionChunk.model_validate(body) for body in stream(*ANSWERS[name][:2])]
    before = deepcopy(chunks)
    first = stream_chunk_builder(chunks)
    assert chunks == before
    assert stream_chunk_builder(iter(chunks)) == first


def test_several_answers_interleaved() -> None:
    bodies = [
        *piece({"role": "assistant", "content": "b"}, index=1),
        *piece({"role": "assistant", "content": "a"}, index=0),
        *piece({"content": "a"}, finish="length", index=0),
        *piece({"content": "b"}, finish="stop", index=1),
    ]
    assert build(bodies).to_dict() == blocking(
        choice({"content": "aa"}, "length"), choice({"content": "bb"}, "stop", index=1)
    )


def test_logprobs_of_content_and_refusal() -> None:
    bodies = [
        *piece({"content": "a"}, logprobs={"content": [logprob("a")], "refusal": None, "x": 1}),
        *piece({"content": "b"}, logprobs={"content": [logprob("b")], "refusal": None}),
        *piece({"refusal": "c"}, logprobs={"content": None, "refusal": [logprob("c")]}),
        *piece({}, finish="stop", logprobs=None),
    ]
    (answer,) = build(bodies).to_dict()["choices"]
    assert answer["logprobs"] == {"content": [logprob("a"), logprob("b")], "refusal": [logprob("c")], "x": 1}


def test_usage_tier_and_fingerprint_come_from_wherever_they_stand() -> None:
    bodies = stream([{"content": "Hi"}], "stop")
    bodies[1] |= {"service_tier": "default", "system_fingerprint": "fp_1", "usage": None}
    bodies.append({**HEADING, "choices": [], "usage": USAGE})
    bodies.append({**HEADING, "choices": [], "usage": None, "moderation": {"flagged": False}})
    whole = build(bodies)
    assert whole.to_dict() == blocking(
        choice({"content": "Hi"}, "stop"),
        usage=USAGE,
        service_tier="default",
        system_fingerprint="fp_1",
        moderation={"flagged": False},
    )


def test_padding_is_dropped_and_a_first_chunk_may_be_empty() -> None:
    bodies = stream([{"content": "Hi"}], "stop")
    for number, body in enumerate(bodies):
        body["obfuscation"] = "x" * number
    bodies.insert(0, {"id": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": [1]})
    assert build(bodies).to_dict() == blocking(choice({"content": "Hi"}, "stop"), prompt_filter_results=[1])


def test_fields_of_a_choice_are_kept_but_not_the_blocking_message_beside_the_delta() -> None:
    bodies = piece({"content": "Hi"}, finish="stop", message={"content": "Hi"}, stop_reason="eos")
    assert build(bodies).to_dict() == blocking(choice({"content": "Hi"}, "stop", stop_reason="eos"))


def test_fields_of_the_chunk_itself_come_whole_each_time() -> None:
    bodies = stream([{"content": "a"}, {"content": "b"}], "stop")
    for number, body in enumerate(bodies):
        body |= {"citations": ["https://a", "https://b"], "region": "eu", "seen": number or None}
    bodies[-1] |= {"seen": None}
    assert build(bodies).to_dict() == blocking(
        choice({"content": "ab"}, "stop"), citations=["https://a", "https://b"], region="eu", seen=2
    )


def test_a_stream_without_choices() -> None:
    assert build([{**HEADING, "choices": [], "usage": USAGE}]).to_dict() == blocking(usage=USAGE)


def test_no_chunks_make_no_answer() -> None:
    with pytest.raises(ValueError, match="no chunks"):
        stream_chunk_builder([])


@given(st.lists(st.text(max_size=4), max_size=8), st.lists(st.text(max_size=4), max_size=8))
def test_any_pieces_join_to_the_whole(content: list[str], arguments: list[str]) -> None:
    deltas = [{"content": text} for text in content]
    deltas += [call(0, id="a", type="function", function={"name": "f"})]
    deltas += [call(0, function={"arguments": text}) for text in arguments]
    (answer,) = build(stream(deltas, "tool_calls")).choices
    assert answer.message.content == ("".join(content) or None)
    assert answer.message.tool_calls is not None
    assert answer.message.tool_calls[0]["function"]["arguments"] == "".join(arguments)
