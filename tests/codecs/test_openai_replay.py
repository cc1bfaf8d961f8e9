"""Recorded answers of real providers that speak OpenAI's dialect, replayed.

The recordings are data from elsewhere and no part of the project: where the folder is absent these tests skip. Here
everything is read by the plain dialect; what needs a vendor's own quirks is listed with its reason.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from aiocompl.codecs.openai import OpenAICodec
from aiocompl.codecs.routing import CUSTOM
from aiocompl.errors import AiocomplError, APIStatusError, BadRequestError
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.completion import ChatCompletion
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.model import JSON

CORPUS = Path(os.environ.get("AIOCOMPL_SHARED") or Path(__file__).resolve().parents[3] / "shared") / "corpus"
PROVIDERS = [
    "azure",
    "bedrock",
    "cerebras",
    "compat",
    "crusoe",
    "deepseek",
    "gateway",
    "gemini",
    "gpustack",
    "groq",
    "huggingface",
    "mistral",
    "ollama",
    "openai",
    "openrouter",
    "perplexity",
    "snowflake",
    "together",
    "vllm",
    "writer",
    "zai",
]

NO_ANSWERS = {
    "ba36be18f224": "a bare endpoint's greeting instead of a completion",
    "caed762f8589": "plain text with status 200",
}
STREAM_ERRORS: dict[str, tuple[type[APIStatusError], int]] = {
    "c7ce74011ca3": (BadRequestError, 400),  # Groq: `event: error`
    "6316b73607ce": (BadRequestError, 400),  # OpenRouter: `error` beside `choices`
}
CONTENT_LISTS = {
    "66cfb5f798df": "Mistral's content is a list of blocks while it reasons",
    "b6d4f9266f0d": "Mistral's content is a list of blocks while it reasons",
}
NO_FINISH_REASON = {
    "82a04739727b": "a gateway that gives the finish reason of the first of two answers only",
    "bbfd620da790": "Snowflake gives none",
}

each_provider = pytest.mark.parametrize("provider", PROVIDERS)
REQUEST = ChatRequest("m", [])


def exchanges(provider: str) -> list[JSON]:
    found = recorded(provider)
    if found is None:
        pytest.skip(
            f"no {provider}.jsonl in {CORPUS}: set AIOCOMPL_SHARED to the folder that holds the corpus"
        )
    return found


@cache
def recorded(provider: str) -> list[JSON] | None:
    path = CORPUS / f"{provider}.jsonl"
    if not path.exists():
        return None
    with path.open("rb") as lines:
        found = [orjson.loads(line) for line in lines if b'"chat.completions"' in line]
    return [exchange for exchange in found if exchange["api"] == "chat.completions"]


def body_of(exchange: JSON) -> bytes:
    if "response_json" in exchange:
        return orjson.dumps(exchange["response_json"])
    text: str = exchange["response_text"]
    return text.encode()


def codec(exchange: JSON) -> OpenAICodec:
    return OpenAICodec(CUSTOM, Endpoint(provider=exchange["provider"], base_url="https://x/v1"))


def response(exchange: JSON) -> HTTPResponse:
    return HTTPResponse(exchange["status"], exchange["response_headers"], body_of(exchange))


def without_nulls(value: Any) -> Any:
    """Without what says nothing: null, and the empty list or object that some vendors write in its place."""
    if isinstance(value, dict):
        kept = {key: without_nulls(inner) for key, inner in value.items()}
        return {key: inner for key, inner in kept.items() if inner not in (None, [], {})}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


def lost(raw: Any, seen: Any, where: str = "") -> Iterator[str]:
    """What stands in the raw body and not, or not so, in what we made of it."""
    if isinstance(raw, dict) and isinstance(seen, dict):
        for key, value in raw.items():
            yield from lost(value, seen.get(key), f"{where}.{key}")
    elif isinstance(raw, list) and isinstance(seen, list) and len(raw) == len(seen):
        for number, (one, other) in enumerate(zip(raw, seen, strict=True)):
            yield from lost(one, other, f"{where}[{number}]")
    elif raw != seen:
        yield f"{where}: {raw!r} became {seen!r}"


@each_provider
def test_answers_lose_nothing(provider: str) -> None:
    wrong: list[str] = []
    for exchange in exchanges(provider):
        if exchange["status"] >= 400 or exchange["stream"] or exchange["id"] in NO_ANSWERS:
            continue
        whole = codec(exchange).decode_response(REQUEST, response(exchange))
        seen = whole.to_dict()
        wrong += (
            f"{exchange['id']}{difference}"
            for difference in lost(without_nulls(exchange["response_json"]), without_nulls(seen))
        )
        assert ChatCompletion.model_validate(seen) == whole
    assert wrong == []


@each_provider
def test_what_is_no_answer_is_our_error(provider: str) -> None:
    for exchange in exchanges(provider):
        if exchange["id"] in NO_ANSWERS:
            with pytest.raises(AiocomplError, match="not what its dialect promises"):
                codec(exchange).decode_response(REQUEST, response(exchange))


@each_provider
def test_errors_have_a_class(provider: str) -> None:
    for exchange in exchanges(provider):
        if exchange["status"] >= 400:
            error = codec(exchange).decode_error(REQUEST, response(exchange))
            assert type(error) is not APIStatusError
            assert error.status_code == exchange["status"]
            assert error.provider == exchange["provider"]
            assert "no error that could be read" not in error.message


def play(exchange: JSON, slices: Iterable[bytes]) -> tuple[list[ChatCompletionChunk], AiocomplError | None]:
    one = codec(exchange)
    frames, decoder = one.frame_decoder(), one.stream_decoder(REQUEST)
    chunks: list[ChatCompletionChunk] = []
    try:
        for data in slices:
            decoder.feed(frames.feed(data), chunks)
        decoder.feed(frames.end(), chunks)
        decoder.end(chunks)
    except AiocomplError as error:
        return chunks, error
    return chunks, None


def at_random(data: bytes, dice: Random) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size = dice.choice((1, 2, 3, 17, 100, 1000))
        yield data[at : at + size]
        at += size


@each_provider
def test_streams_do_not_depend_on_where_they_were_cut(provider: str) -> None:
    dice = Random(provider)  # noqa: S311 - seeded
    for exchange in exchanges(provider):
        if not exchange["stream"] or exchange["status"] >= 400:
            continue
        body = body_of(exchange)
        chunks, error = play(exchange, [body])
        bytewise = body[:30_000]  # long streams go on as they began
        for slices in ([*(bytes([byte]) for byte in bytewise), body[30_000:]], at_random(body, dice)):
            again, other = play(exchange, slices)
            assert again == chunks
            assert repr(other) == repr(error)


@each_provider
def test_streams_make_whole_answers(provider: str) -> None:
    for exchange in exchanges(provider):
        if not exchange["stream"] or exchange["status"] >= 400:
            continue
        chunks, error = play(exchange, [body_of(exchange)])
        expected = STREAM_ERRORS.get(exchange["id"])
        assert (error and (type(error), error.http_status)) == expected, exchange["id"]
        assert len({chunk.id for chunk in chunks}) == 1, exchange["id"]
        if exchange["id"] in CONTENT_LISTS:
            continue
        whole = stream_chunk_builder(chunks)
        assert ChatCompletion.model_validate(whole.to_dict()) == whole, exchange["id"]
        for choice in whole.choices:
            message = choice.message
            text = [
                piece.delta.content
                for chunk in chunks
                for piece in chunk.choices
                if piece.index == choice.index
            ]
            assert "".join(filter(None, text)) == (message.content or ""), exchange["id"]
            if error is None and exchange["id"] not in NO_FINISH_REASON:
                assert choice.finish_reason, exchange["id"]
