from __future__ import annotations

from typing import Any

import attrs
import pytest

from aiocompl.cache.question import Question, question_of
from aiocompl.errors import BadRequestError
from aiocompl.policy.cache_controls import DEFAULT, CacheControls
from aiocompl.runtime.call import sort_keywords
from aiocompl.types.endpoint import Endpoint

MESSAGES = [{"role": "user", "content": "hi"}]
ENDPOINT = Endpoint(provider="openai", base_url="https://api.openai.com/v1", api_key="sk-1")


@attrs.frozen
class Answer:
    text: str


def question(stream: bool = False, *, endpoint: Endpoint | None = ENDPOINT, **keywords: Any) -> Question:
    return question_of(sort_keywords("m", MESSAGES, stream=stream, keywords=keywords), endpoint)


def test_a_plain_call() -> None:
    plain = question()
    assert (plain.controls, plain.form) == (DEFAULT, None)
    assert plain.key is not None


@pytest.mark.parametrize(
    "other",
    [
        {"top_k": 3},
        {"seed": 3},
        {"endpoint": None},
        {"endpoint": attrs.evolve(ENDPOINT, base_url="http://here")},
        {"endpoint": attrs.evolve(ENDPOINT, provider="azure")},
        {"cache": {"namespace": "a"}},
        {"response_format": Answer},
    ],
)
def test_other_questions(other: dict[str, Any]) -> None:
    asked = question(**other)
    assert asked.key is not None
    assert asked.key != question().key


@pytest.mark.parametrize(
    "same",
    [
        {"stream": True},
        {"endpoint": attrs.evolve(ENDPOINT, api_key="sk-2")},
        {"cache": {"ttl": 3}},
        {"timeout": 3},
    ],
)
def test_the_same_question(same: dict[str, Any]) -> None:
    assert question(**same).key == question().key


def test_how_a_stream_is_to_be() -> None:
    form = question(stream=True, response_format=Answer).form
    assert form is not None
    assert form.answer_type is not None
    assert not form.shows_usage
    options = {"include_usage": True}
    given: list[dict[str, Any]] = [{"stream_options": options}, {"extra_body": {"stream_options": options}}]
    for asked in given:
        form = question(stream=True, **asked).form
        assert form is not None
        assert form.shows_usage


def test_controls() -> None:
    assert question(cache={"s-maxage": 3}).controls == CacheControls(max_age=3)
    with pytest.raises(BadRequestError, match="did you mean 'ttl'"):
        question(cache={"tll": 3})


def test_what_has_no_key() -> None:
    assert question(extra_body={"a": object()}).key is None
