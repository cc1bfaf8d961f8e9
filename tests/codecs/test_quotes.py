"""What a provider quotes of the request stands in no message."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.codecs.error_shapes import decode_error
from aiocompl.codecs.quotes import CUT, QUOTE, conceal, without_quotes
from aiocompl.errors import BadRequestError, UnsupportedParamsError
from aiocompl.types.request import ChatRequest, EmbeddingRequest, RerankRequest
from aiocompl.wire.messages import HTTPResponse

PROMPT = "My secret plan is to plant a thousand oaks."


@pytest.mark.parametrize(
    ("message", "asked", "expected"),
    [
        (f"bad text: '{PROMPT}' (400)", PROMPT, f"bad text: '{CUT}' (400)"),
        ("bad text: 'plan is to plant a thou", PROMPT, f"bad text: '{CUT}"),
        ("plan is to plant a thou", {"messages": [{"content": [{"text": PROMPT}]}]}, CUT),
        ("a thousand oaks, no less", PROMPT, "a thousand oaks, no less"),
        ("short", PROMPT, "short"),
        ("nothing of the sort in here", PROMPT, "nothing of the sort in here"),
        ("a" * 500, "a" * 500_000, CUT),
        (f"{PROMPT} {PROMPT}", PROMPT, f"{CUT} {CUT}"),
    ],
)
def test_quotations_are_cut(message: str, asked: object, expected: str) -> None:
    assert without_quotes(message, asked) == expected


@given(
    st.text("ab", max_size=60),
    st.text("ab", min_size=QUOTE, max_size=60),
    st.text("ab", max_size=60),
    st.data(),
)
def test_no_stretch_of_the_length_is_left(before: str, prompt: str, after: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(prompt) - QUOTE))
    shown = without_quotes(before + prompt[at : at + QUOTE] + after, [prompt])
    for piece in shown.split(CUT):
        assert not any(piece[i : i + QUOTE] in prompt for i in range(len(piece) - QUOTE + 1))


@pytest.mark.parametrize(
    "request_",
    [
        ChatRequest("m", ({"role": "user", "content": PROMPT},)),
        EmbeddingRequest(model="m", input=[PROMPT, [1, 2]]),
        RerankRequest(model="m", query="oaks", documents=[{"text": PROMPT}]),
    ],
)
def test_the_error_of_a_provider_loses_it_and_its_body_does_not(request_: Any) -> None:
    error = BadRequestError(f"status 400: {PROMPT}", body={"error": PROMPT})
    conceal(error, request_)
    assert error.message == str(error) == f"status 400: {CUT}"
    assert error.args == (error.message,)
    assert error.body == {"error": PROMPT}
    assert pickle.loads(pickle.dumps(error)).args == error.args  # noqa: S301 - our own


def test_our_own_words_stay() -> None:
    error = UnsupportedParamsError(PROMPT)
    conceal(error, ChatRequest("m", ({"role": "user", "content": PROMPT},)))
    assert error.message == PROMPT


def test_the_key_is_in_neither_message_nor_body() -> None:
    body = b'{"error":{"message":"no abc-123-xyz","tried":["abc-123-xyz"]}}'
    response = HTTPResponse(401, {}, body)
    error = decode_error(response, provider="acme", model="m", api_key="abc-123-xyz")
    assert "abc-123-xyz" not in f"{error} {error.body}"
    assert error.body == {"error": {"message": "no [key]", "tried": ["[key]"]}}


def test_a_key_too_short_to_be_one_mangles_no_words() -> None:
    response = HTTPResponse(400, {}, b'{"error":{"message":"too many tokens"}}')
    error = decode_error(response, provider="acme", model="m", api_key="k")
    assert error.message == "status 400: too many tokens"
    assert error.body == {"error": {"message": "too many tokens"}}
