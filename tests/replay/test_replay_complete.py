"""No recorded chat is passed over in silence: each is in a replay suite, or excepted with its reason."""

from __future__ import annotations

from collections import Counter

import pytest
from recordings import APIS, CORPUS, NO_CHAT, Recording, excepted, kind_of, recordings, to_compare, to_replay
from replay_exceptions import EXCEPTIONS, NOT_REPLAYED

needs_corpus = pytest.mark.skipif(not CORPUS.exists(), reason="no corpus: set AIOCOMPL_SHARED")


@needs_corpus
def test_the_table_has_every_kind_there_is_and_no_other() -> None:
    kinds = Counter(item.kind for item in recordings())
    assert kinds.keys() == APIS.keys()


@needs_corpus
def test_every_exception_is_of_a_recorded_exchange() -> None:
    named = {name for reasons in EXCEPTIONS.values() for name in reasons}
    assert named <= {item.id for item in recordings()}


def test_an_unheard_of_kind_is_to_be_replayed() -> None:
    found = [
        Recording("p", "chat.completions", "a" * 12),
        Recording("p", "unheard-of", "b" * 12),
        Recording("p", "completions", "c" * 12),
        Recording("p", "images", "d" * 12),
        Recording("p", "prediction steps", "e" * 12),
    ]
    assert [item.kind for item in to_replay(found)] == ["chat.completions", "unheard-of", "prediction steps"]
    assert [item.kind for item in to_compare(found)] == ["chat.completions", "unheard-of"]


def test_what_is_excepted_is_grouped_by_its_reason() -> None:
    single = next(iter(NOT_REPLAYED))
    text = [Recording("p", "completions", "a" * 12), Recording("q", "completions", "b" * 12)]
    nova = Recording("q", "invoke nova", single)
    step = Recording("q", "prediction steps", "c" * 12)
    found = [*text, nova, step, Recording("q", "images", "d" * 12)]
    assert {title: reasons for title, reasons in excepted(found).items() if reasons} == {
        "not replayed": {APIS["completions"].reason: text, NOT_REPLAYED[single]: [nova]},
        "the request is not compared": {APIS["prediction steps"].no_request: [step]},
    }
    assert to_replay(found) == [step]


def test_every_exception_has_its_reason() -> None:
    for kind, standing in APIS.items():
        assert bool(standing.reason) == (standing.what == "excepted"), kind
    assert NO_CHAT.what == "no chat"
    assert all(reason for reasons in EXCEPTIONS.values() for reason in reasons.values())


@pytest.mark.parametrize(
    ("api", "url", "request_", "kind"),
    [
        ("messages", "https://x/v1/messages", {}, "messages"),
        ("invoke", "https://x/model/amazon.titan-embed-text-v1/invoke", {}, "invoke embeddings"),
        ("invoke", "https://x/model/amazon.nova-lite-v1%3A0/invoke", {"messages": []}, "invoke nova"),
        ("invoke", "https://x/model/anthropic.claude-v2/invoke", {"messages": []}, "invoke messages"),
        ("invoke", "https://x/model/anthropic.claude-v2/invoke", {"prompt": ""}, "invoke prompt"),
        ("invoke", "https://x/endpoints/e/invocations", {"inputs": ""}, "invocations"),
        ("predictions", "https://x/v1/models/a/b/predictions", {"input": {}}, "predictions"),
        ("predictions", "https://x/v1/predictions/p", None, "prediction steps"),
        ("other", "https://x/v1/batches/b", None, "batches"),
        ("other", "https://x/v1/something/new", None, "other"),
    ],
)
def test_kinds(api: str, url: str, request_: object, kind: str) -> None:
    assert kind_of({"api": api, "url": url, "request": request_}) == kind
