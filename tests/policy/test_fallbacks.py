"""Chains of fallbacks: which of them an error leads to, in which order, each group once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.errors import (
    AiocomplError,
    BadRequestError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    RateLimitError,
)
from aiocompl.policy.config import Alias
from aiocompl.policy.fallbacks import Fallback, Fallbacks
from aiocompl.policy.read_config import read_config
from aiocompl.policy.read_fallbacks import Names, call_chain

DOWN = RateLimitError("down")
LONG = ContextWindowExceededError("too long")
REFUSED = ContentPolicyViolationError("refused")

MODELS = [{"model_name": name, "litellm_params": {"model": "openai/x"}} for name in "abcdefgh"]


def fallbacks(**settings: Any) -> Fallbacks:
    return Fallbacks.of(read_config(MODELS, **settings))


def asked(chains: Fallbacks, error: AiocomplError, own: Any = None) -> str:
    return "".join(entry.model for entry in chains.chain("a", error, own))


@pytest.mark.parametrize(
    ("settings", "down", "long", "refused"),
    [
        ({}, "", "", ""),
        ({"fallbacks": {"a": ["b", "c"]}}, "bc", "bc", ""),
        ({"fallbacks": {"a": ["b"]}, "context_window_fallbacks": {"a": ["c"]}}, "b", "c", ""),
        ({"fallbacks": {"a": ["b"]}, "content_policy_fallbacks": {"a": ["c"]}}, "b", "b", "c"),
        ({"fallbacks": {"a": ["b"]}, "default_fallbacks": ["c"]}, "bc", "bc", ""),
        ({"default_fallbacks": ["a", "c", "c"]}, "c", "c", ""),
        ({"fallbacks": {"a": ["b", "c"], "b": ["d"]}, "default_fallbacks": ["e"]}, "bdce", "bdce", ""),
        ({"fallbacks": {"a": ["b", "c"], "b": ["d"], "d": ["c"]}}, "bdc", "bdc", ""),
        ({"fallbacks": {"b": ["a"]}, "context_window_fallbacks": {"a": ["b", "c"]}}, "", "bc", ""),
        ({"fallbacks": {"a": ["x", "b", "y"]}, "model_group_alias": {"x": "b", "y": "a"}}, None, None, None),
        ({"fallbacks": {"a": ["x", "b"]}, "model_group_alias": {"x": "b"}}, "x", "x", ""),
        ({"fallbacks": {"a": ["b", "c", "d"]}, "max_fallbacks": 2}, "bc", "bc", ""),
        ({"fallbacks": {"a": ["b"]}, "max_fallbacks": 0}, "", "", ""),
    ],
)
def test_what_an_error_leads_to(
    settings: dict[str, Any], down: str | None, long: str | None, refused: str | None
) -> None:
    if down is None:
        with pytest.raises(ValueError, match="circle: a -> a"):
            fallbacks(**settings)
        return
    chains = fallbacks(**settings)
    assert (asked(chains, DOWN), asked(chains, LONG), asked(chains, REFUSED)) == (down, long, refused)


def test_an_alias_has_the_chains_of_its_group() -> None:
    chains = fallbacks(fallbacks={"a": ["b"]}, model_group_alias={"x": "a"})
    assert chains.chain("x", DOWN) == (Fallback("b"),)


def test_a_group_asked_in_another_way_is_another_entry() -> None:
    again = {"model": "a", "temperature": 0}
    chains = fallbacks(fallbacks={"a": [again, again, "b"]})
    assert chains.chain("a", DOWN) == (Fallback("a", {"temperature": 0}), Fallback("b"))


def test_each_step_follows_the_error_before_it() -> None:
    chains = fallbacks(
        fallbacks={"a": ["b", "c"], "b": ["d"]},
        context_window_fallbacks={"b": ["e"]},
        content_policy_fallbacks={"e": ["f"]},
        default_fallbacks=["g"],
    )
    walk = chains.walk("a")
    ways = [(DOWN, "b"), (LONG, "e"), (REFUSED, "f"), (DOWN, "g"), (DOWN, None)]
    for error, expected in ways:
        entry = walk.next(error)
        assert (entry and entry.model) == expected


def test_content_that_is_refused_goes_nowhere_it_was_not_sent() -> None:
    walk = fallbacks(fallbacks={"a": ["b", "c"]}, default_fallbacks=["d"]).walk("a")
    assert walk.next(DOWN) == Fallback("b")
    assert walk.next(REFUSED) is None


def test_looking_ahead_takes_nothing() -> None:
    again = {"model": "b", "temperature": 0}
    chains = fallbacks(fallbacks={"a": ["b", again], "b": [again]}, default_fallbacks=["c"])
    walk, taken = chains.walk("a"), list[Fallback]()
    while walk.has_next(DOWN):
        assert walk.has_next(DOWN)
        assert not walk.has_next(REFUSED)
        entry = walk.next(DOWN)
        assert entry is not None
        taken.append(entry)
    assert walk.next(DOWN) is None
    assert tuple(taken) == chains.chain("a", DOWN)
    assert walk.fresh().next(DOWN) == taken[0]


@pytest.mark.parametrize(
    ("own", "down", "long", "refused"), [(["e"], "ef", "c", "d"), ([], "", "c", "d"), (None, "bg", "c", "d")]
)
def test_a_calls_own_chain_takes_the_place_of_the_general_one(
    own: list[str] | None, down: str, long: str, refused: str
) -> None:
    chains = fallbacks(
        fallbacks={"a": ["b"], "e": ["f"]},
        context_window_fallbacks={"a": ["c"]},
        content_policy_fallbacks={"a": ["d"]},
        default_fallbacks=["g"],
    )
    entries = None if own is None else tuple(Fallback(name) for name in own)
    assert asked(chains, DOWN, entries) == down
    assert asked(chains, LONG, entries)[0] == long
    assert asked(chains, REFUSED, entries) == refused


NAMES = Names(frozenset("ab"), {"x": Alias(model="a")}, None)


def test_a_chain_out_of_a_call() -> None:
    assert call_chain(["x", {"model": "b", "max_tokens": 5}], NAMES) == (
        Fallback("x"),
        Fallback("b", {"max_tokens": 5}),
    )


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ("a", "fallbacks"),
        (["c"], "fallbacks[0]"),
        ([{"model": "a", "api_key": "os.environ/HOME"}], "fallbacks[0].api_key"),
    ],
)
def test_a_bad_chain_out_of_a_call_is_a_bad_request(given: object, param: str) -> None:
    with pytest.raises(BadRequestError) as raised:
        call_chain(given, NAMES)
    assert raised.value.param == param


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefgh"), max_size=4)),
    st.lists(st.sampled_from("abcdefgh"), max_size=3),
    st.sampled_from([DOWN, LONG, REFUSED]),
)
def test_any_chain_ends_and_asks_no_group_twice(
    general: dict[str, list[str]], default: list[str], error: AiocomplError
) -> None:
    chains = Fallbacks(
        general={group: tuple(map(Fallback, names)) for group, names in general.items()},
        content_policy={"a": (Fallback("b"), Fallback("a"))},
        default=tuple(map(Fallback, default)),
    )
    names = ["a", *(entry.model for entry in chains.chain("a", error))]
    assert len(set(names)) == len(names)
