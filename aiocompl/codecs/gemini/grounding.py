"""What an answer rests on: grounding and citations as OpenAI's annotations, token log probabilities as its logprobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def url_citations(
    fields: Mapping[str, Any], pieces: Sequence[str], starts: Sequence[int]
) -> list[dict[str, Any]]:
    """The URL citations in OpenAI's shape.

    Args:
        fields: The candidate's fields beside its content.
        pieces: The text that was spoken.
        starts: For each part of the content how many pieces come before it; Google counts from where a part begins.
    """
    found = list(_grounded(fields.get("groundingMetadata") or {}))
    cited = fields.get("citationMetadata") or {}
    found += [(item, item) for item in cited.get("citations") or cited.get("citationSources") or ()]
    if not found:
        return []
    data = "".join(pieces).encode()
    made = []
    for source, segment in found:
        if uri := source.get("uri"):
            citation = {"url": uri, "title": source.get("title")} | _positions(segment, data, pieces, starts)
            made.append({"type": "url_citation", "url_citation": citation})
    return made


def _grounded(metadata: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Each source with the segment it supports; where nothing says which, the sources alone."""
    sources = [next(iter(chunk.values()), None) or {} for chunk in metadata.get("groundingChunks") or ()]
    supports = metadata.get("groundingSupports") or ()
    if not supports:
        yield from ((source, {}) for source in sources)
    for support in supports:
        for index in support.get("groundingChunkIndices") or ():
            if 0 <= index < len(sources):  # some answers point beyond their sources
                yield sources[index], support.get("segment") or {}


def _positions(
    segment: Mapping[str, Any], data: bytes, pieces: Sequence[str], starts: Sequence[int]
) -> dict[str, int | None]:
    """Bytes of UTF-8 within a part as characters of the whole text."""
    end = segment.get("endIndex")
    if end is None:
        return {"start_index": None, "end_index": None}
    part = segment.get("partIndex", 0)
    before = starts[part] if part < len(starts) else 0
    base = sum(len(piece.encode()) for piece in pieces[:before])
    first = base + segment.get("startIndex", 0)
    return {"start_index": _characters(data, first), "end_index": _characters(data, base + end)}


def _characters(data: bytes, position: int) -> int:
    return len(data[:position].decode("utf-8", "ignore"))


def logprobs(result: Mapping[str, Any]) -> dict[str, Any]:
    """``logprobsResult`` as OpenAI's logprobs; the token's number is kept beside it."""
    chosen = result.get("chosenCandidates") or ()
    likeliest = result.get("topCandidates") or ()
    content = []
    for index, candidate in enumerate(chosen):
        top = (likeliest[index].get("candidates") or ()) if index < len(likeliest) else ()
        content.append(_token(candidate) | {"top_logprobs": [_token(item) for item in top]})
    return {"content": content, "refusal": None}


def _token(candidate: Mapping[str, Any]) -> dict[str, Any]:
    """One token; a log probability of zero is left out of the wire format."""
    made = {"token": candidate.get("token", ""), "logprob": candidate.get("logProbability", 0.0)}
    return made | {"token_id": candidate["tokenId"]} if "tokenId" in candidate else made
