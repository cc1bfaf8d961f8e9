"""No recorded chat is passed over in silence: each is in a replay suite, or excepted with its reason."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from recordings import (
    APIS,
    CORPUS,
    NO_CHAT,
    SINGLE,
    Recording,
    excepted,
    ids_in,
    kind_of,
    left_out,
    recordings,
    to_replay,
)

needs_corpus = pytest.mark.skipif(not CORPUS.exists(), reason="no corpus: set AIOCOMPL_SHARED")


@needs_corpus
@pytest.mark.timeout(180)  # it collects a suite of thousands, in a process of its own
def test_every_recorded_chat_is_in_a_suite_or_excepted() -> None:
    collected = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "tests/replay"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=170,
    )
    assert left_out(recordings(), ids_in(collected.stdout.splitlines())) == []


@needs_corpus
def test_the_table_has_every_kind_there_is_and_no_other() -> None:
    kinds = Counter(item.kind for item in recordings())
    assert kinds.keys() == APIS.keys()


def test_a_chat_that_no_suite_has_is_found() -> None:
    chat = Recording("p", "chat.completions", "a" * 12)
    unheard_of = Recording("p", "unheard-of", "b" * 12)
    text = Recording("p", "completions", "c" * 12)
    found = [chat, unheard_of, text, Recording("p", "images", "d" * 12)]
    assert left_out(found, set()) == [chat, unheard_of]
    name = f"tests/replay/test_replay_compatible.py::test_a_whole_answer[chat.completions-{chat.id}]"
    assert left_out(found, ids_in([name])) == [unheard_of]
    assert ids_in([name.replace("/replay/", "/other/")]) == set()


def test_what_is_excepted_is_counted_with_its_reason() -> None:
    single = next(iter(SINGLE))
    found = [
        Recording("p", "completions", "a" * 12),
        Recording("p", "completions", "b" * 12),
        Recording("q", "invoke nova", single),
        Recording("q", "invoke nova", "c" * 12),
        Recording("q", "images", "d" * 12),
    ]
    assert excepted(found) == {
        ("p", "completions", APIS["completions"].reason): 2,
        ("q", "invoke nova", SINGLE[single]): 1,
    }
    assert [item.id for item in to_replay(found)] == ["c" * 12]


def test_every_exception_has_its_reason() -> None:
    for kind, standing in APIS.items():
        assert bool(standing.reason) == (standing.what == "excepted"), kind
    assert NO_CHAT.what == "no chat"


@pytest.mark.parametrize(
    ("api", "url", "request_", "kind"),
    [
        ("messages", "https://x/v1/messages", {}, "messages"),
        ("invoke", "https://x/model/amazon.titan-embed-text-v1/invoke", {}, "invoke embeddings"),
        ("invoke", "https://x/model/amazon.nova-lite-v1%3A0/invoke", {"messages": []}, "invoke nova"),
        ("invoke", "https://x/model/anthropic.claude-v2/invoke", {"messages": []}, "invoke messages"),
        ("invoke", "https://x/model/anthropic.claude-v2/invoke", {"prompt": ""}, "invoke prompt"),
        ("invoke", "https://x/endpoints/e/invocations", {"inputs": ""}, "invocations"),
        ("other", "https://x/v1/batches/b", None, "batches"),
        ("other", "https://x/v1/something/new", None, "other"),
    ],
)
def test_kinds(api: str, url: str, request_: object, kind: str) -> None:
    assert kind_of({"api": api, "url": url, "request": request_}) == kind
