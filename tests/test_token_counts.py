from __future__ import annotations

import asyncio
import pickle
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl import BadRequestError, TokenCount, atoken_counter, token_counter, token_counts
from aiocompl.policy.tokens import pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = "The capital of France is Paris."
MESSAGES = [
    {"role": "developer", "content": "A simple async test agent"},
    {"role": "user", "content": "What is the capital of France?"},
]


@pytest.fixture(autouse=True)
def unloaded() -> Iterator[None]:
    token_counts._TOKENIZERS.clear()
    yield
    token_counts._TOKENIZERS.clear()


@pytest.fixture
def no_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rs_bpe.bpe", None)


@pytest.mark.parametrize(
    ("asked", "tokens", "estimated"),
    [
        ({"model": "gpt-4o-mini", "text": TEXT}, 7, False),
        ({"model": "gpt-5", "text": TEXT}, 7, False),
        ({"model": "openai/gpt-4o-mini", "messages": MESSAGES}, 23, False),  # as OpenAI itself has counted
        ({"model": "gpt-5", "messages": MESSAGES}, 22, True),
        ({"model": "gpt-3.5-turbo", "text": [TEXT, TEXT]}, 14, False),
        ({"model": "gpt-4o", "text": "<|endoftext|>"}, 7, False),
        ({"model": "gpt-4o", "text": "\ud800"}, 1, False),
        ({"model": "claude-sonnet-4-5", "text": TEXT}, 8, True),
        ({"text": TEXT}, 7, True),
    ],
)
def test_counting(asked: dict[str, Any], tokens: int, estimated: bool) -> None:
    count = token_counter(**asked)
    assert (count, count.estimated) == (tokens, estimated)


def test_without_the_extra_it_is_an_estimate(no_tokenizer: None) -> None:
    count = token_counter("gpt-4o", TEXT)
    assert (count, count.estimated) == (8, True)
    assert token_counter("gpt-4o", messages=MESSAGES).estimated


async def test_in_a_loop_it_estimates_until_the_tokenizer_is_loaded() -> None:
    assert token_counter("gpt-4o", TEXT).estimated
    assert not (await atoken_counter("gpt-4o", TEXT)).estimated
    assert not token_counter("gpt-4o", TEXT).estimated
    assert token_counter("gpt-4", TEXT).estimated  # which has another one


async def test_the_tokenizer_is_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []

    def load(name: str) -> Any:
        loaded.append(name)
        return len

    monkeypatch.setattr(token_counts, "_load", load)
    counts = await asyncio.gather(*(atoken_counter("gpt-4o", TEXT) for _ in range(5)))
    assert loaded == ["o200k_base"]
    assert counts == [len(TEXT)] * 5


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4"])
@given(
    st.lists(
        st.text()
        | st.sampled_from([" ", "\n", "word", "Wörter", "12", "don't", "你好", ".", "  ", "\r\n", "a\u0301"])
    ).map("".join),
    st.integers(1, 9),
)
def test_pieces_are_the_same_tokens(model: str, text: str, size: int) -> None:
    whole = token_counter(model, text)
    assert not whole.estimated
    assert "".join(pieces(text, size)) == text
    assert sum(token_counter(model, piece) for piece in pieces(text, size)) == whole


def test_long_texts_are_counted_in_pieces() -> None:
    assert token_counter("gpt-4o", "many words " * 10_000) == 2 * 10_000 + 1
    assert token_counter("gpt-4o", "x" * 50_000) == 6250  # which cannot be cut


@pytest.mark.parametrize(
    ("asked", "beside"),
    [
        ({"text": "a" * 10_000}, True),
        ({"text": ["a" * 5_000] * 2}, True),
        ({"messages": [{"role": "user", "content": "a" * 10_000}]}, True),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}, True),
        ({"messages": [{"role": "assistant", "content": None, "tool_calls": []}, *MESSAGES]}, False),
        ({"text": "a" * 9_999}, False),
    ],
)
async def test_what_may_be_long_is_counted_beside_the_loop(
    monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], beside: bool
) -> None:
    token_counts._TOKENIZERS["o200k_base"] = len
    called: list[object] = []

    async def to_thread(work: Any, *arguments: Any) -> Any:
        called.append(work)
        return work(*arguments)

    monkeypatch.setattr(asyncio, "to_thread", to_thread)
    assert await atoken_counter("gpt-4o", **asked) > 0
    assert bool(called) is beside


@pytest.mark.parametrize("asked", [{}, {"text": "a", "messages": MESSAGES}, {"messages": []}])
async def test_calls_that_are_wrong(asked: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError) as caught:
        token_counter("gpt-4o", **asked)
    assert caught.value.param == "messages"
    with pytest.raises(BadRequestError):
        await atoken_counter("gpt-4o", **asked)


def test_a_count_is_a_number() -> None:
    count = TokenCount(5, estimated=False)
    again = pickle.loads(pickle.dumps(count))  # noqa: S301 - our own
    assert (again, again.estimated, repr(again), type(again + 1)) == (5, False, "5", int)
    assert TokenCount(5).estimated
