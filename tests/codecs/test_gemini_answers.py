"""Gemini's dialect: whole answers, written by hand from Google's documentation."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from gemini_help import CALL, EXPRESS, STUDIO, USAGE, VERTEX, WEB, assembled, body, decode, play, sse

from aiocompl.errors import APIResponseValidationError, ContentPolicyViolationError

if TYPE_CHECKING:
    from aiocompl.types.completion import ChatCompletionMessage


def message(data: Any, base: str = STUDIO) -> ChatCompletionMessage:
    return decode(data, base).choices[0].message


def test_an_answer() -> None:
    answer = decode(
        body({"text": "Hello"}, {"text": "!"}, usage=USAGE | {"serviceTier": "flex"}, avgLogprobs=-0.5)
    )
    assert answer.to_dict() == {
        "id": "r1",
        "object": "chat.completion",
        "created": 0,
        "model": "gemini-2.5-flash-001",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "logprobs": None,
                "message": {
                    "role": "assistant",
                    "content": "Hello!",
                    "refusal": None,
                    "provider_specific_fields": {"avgLogprobs": -0.5},
                },
                "native_finish_reason": "STOP",
            }
        ],
        "usage": {
            "prompt_tokens": 4,
            "completion_tokens": 2,
            "total_tokens": 6,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
            "provider_specific_fields": USAGE | {"serviceTier": "flex"},
        },
        "service_tier": "flex",
    }


@pytest.mark.parametrize(
    ("raw", "counts"),
    [
        ({"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 7, "totalTokenCount": 22}, (10, 12, 22)),
        ({"promptTokenCount": 10, "candidatesTokenCount": 12, "thoughtsTokenCount": 7, "totalTokenCount": 22}, (10, 12, 22)),
        ({"promptTokenCount": 10, "toolUsePromptTokenCount": 3, "candidatesTokenCount": 5, "totalTokenCount": 18}, (13, 5, 18)),
        ({"promptTokenCount": 10, "thoughtsTokenCount": 4}, (10, 4, 14)),
        ({"totalTokenCount": 10}, (0, 0, 10)),
    ],
)  # fmt: skip
def test_usage(raw: dict[str, Any], counts: tuple[int, int, int]) -> None:
    usage = decode(body({"text": "a"}, usage=raw)).usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == counts


def test_usage_in_detail() -> None:
    details = [
        {"modality": "TEXT", "tokenCount": 3},
        {"modality": 4, "tokenCount": 1},
        {"modality": "IMAGE", "tokenCount": 2},
    ]
    raw = USAGE | {
        "cachedContentTokenCount": 2,
        "promptTokensDetails": details,
        "candidatesTokensDetails": details,
    }
    usage = decode(body({"text": "a"}, usage=raw | {"thoughtsTokenCount": 0})).usage
    assert usage is not None
    assert usage.to_dict()["prompt_tokens_details"] == {
        "cached_tokens": 2,
        "audio_tokens": 1,
        "text_tokens": 3,
        "image_tokens": 2,
    }
    assert usage.to_dict()["completion_tokens_details"] == {
        "reasoning_tokens": 0,
        "audio_tokens": 1,
        "text_tokens": 3,
        "image_tokens": 2,
    }


def test_an_answer_without_counts_has_no_usage() -> None:
    assert decode(body({"text": "a"}, usage={"trafficType": "ON_DEMAND"})).usage is None
    assert len(play([sse(body({"text": "a"}))])) == 2


def test_tool_calls() -> None:
    calls = [
        {"functionCall": {"name": "f", "args": {"a": [1, "ü"]}}, "thoughtSignature": "sig"},
        {"functionCall": {"id": "x7k2", "name": "g", "willContinue": False}},
    ]
    answer = decode(body({"text": ""}, *calls))
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.content is None
    assert answer.choices[0].message.to_dict()["tool_calls"] == [
        {
            "id": "call_0",
            "type": "function",
            "function": {"name": "f", "arguments": '{"a":[1,"ü"]}'},
            "provider_specific_fields": {"thought_signature": "sig"},
        },
        {
            "id": "x7k2",
            "type": "function",
            "function": {"name": "g", "arguments": "{}"},
            "provider_specific_fields": {"willContinue": False},
        },
    ]


@pytest.mark.parametrize(
    ("parts", "word", "base", "finish", "native"),
    [
        ([{"text": "a"}], "MAX_TOKENS", STUDIO, "length", "MAX_TOKENS"),
        ([], "SAFETY", STUDIO, "content_filter", "SAFETY"),
        ([], "MALFORMED_FUNCTION_CALL", STUDIO, "MALFORMED_FUNCTION_CALL", "MALFORMED_FUNCTION_CALL"),
        ([], "SOMETHING_NEW", STUDIO, "SOMETHING_NEW", "SOMETHING_NEW"),
        ([CALL], "UNEXPECTED_TOOL_CALL", STUDIO, "tool_calls", "UNEXPECTED_TOOL_CALL"),
        ([CALL], "MAX_TOKENS", STUDIO, "length", "MAX_TOKENS"),
        ([{"text": "a"}], 1, VERTEX, "stop", "STOP"),
        ([], 10, VERTEX, "content_filter", "MODEL_ARMOR"),
        ([], 10, STUDIO, "MALFORMED_FUNCTION_CALL", "MALFORMED_FUNCTION_CALL"),
        ([], 77, EXPRESS, "FINISH_REASON_77", "FINISH_REASON_77"),
    ],
)
def test_finish_reasons(parts: list[Any], word: Any, base: str, finish: str, native: str) -> None:
    choice = decode(body(*parts, finish=word, finishMessage="why"), base).choices[0]
    assert (choice.finish_reason, choice["native_finish_reason"]) == (finish, native)
    assert choice.message.provider_specific_fields == {"finishMessage": "why"}


def test_a_candidate_without_content() -> None:
    answer = decode(
        {
            "candidates": [{"finishReason": "MAX_TOKENS"}],
            "responseId": "r",
            "createTime": "2026-05-27T16:53:45.443719Z",
        }
    )
    assert answer.choices[0].message.content is None
    assert answer.model == "gemini-2.5-flash"
    assert answer.created == 1779900825


@pytest.mark.parametrize("time", ["yesterday", "", None, "0001-01-01T00:00:00"])
def test_a_time_that_cannot_be_read_is_none(time: Any) -> None:
    assert isinstance(decode(body({"text": "a"}) | {"createTime": time}).created, int)


def test_thoughts_and_signatures() -> None:
    made = message(
        body(
            {"text": "Hm. ", "thought": True},
            {"text": "Aha.", "thought": True, "thoughtSignature": "s1"},
            {"text": "So.", "thought": True},
            {"text": "Sun", "thoughtSignature": "s2"},
            {"text": "ny"},
            {"text": "", "thought": True},
        )
    )
    assert made.reasoning_content == "Hm. Aha.So."
    assert made.content == "Sunny"
    assert made.thinking_blocks == [
        {"type": "thinking", "thinking": "Hm. Aha.", "signature": "s1"},
        {"type": "thinking", "thinking": "So."},
        {"type": "thinking", "thinking": "", "signature": "s2"},
    ]


def test_the_providers_own_parts_are_kept_and_are_no_calls() -> None:
    own = [
        {"toolCall": {"toolType": "GOOGLE_SEARCH_WEB", "id": "a"}, "thoughtSignature": "s"},
        {"executableCode": {"code": "1"}},
        {"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}},
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}, "thought": True},
    ]
    answer = decode(body(*own, {"text": "a"}))
    assert answer.choices[0].message.provider_specific_fields == {"parts": own}
    assert answer.choices[0].finish_reason == "stop"


def test_images() -> None:
    png = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    made = message(body({"text": "Look"}, png | {"thoughtSignature": "s"}, png))
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    assert made.images == [
        image | {"index": 0, "provider_specific_fields": {"thought_signature": "s"}},
        image | {"index": 1},
    ]


def sound(data: bytes) -> dict[str, Any]:
    return {"inlineData": {"mimeType": "audio/L16;rate=24000", "data": base64.b64encode(data).decode()}}


def test_sound_comes_in_pieces_that_fit() -> None:
    whole = message(body(sound(b"ab"), sound(b"cdef"), sound(b"g")))
    parts = [body(sound(b"ab"), finish=None), body(sound(b"cdef"), sound(b"g"))]
    for made in (whole, assembled(*parts).choices[0].message):
        assert made.audio is not None
        assert base64.b64decode(made.audio.data or "") == b"abcdefg"
        assert made.audio["mime_type"] == "audio/L16;rate=24000"
        assert made.content is None


def test_logprobs() -> None:
    token, other = (
        {"token": "Hi", "tokenId": 9, "logProbability": -0.1},
        {"token": "Ho", "logProbability": -2.5},
    )
    result = {"chosenCandidates": [token, {"token": "!"}], "topCandidates": [{"candidates": [token, other]}]}
    logprobs = decode(body({"text": "Hi!"}, logprobsResult=result)).choices[0].logprobs
    assert logprobs is not None
    assert logprobs.to_dict() == {
        "content": [
            {
                "token": "Hi",
                "logprob": -0.1,
                "token_id": 9,
                "top_logprobs": [
                    {"token": "Hi", "logprob": -0.1, "token_id": 9},
                    {"token": "Ho", "logprob": -2.5},
                ],
            },
            {"token": "!", "logprob": 0.0, "top_logprobs": []},
        ],
        "refusal": None,
    }


@pytest.mark.parametrize(
    ("support", "expected"),
    [
        ({"segment": {"endIndex": 3}, "groundingChunkIndices": [0, 1, 9]}, [(0, 2)]),
        ({"segment": {"startIndex": 3, "endIndex": 4}, "groundingChunkIndices": [0]}, [(2, 3)]),
        ({"segment": {"partIndex": 1, "endIndex": 1}, "groundingChunkIndices": [0]}, [(3, 4)]),
        ({"segment": {"partIndex": 7, "endIndex": 1}, "groundingChunkIndices": [0]}, [(0, 1)]),
        ({"groundingChunkIndices": [0]}, [(None, None)]),
        ({"segment": {"endIndex": 1}}, []),
        (None, [(None, None)]),
    ],
)
def test_grounding_becomes_annotations(support: Any, expected: list[Any]) -> None:
    metadata = {"groundingChunks": WEB} | ({"groundingSupports": [support]} if support else {})
    made = message(body({"text": "aüb"}, {"text": "cd"}, groundingMetadata=metadata))
    citations = [item.url_citation for item in made.annotations or () if item.url_citation is not None]
    assert [(item.start_index, item.end_index) for item in citations] == expected
    assert {(item.url, item.title) for item in citations} <= {("https://a", "A")}
    assert made.provider_specific_fields == {"groundingMetadata": metadata}


@pytest.mark.parametrize("name", ["citations", "citationSources"])
def test_citations_become_annotations(name: str) -> None:
    cited = {
        name: [{"startIndex": 1, "endIndex": 2, "uri": "https://a", "title": "T"}, {"uri": "https://b"}, {}]
    }
    made = message(body({"text": "abc"}, citationMetadata=cited))
    assert [item.to_dict()["url_citation"] for item in made.annotations or ()] == [
        {"url": "https://a", "title": "T", "start_index": 1, "end_index": 2},
        {"url": "https://b"},
    ]


@pytest.mark.parametrize(
    ("word", "base", "code"),
    [("SAFETY", STUDIO, "SAFETY"), (5, VERTEX, "MODEL_ARMOR"), (99, STUDIO, "BLOCK_REASON_99")],
)
def test_a_blocked_prompt_is_an_error(word: Any, base: str, code: str) -> None:
    blocked = {"promptFeedback": {"blockReason": word, "blockReasonMessage": "No."}, "usageMetadata": {}}
    with pytest.raises(ContentPolicyViolationError, match=rf"{code}\): No\.") as caught:
        decode(blocked, base)
    assert caught.value.code == code
    assert caught.value.body == blocked


def test_what_stands_beside_the_candidates_is_kept() -> None:
    feedback = {"safetyRatings": [{"category": "X"}]}
    more = {"promptFeedback": feedback, "modelStatus": {"stage": "BETA"}}
    for usage in (None, USAGE):
        answer = decode(body({"text": "a"}, usage=usage) | more)
        assert answer["provider_specific_fields"] == more
        assert answer.choices[0].message.content == "a"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b'{"candidates": [',
        b"[]",
        b"7",
        {},
        {"candidates": []},
        {"promptFeedback": {"blockReasonMessage": "odd"}},
        body({"text": "a"}, finish=None),
        body({"text": 7}),
        body({"functionCall": {}}),
        body({"inlineData": {"mimeType": "audio/L16", "data": "A"}}),
        body({"text": "a"}, usage={"promptTokenCount": "4"}),
        body({"text": "a"}, finish=["STOP"]),
    ],
)
def test_a_malformed_answer_is_an_error(data: Any) -> None:
    with pytest.raises(APIResponseValidationError) as caught:
        decode(data)
    assert caught.value.status_code == 200
    assert caught.value.provider == "gemini"
