"""What is known of a call besides its answer, and endpoints as values."""

from __future__ import annotations

import pickle

from aiocompl.errors import RateLimitError
from aiocompl.types.call import Attempt, CallInfo
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
