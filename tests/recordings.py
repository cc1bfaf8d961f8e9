"""What is in the corpus of recorded exchanges, and which of it the replay suites must cover.

`APIS` is the one table: every kind of exchange there is, each replayed, excepted with its reason, or no chat. A kind that
is not in it, and a replayed one that no suite has, fail `tests/replay/test_replay_complete.py`.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import unquote

import attrs
import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CORPUS = Path(os.environ.get("AIOCOMPL_SHARED", Path(__file__).parents[2] / "shared")) / "corpus"


@attrs.frozen
class Standing:
    """How a kind of exchange stands."""

    what: Literal["replayed", "excepted", "no chat"]
    reason: str = ""


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

SINGLE: Mapping[str, str] = {
    "57ad4220119b": "InvokeModel with a guardrail withholds the count of output tokens, which Converse always gives"
}
"""Single exchanges that are excepted from what holds for their kind, with the reason."""

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
    return [item for item in found if APIS.get(item.kind, REPLAYED) is REPLAYED and item.id not in SINGLE]


def excepted(found: Iterable[Recording]) -> Counter[tuple[str, str, str]]:
    """How many are excepted, by provider, kind and reason."""
    reasons = ((item, SINGLE.get(item.id) or APIS.get(item.kind, REPLAYED).reason) for item in found)
    return Counter((item.provider, item.kind, reason) for item, reason in reasons if reason)


def left_out(found: Iterable[Recording], replayed: set[str]) -> list[Recording]:
    """Those that must be replayed and are not."""
    return [item for item in to_replay(found) if item.id not in replayed]


def ids_in(names: Iterable[str]) -> set[str]:
    """The ids of the exchanges that the names of replay tests hold."""
    return {found for name in names if "/replay/" in name for found in re.findall(r"\b[0-9a-f]{12}\b", name)}
