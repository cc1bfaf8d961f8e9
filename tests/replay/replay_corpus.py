"""The recorded exchanges, and what every replay does with them. The recordings are read where they lie, never copied."""

from __future__ import annotations

import base64
import os
import random
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import orjson
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiocompl.codecs.base import Codec
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.request import ChatRequest

SHARED = Path(os.environ.get("AIOCOMPL_SHARED", Path(__file__).parents[3] / "shared"))
CORPUS = SHARED / "corpus"


@attrs.frozen(kw_only=True)
class Exchange:
    """One recorded exchange; see the corpus's README for the fields."""

    id: str
    provider: str
    api: str
    stream: bool
    method: str
    url: str
    request: Any = attrs.field(repr=False)
    status: int
    headers: dict[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    """The response's body; JSON bodies written anew, so white space says nothing."""
    json: Any = attrs.field(repr=False)
    """The parsed body, or None where it is no JSON."""
    features: tuple[str, ...] = attrs.field(repr=False)
    group: str | None = None


@cache
def recorded(provider: str) -> tuple[Exchange, ...]:
    """All exchanges of a provider's file, or none where the corpus is absent."""
    path = CORPUS / f"{provider}.jsonl"
    if not path.exists():
        return ()
    return tuple(_exchange(orjson.loads(line)) for line in path.read_bytes().splitlines())


def select(provider: str, *apis: str, ok: bool = True) -> list[Any]:
    """The exchanges of these APIs as pytest parameters; one that skips, saying so, where the corpus is absent."""
    if not CORPUS.exists():
        return [
            pytest.param(
                None, marks=pytest.mark.skip(reason=f"no corpus at {CORPUS.name}: set AIOCOMPL_SHARED")
            )
        ]
    found = [item for item in recorded(provider) if item.api in apis and (item.status < 300) == ok]
    return [pytest.param(item, id=f"{item.api}-{item.id}") for item in found]


def cuts(data: bytes, seed: int) -> Iterator[list[bytes]]:
    """The same bytes whole, byte by byte (short ones only), and cut at random."""
    yield [data]
    if len(data) <= 20_000:
        yield [data[i : i + 1] for i in range(len(data))]
    rng = random.Random(seed)
    for _ in range(2):
        marks = sorted({0, len(data), *(rng.randrange(len(data) + 1) for _ in range(40))})
        yield [data[start:end] for start, end in pairwise(marks)]


def decode_stream(codec: Codec, request: ChatRequest, slices: list[bytes]) -> list[ChatCompletionChunk]:
    """Decode a whole stream as the runtime does."""
    chunks: list[ChatCompletionChunk] = []
    frames, decoder = codec.frame_decoder(), codec.stream_decoder(request)
    for data in slices:
        decoder.feed(frames.feed(data), chunks)
    decoder.feed(frames.end(), chunks)
    decoder.end(chunks)
    return chunks


def _exchange(line: dict[str, Any]) -> Exchange:
    parsed = line.get("response_json")
    if "response_b64" in line:
        body = base64.b64decode(line["response_b64"])
    elif "response_text" in line:
        body = line["response_text"].encode()
    else:
        body = orjson.dumps(parsed)
    return Exchange(
        id=line["id"],
        provider=line["provider"],
        api=line["api"],
        stream=line["stream"],
        method=line["method"],
        url=line["url"],
        request=line["request"],
        status=line["status"],
        headers={name.lower(): value for name, value in line["response_headers"].items()},
        body=body,
        json=parsed,
        features=tuple(line["features"]),
        group=line.get("group"),
    )
