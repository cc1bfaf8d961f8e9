from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

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
    }
)


@pytest.fixture(scope="session", autouse=True)
def _no_implicit_loop() -> None:
    """looptime asks for the current loop in tests without one too, and asyncio would make one that nobody closes."""
    asyncio.set_event_loop(None)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many of the recorded chat exchanges were replayed, and how many of them came out right."""
    replayed, failed = set[str](), set[str]()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, ()):
            if "/replay/" in report.nodeid:
                ids = re.findall(r"\b[0-9a-f]{12}\b", report.nodeid)
                replayed.update(ids)
                if outcome == "failed":
                    failed.update(ids)
    if not replayed:
        return
    terminalreporter.section("replay of recorded chat exchanges (decoded / recorded)", sep="-")
    totals, decoded, missing = Counter[str](), Counter[str](), list[str]()
    for path in sorted(CORPUS.glob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            exchange = orjson.loads(line)
            if exchange["api"] not in CHATS:
                continue
            totals[path.stem] += 1
            if exchange["id"] in replayed - failed:
                decoded[path.stem] += 1
            else:
                missing.append(f"{path.stem} {exchange['api']} {exchange['id']}")
    width = max(map(len, totals), default=0)
    for provider, total in sorted(totals.items()):
        terminalreporter.write_line(f"{provider:<{width}}  {decoded[provider]:>4} / {total}")
    terminalreporter.write_line(f"{'all':<{width}}  {decoded.total():>4} / {totals.total()}")
    for name in missing:
        terminalreporter.write_line(f"not replayed: {name}")
