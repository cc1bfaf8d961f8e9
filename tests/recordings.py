"""What is in the corpus of recorded exchanges, and which of it the replay suites must cover.

`APIS` is the one table: every kind of exchange there is, each replayed, excepted with its reason, or no chat. A kind that
is not in it fails `tests/replay/test_replay_complete.py`; one to be replayed that no suite replays fails the run (`replay_run`).
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import unquote

import attrs
import orjson
from replay_exceptions import EXCEPTIONS, NO_REQUEST, NOT_REPLAYED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CORPUS = Path(os.environ.get("AIOCOMPL_SHARED", Path(__file__).parents[2] / "shared")) / "corpus"


@attrs.frozen
class Standing:
    """How a kind of exchange stands."""

    what: Literal["replayed", "excepted", "no chat"]
    reason: str = ""
    no_request: str = ""
    """Why its requests are not compared, where the answers alone are replayed."""


REPLAYED = Standing("replayed")
NO_CHAT = Standing("no chat")
TEXT = Standing("excepted", "text completion: takes a prompt, where chat parameters have messages")
OWN_TEXT = Standing(
    "excepted", "a model's own text completion over InvokeModel: chat with Bedrock goes over Converse"
)

APIS: Mapping[str, Standing] = {
    "chat.completions": REPLAYED,
    "cohere.v1.chat": REPLAYED,
    "cohere.v2.chat": REPLAYED,
    "converse": REPLAYED,
    "converse-stream": REPLAYED,
    "embeddings": REPLAYED,
    "generateContent": REPLAYED,
    "invoke embeddings": REPLAYED,
    "invocations": REPLAYED,
    "invoke messages": REPLAYED,
    "invoke nova": REPLAYED,
    "messages": REPLAYED,
    "ollama.chat": REPLAYED,
    "predictions": REPLAYED,
    "prediction steps": Standing(
        "replayed",
        no_request="looks a prediction up or cancels it: no call of its own, and seen through as a job",
    ),
    "responses": REPLAYED,
    "streamGenerateContent": REPLAYED,
    # ---------------------------------------------------------------- like chat, and out of reach of its parameters
    "completions": TEXT,
    "ollama.generate": TEXT,
    "generation/text": TEXT,
    "invoke prompt": OWN_TEXT,
    "interactions": Standing("excepted", "Gemini's Interactions API: another API, which no codec speaks"),
    # ---------------------------------------------------------------- no chat at all
    "batches": NO_CHAT,
    "cachedContents": NO_CHAT,
    "count_tokens": NO_CHAT,
    "images": NO_CHAT,
    "models": NO_CHAT,
    "moderations": NO_CHAT,
    "ocr": NO_CHAT,
    "rerank": NO_CHAT,
}
"""By the name that `kind_of` gives."""

_OTHERS = re.compile(
    r"/(batches|batch(?=/jobs)|cachedContents|generation/text|interactions|ocr|models)\b|:(batch)GenerateContent"
)
_NAMES = {"batch": "batches"}
_EMBEDS = re.compile(r"embed", re.IGNORECASE)


class Recording(NamedTuple):
    """One recorded exchange, as far as this table needs it."""

    provider: str
    kind: str
    id: str


def kind_of(line: Mapping[str, Any]) -> str:
    """The kind of an exchange: its `api`, or what URL and body tell where that stands for several."""
    api: str = line["api"]
    url = unquote(line["url"])
    if api == "other":
        found = _OTHERS.search(url)
        name = (found[1] or found[2]) if found else "other"
        return _NAMES.get(name, name)
    if api == "predictions" and not url.endswith("/predictions"):
        return "prediction steps"
    if api != "invoke":
        return api
    if "/model/" not in url:
        return "invocations"
    if _EMBEDS.search(url):
        return "invoke embeddings"
    if ".nova-" in url:
        return "invoke nova"
    return "invoke messages" if "messages" in line["request"] else "invoke prompt"


@cache
def recordings() -> tuple[Recording, ...]:
    """Every exchange of the corpus; none where it is absent."""
    lines = (
        (path.stem, orjson.loads(line))
        for path in sorted(CORPUS.glob("*.jsonl"))
        for line in path.read_bytes().splitlines()
    )
    return tuple(Recording(provider, kind_of(line), line["id"]) for provider, line in lines)


def to_replay(found: Iterable[Recording]) -> list[Recording]:
    """Those that a suite must replay; a kind that the table lacks is among them."""
    return [item for item in found if _standing(item).what == "replayed" and item.id not in NOT_REPLAYED]


def to_compare(found: Iterable[Recording]) -> list[Recording]:
    """Those whose requests a suite must make anew as well."""
    return [item for item in to_replay(found) if not _standing(item).no_request and item.id not in NO_REQUEST]


def excepted(found: Iterable[Recording]) -> dict[str, dict[str, list[Recording]]]:
    """All exceptions: what from, why, and which."""
    groups: dict[str, dict[str, list[Recording]]] = {title: {} for title in EXCEPTIONS}
    for item in found:
        standing = _standing(item)
        reasons = {title: table[item.id] for title, table in EXCEPTIONS.items() if item.id in table}
        if standing.what == "excepted":
            reasons["not replayed"] = standing.reason
        if standing.no_request:
            reasons.setdefault("the request is not compared", standing.no_request)
        for title, reason in reasons.items():
            groups[title].setdefault(reason, []).append(item)
    return groups


def _standing(item: Recording) -> Standing:
    return APIS.get(item.kind, REPLAYED)
