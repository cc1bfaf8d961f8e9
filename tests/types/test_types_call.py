"""What is known of a call besides its answer, and endpoints as values."""

from __future__ import annotations

import pickle

import pytest

from aiocompl.errors import RateLimitError
from aiocompl.prices import Price
from aiocompl.types.call import Attempt, CallInfo, joined_call
from aiocompl.types.completion import Usage
from aiocompl.types.endpoint import Endpoint, headers_with
from aiocompl.types.request import ChatRequest


def test_the_last_attempt_answered() -> None:
    failed = Attempt(
        number=1,
        provider="openai",
        endpoint="https://x/v1",
        model="gpt-4o",
        error=RateLimitError("slow down"),
    )
    call = CallInfo("openai", "https://x/v1", "gpt-4o", queued=0.5, answered=2.0, failed=(failed,))
    last = Attempt(
        number=2, provider="openai", endpoint="https://x/v1", model="gpt-4o", queued=0.5, elapsed=2.0
    )
    assert call.attempts == (failed, last)
    assert CallInfo("openai", "https://x/v1", "gpt-4o").attempts[0].elapsed == 0.0


USAGE = Usage(prompt_tokens=1000, completion_tokens=500, total_tokens=1500)


def test_a_call_costs_what_its_attempts_cost() -> None:
    lost = Attempt(number=1, provider="openai", endpoint="https://x/v1", model="gpt-4o", usage=USAGE)
    free = Attempt(number=2, provider="openai", endpoint="https://x/v1", model="gpt-4o")
    call = CallInfo("own", "https://y/v1", "m", failed=(lost, free), kind="fallback", group="large")
    assert lost.cost == pytest.approx(0.0075)
    assert free.cost is None
    assert call.rate_limits is None
    assert call.cost == lost.cost
    call.usage, call.price = USAGE, Price(input=1e-3, output=0.0)
    last = call.attempts[-1]
    assert (last.kind, last.group, last.usage, last.cost, last.estimated) == (
        "fallback",
        "large",
        USAGE,
        1.0,
        False,
    )
    assert call.cost == pytest.approx(1.0075)
    assert CallInfo("own", "https://y/v1", "m").cost is None
    assert joined_call([call, call]).cost == pytest.approx(2.015)
    assert pickle.loads(pickle.dumps(call)).cost == call.cost  # noqa: S301 - our own


def test_a_call_pickles_its_headers_in_lower_case() -> None:
    call = CallInfo("openai", "https://x/v1", "gpt-4o", request_id="r", headers={"X-Request-Id": "r"})
    again = pickle.loads(pickle.dumps(call))  # noqa: S301 - our own
    assert again.headers == {"x-request-id": "r"}
    assert (again.provider, again.request_id, again.attempts) == ("openai", "r", call.attempts)


def test_headers_and_messages_are_not_shown() -> None:
    call = CallInfo("openai", "https://x/v1", "gpt-4o", headers={"set-cookie": "secret"})
    request = ChatRequest("gpt-4o", [{"role": "user", "content": "secret"}], {"user": "secret"})
    assert "secret" not in repr(call) + repr(request)


def test_endpoints_are_values_that_do_not_show_their_key() -> None:
    one = Endpoint(
        provider="openai", base_url="https://x/v1", api_key="secret", extra_headers=(("a", "secret"),)
    )
    same = Endpoint(
        provider="openai", base_url="https://x/v1", api_key="secret", extra_headers=(("a", "secret"),)
    )
    other = Endpoint(provider="openai", base_url="https://x/v1", api_key="another")
    assert one == same != other
    assert len({one, same, other}) == 2
    assert "secret" not in repr(one)
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301 - our own


def test_headers_with_more_over_them() -> None:
    headers = {"Content-Type": "application/json", "A": "1"}
    assert headers_with(headers, None) is headers_with(headers, {}) is headers
    assert headers_with(headers, {"content-type": "x", "B": "2"}) == {"A": "1", "content-type": "x", "B": "2"}
    assert headers == {"Content-Type": "application/json", "A": "1"}
