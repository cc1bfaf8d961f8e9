"""Sources beside an answer as annotations, and log probabilities in the older shape: whole and streamed alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from aiocompl.codecs.catalogue import find_vendor
from aiocompl.codecs.openai import OpenAICodec
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.model import JSON

REQUEST = ChatRequest("m", [{"role": "user", "content": "Hi"}])
A, B = "https://a.example", "https://b.example"
RESULTS = [{"url": A, "title": "A", "date": "2026-01-01"}, {"url": B, "title": "B"}]
DONE = b"data: [DONE]\n\n"


def codec(name: str) -> OpenAICodec:
    vendor = find_vendor(name)
    assert vendor is not None
    return OpenAICodec(vendor, Endpoint(provider=name, base_url="https://x"))


def whole(name: str, body: JSON) -> ChatCompletion:
    return codec(name).decode_response(REQUEST, HTTPResponse(200, {}, orjson.dumps({"id": "1", **body})))


def chunks_of(name: str, *events: JSON) -> list[ChatCompletionChunk]:
    data = b"".join(b"data: " + orjson.dumps({"id": "1", **event}) + b"\n\n" for event in events) + DONE
    one = codec(name)
    frames, decoder = one.frame_decoder(), one.stream_decoder(REQUEST)
    chunks: list[ChatCompletionChunk] = []
    decoder.feed(frames.feed(data), chunks)
    decoder.end(chunks)
    return chunks


def delta(content: str | None = None, reason: str | None = None, **more: Any) -> JSON:
    made = {} if content is None else {"content": content}
    return {"choices": [{"index": 0, "delta": made, "finish_reason": reason}], **more}


def cited(answer: ChatCompletion) -> list[tuple[Any, ...]]:
    found = []
    for annotation in answer.choices[0].message.annotations or ():
        assert (annotation.type, annotation.url_citation is not None) == ("url_citation", True)
        citation: Any = annotation.url_citation
        found.append((citation.url, citation.title, citation.start_index, citation.end_index))
    return found


CASES: list[tuple[str, JSON, str, list[tuple[Any, ...]]]] = [
    (
        "perplexity",
        {"citations": [A, B], "search_results": RESULTS},
        "It is.[2] So[1][2], not [3].",
        [(B, "B", 6, 9), (A, "A", 12, 15), (B, "B", 15, 18)],
    ),
    ("perplexity", {"search_results": RESULTS}, "It is.[1]", [(A, "A", 6, 9), (B, "B", None, None)]),
    ("perplexity", {"citations": [A]}, "It is.", [(A, None, None, None)]),
    ("xai", {"citations": [A, B]}, "It is.", [(A, None, None, None), (B, None, None, None)]),
    ("xai", {"citations": [A, 7, None]}, "[0] It is.", [(A, None, None, None)]),
    ("xai", {"citations": [], "search_results": ["odd"]}, "It is.[1]", []),
    ("perplexity", {}, "It is.[1]", []),
    ("groq", {"citations": [A]}, "It is.[1]", []),
]


@pytest.mark.parametrize(("name", "fields", "text", "expected"), CASES)
def test_sources_become_annotations(
    name: str, fields: JSON, text: str, expected: list[tuple[Any, ...]]
) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    answer = whole(name, {"choices": [choice], **fields})
    assert cited(answer) == expected
    for field, value in fields.items():
        assert answer[field] == value
    pieces = [text[:7], text[7:]]
    streams = {
        "everywhere": [*(delta(piece, **fields) for piece in pieces), delta("", "stop", **fields)],
        "at first": [delta(pieces[0], **fields), delta(pieces[1]), delta(None, "stop")],
        "with the reason": [delta(pieces[0]), delta(pieces[1], "stop", **fields)],
        "after it": [delta(pieces[0]), delta(pieces[1], "stop"), {"choices": [], **fields}],
        "after it, with a choice": [delta(text, "stop"), delta(**fields)],
    }
    for place, events in streams.items():
        streamed = stream_chunk_builder(chunks_of(name, *events))
        assert streamed is not None
        assert (place, cited(streamed)) == (place, expected)
        assert streamed.choices[0].message.content == text
        assert streamed.choices[0].finish_reason == "stop"


def test_annotations_of_the_vendors_own_stay() -> None:
    own = [{"type": "url_citation", "url_citation": {"url": B}}]
    message = {"role": "assistant", "content": "It is.", "annotations": own}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    assert cited(whole("xai", {"choices": [choice], "citations": [A]})) == [(B, None, None, None)]
    first = {"index": 0, "delta": {"content": "It is.", "annotations": own}}
    streamed = stream_chunk_builder(chunks_of("xai", {"choices": [first]}, delta("", "stop", citations=[A])))
    assert streamed is not None
    assert cited(streamed) == [(B, None, None, None)]


def test_marks_are_counted_in_the_text_without_thoughts() -> None:
    events = [delta("<think>Hm [1]"), delta("</think>Yes[1]"), delta("", "stop", citations=[A])]
    streamed = stream_chunk_builder(chunks_of("perplexity", *events))
    assert streamed is not None
    assert streamed.choices[0].message.content == "Yes[1]"
    assert cited(streamed) == [(A, None, 3, 6)]


# ---------------------------------------------------------------- log probabilities

OLD = {"tokens": ["Hi", "!"], "token_logprobs": [-0.5, 0], "token_ids": [1, 2]}


@pytest.mark.parametrize(
    ("given", "tokens"),
    [
        (OLD, [("Hi", -0.5, []), ("!", 0, [])]),
        (
            OLD | {"top_logprobs": [{"Hi": -0.5, "Ho": -2}, None]},
            [("Hi", -0.5, [("Hi", -0.5), ("Ho", -2)]), ("!", 0, [])],
        ),
        ({"content": [{"token": "Hi", "logprob": -1}]}, [("Hi", -1, [])]),
    ],
)
def test_logprobs_in_lists(given: JSON, tokens: list[Any]) -> None:
    message = {"role": "assistant", "content": "Hi!"}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": given}
    first = {"index": 0, "delta": {"content": "Hi!"}, "logprobs": given}
    streamed = stream_chunk_builder(chunks_of("together", {"choices": [first]}, delta("", "eos")))
    assert streamed is not None
    for answer in (whole("together", {"choices": [choice]}), streamed):
        logprobs = answer.choices[0].logprobs
        assert logprobs is not None
        assert [
            (item.token, item.logprob, [(top.token, top.logprob) for top in item.top_logprobs])
            for item in logprobs.content or ()
        ] == tokens
        assert logprobs.get("token_ids") == given.get("token_ids")


def test_a_bare_value_is_that_of_the_chunks_text() -> None:
    pieces = [
        {"index": 0, "delta": {"content": text}, "logprobs": value}
        for text, value in (("Hi", -1.5), ("!", 0))
    ]
    answer = stream_chunk_builder(
        chunks_of("together", *({"choices": [each]} for each in pieces), delta("", "eos"))
    )
    assert answer is not None
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert [(item.token, item.logprob) for item in logprobs.content or ()] == [("Hi", -1.5), ("!", 0)]


def test_lists_with_gaps_stay_as_they_are() -> None:
    given = {"tokens": ["<s>", "Hi"], "token_logprobs": [None, -1]}
    message = {"role": "assistant", "content": "Hi"}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": dict(given)}
    logprobs = whole("together", {"choices": [choice]}).choices[0].logprobs
    assert logprobs is not None
    assert (logprobs.content, logprobs.model_extra) == (None, given)
