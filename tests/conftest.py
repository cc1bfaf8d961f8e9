from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

CORPUS = Path(os.environ.get("AIOCOMPL_SHARED", Path(__file__).parents[2] / "shared")) / "corpus"
CHATS = frozenset(
    {
        "chat.completions",
        "messages",
        "responses",
        "converse",
        "converse-stream",
        "generateContent",
        "streamGenerateContent",
        "cohere.v1.chat",
        "cohere.v2.chat",
        "ollama.chat",
        "embeddings",
    }
)

_SHOWN = 20


@pytest.fixture(scope="session", autouse=True)
def _no_implicit_loop() -> None:
    """looptime asks for the current loop in tests without one too, and asyncio would make one that nobody closes."""
    asyncio.set_event_loop(None)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many of the recorded exchanges, chat and embeddings, were replayed, and how many of them came out right."""
    seen = {outcome: replayed(terminalreporter.stats.get(outcome, ())) for outcome in ("passed", "failed")}
    good = seen["passed"] - seen["failed"]
    if not good | seen["failed"]:
        return
    recorded = chats()
    totals = Counter(provider for provider, _, _ in recorded)
    decoded = Counter(provider for provider, _, name in recorded if name in good)
    terminalreporter.section(
        "replay of recorded exchanges, chat and embeddings (decoded / recorded)", sep="-"
    )
    for provider, total in [*sorted(totals.items()), ("all", totals.total())]:
        count = decoded.total() if provider == "all" else decoded[provider]
        terminalreporter.write_line(f"{provider:<12} {count:>4} / {total}")
    left = [item for item in recorded if item[2] not in good]
    for provider, api, name in left[:_SHOWN]:
        terminalreporter.write_line(f"not replayed: {provider} {api} {name}")
    if len(left) > _SHOWN:
        terminalreporter.write_line(f"not replayed: {len(left) - _SHOWN} more")


def replayed(reports: Iterable[Any]) -> set[str]:
    """The ids of the exchanges that the names of replay tests hold."""
    names = (report.nodeid for report in reports if "/replay/" in report.nodeid)
    return {name for nodeid in names for name in re.findall(r"\b[0-9a-f]{12}\b", nodeid)}


def chats() -> list[tuple[str, str, str]]:
    """Provider, API and id of every recorded exchange of these kinds."""
    lines = (
        (path.stem, line)
        for path in sorted(CORPUS.glob("*.jsonl"))
        for line in path.read_bytes().splitlines()
    )
    found = ((provider, orjson.loads(line)) for provider, line in lines)
    return [(provider, item["api"], item["id"]) for provider, item in found if item["api"] in CHATS]
