"""Batches at a provider, in virtual time: begun, watched, collected, found again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import orjson
import pytest
from provider_kit import DAY, Ask, ListDesk, asks, failing, losing, of

from aiocompl.batchfile.provider_state import BatchState
from aiocompl.errors import (
    APIConnectionError,
    AuthenticationError,
    BadRequestError,
    BatchFileError,
    InternalServerError,
)
from aiocompl.testing import Delivery

if TYPE_CHECKING:
    from collections.abc import Callable


pytestmark = pytest.mark.looptime


async def test_from_beginning_to_end(bench: Any, looptime: Any) -> None:
    made = bench("a", "b", "c")
    await made.run()
    assert made.desk.texts == ["<a>", "<b>", "<c>"]
    assert made.events == ["begun", "collected"]
    assert looptime == 5 + 10 + 20 + 40  # the minute is over with the fourth wait
    assert made.provider.looks == 5
    last = made.news[-1]
    assert (last.batches, last.collected, last.requests, last.succeeded, last.failed) == (1, 1, 3, 3, 0)
    answer: Any = made.desk.results[0][1]
    assert answer.call.provider == made.dialect
    assert answer.usage.total_tokens > 0


async def test_another_run_finds_nothing_to_do(bench: Any) -> None:
    made = bench("a", "b")
    await made.run()
    seen = len(made.provider.seen)
    await made.run()
    assert len(made.provider.seen) == seen


async def test_nobody_needs_to_listen(bench: Any) -> None:
    made = bench("a", listens=False)
    await made.run()
    assert made.desk.texts == ["<a>"]


async def test_nothing_to_ask(bench: Any) -> None:
    made = bench()
    await made.run()
    assert (made.provider.seen, made.events) == ([], [])
    assert not made.path.exists()


async def test_each_request_has_its_own_end(bench: Any) -> None:
    made = bench("a", "busy", "bad", "lost", "b")
    await made.run()
    busy = {"openai": "rate_limit_exceeded", "anthropic": "rate_limit_error"}[made.dialect]
    bad = {"openai": "context_length_exceeded", "anthropic": "invalid_request_error"}[made.dialect]
    lost = {"openai": "request_timeout", "anthropic": "timeout_error"}[made.dialect]
    said = made.desk.texts
    assert said[0] == "<a>"
    assert said[4] == "<b>"
    assert [type(made.desk.results[index][1]).__name__ for index in range(5)].count("ChatCompletion") == 2
    assert said[1] in (busy, "RateLimitError")
    assert said[2] in (bad, "ContextWindowExceededError")
    assert said[3] in (lost, "APITimeoutError")


async def test_what_takes_longer_than_a_day_expires(bench: Any, looptime: Any) -> None:
    made = bench("a", "never")
    await made.run()
    assert made.desk.texts == ["<a>", "batch_expired"]
    assert DAY <= looptime <= DAY + 60


async def test_what_cannot_be_asked_is_said_at_once(bench: Any) -> None:
    items = [
        *asks("a"),
        Ask(line=5, body={"messages": 7}),
        Ask(line=6, body={"messages": [{"role": "user", "content": "b"}], "temprature": 1}),
        Ask(line=7, body={"messages": [{"role": "user", "content": "c"}], "model": "another"}),
        Ask(line=8, body={"messages": [{"role": "user", "content": "d" * 40_000_000}]}),
    ]
    made = bench(items=items)
    await made.run()
    assert made.desk.texts == ["<a>", *["BadRequestError"] * 4]
    errors = [str(result) for line, result in made.desk.results if line > 1]
    assert "temprature" in errors[1]
    assert "another" in errors[2]
    assert "bytes" in errors[3]


async def test_large_inputs_make_several_batches(bench: Any, looptime: Any) -> None:
    made = bench(*"abcdefg", max_requests=3)
    await made.run()
    assert made.desk.texts == [f"<{name}>" for name in "abcdefg"]
    assert made.provider.begun == 3
    assert made.events == ["begun"] * 3 + ["collected"] * 3
    assert looptime == 75  # all at once, not one after the other


async def test_batches_are_bounded_in_bytes(bench: Any) -> None:
    made = bench(*["x" * 12_000_000, "y" * 12_000_000, "z" * 12_000_000])
    await made.run()
    assert made.provider.begun == 2
    assert [len(text) for text in made.desk.texts] == [12_000_002] * 3


async def test_the_state_tells_where_everything_is(bench: Any) -> None:
    made = bench("a", "slow")
    made.provider.faults = [None] * 3 + [failing(401)]
    with pytest.raises(AuthenticationError):
        await made.run()
    data = orjson.loads(made.path.read_bytes())
    (part,) = data["parts"]
    assert data["provider"] == made.dialect
    assert (part["first"], part["last"], part["count"], part["status"]) == (1, 3, 2, "running")
    assert part["batch"].startswith(("batch_", "msgbatch_"))
    assert b'"k"' not in made.path.read_bytes()  # the key
    assert list(made.path.parent.iterdir()) == [made.path]


async def test_trouble_while_watching_is_waited_out(bench: Any, looptime: Any) -> None:
    made = bench("a")
    made.provider.faults = [None] * 2 + [
        failing(503, retry_after="100"),
        failing(500),
        losing(APIConnectionError("gone")),
    ]
    await made.run()
    assert made.desk.texts == ["<a>"]
    assert made.events == ["begun", "trouble", "trouble", "trouble", "collected"]
    assert looptime == 100 + 10 + 20


async def test_the_providers_pace_goes_first(bench: Any, looptime: Any) -> None:
    made = bench("a")

    def unhurried(_: object, usual: Callable[[], Any]) -> Delivery:
        answer: Delivery = usual()
        return attrs.evolve(answer, headers={**answer.headers, "retry-after": "333"})

    made.provider.faults = [None, None, unhurried]
    await made.run()
    assert looptime == 333


# ---------------------------------------------------------------- beginning


async def test_busy_providers_are_asked_again(bench: Any, looptime: Any) -> None:
    made = bench("a")
    made.provider.faults = [None, failing(429, retry_after="30"), failing(429)]
    await made.run()
    assert made.desk.texts == ["<a>"]
    assert made.events == ["trouble", "trouble", "begun", "collected"]
    assert looptime == 30 + 10 + 75


async def test_a_refusal_leaves_nothing_behind(bench: Any) -> None:
    made = bench("a")
    made.provider.faults = [None, failing(400)]
    with pytest.raises(BadRequestError):
        await made.run()
    assert BatchState.load(made.path).parts == []  # type: ignore[union-attr]
    await made.run()
    assert made.desk.texts == ["<a>"]


async def test_what_was_begun_although_its_answer_was_lost_is_found(bench: Any) -> None:
    made = bench("a", "b")
    made.provider.faults = [None, losing(APIConnectionError("gone"))]
    await made.run()
    assert made.desk.texts == ["<a>", "<b>"]
    assert made.provider.begun == 1
    assert made.events == ["trouble", "found", "collected"]


async def test_all_pages_of_the_list_are_looked_through(bench: Any) -> None:
    made, others = bench("a", "b"), bench("x")
    others.provider = made.provider

    def short(request: Any, usual: Callable[[], Any]) -> Any:
        request.url = request.url.replace("limit=100", "limit=1")
        return usual()

    made.provider.faults = [None, losing(APIConnectionError("gone")), failing(401)]
    with pytest.raises(AuthenticationError):
        await made.run()
    for number in range(3):
        others.path = made.path.with_name(f"{number}.json")
        others.desk = ListDesk(asks("x"))
        await others.run()
    made.provider.faults = [short] * 4
    await made.run()
    assert made.desk.texts == ["<a>", "<b>"]
    assert made.provider.begun == 4


async def test_what_was_not_begun_is_begun_again(bench: Any) -> None:
    made = bench("a", "b")
    made.provider.faults = [None, failing(500), None, failing(502)]
    await made.run()
    assert made.desk.texts == ["<a>", "<b>"]
    assert made.provider.begun == 1
    assert made.events == ["trouble", "trouble", "begun", "collected"]


async def test_who_gives_up_keeps_the_intent(bench: Any) -> None:
    made = bench("a")
    made.provider.faults = [None] + [failing(500), None] * 6
    with pytest.raises(InternalServerError):
        await made.run()
    (part,) = BatchState.load(made.path).parts  # type: ignore[union-attr]
    assert part.status == "beginning"
    await made.run()
    assert made.desk.texts == ["<a>"]
    assert made.provider.begun == 1


async def test_quota_that_stays_exhausted_leaves_nothing_behind(bench: Any) -> None:
    made = bench("a")
    made.provider.faults = [None] + [failing(429)] * 6
    with pytest.raises(Exception, match="no"):
        await made.run()
    assert BatchState.load(made.path).parts == []  # type: ignore[union-attr]


async def test_others_with_as_many_requests_are_told_apart_by_their_results(bench: Any) -> None:
    make = of("anthropic", bench)
    made = make("a", "b")
    others = make("x", "y")
    others.provider, others.path = made.provider, made.path.with_name("other.json")

    def meanwhile(_: object, __: Callable[[], Any]) -> BaseException:
        return APIConnectionError("gone")  # ours never arrives

    made.provider.faults = [None, meanwhile, failing(401)]
    with pytest.raises(AuthenticationError):
        await made.run()
    await others.run()  # another's, after our intent
    await made.run()
    assert made.desk.texts == ["<a>", "<b>"]
    assert made.events == ["trouble", "found", "not_ours", "begun", "collected"]
    assert made.provider.begun == 2


async def test_a_refused_file_is_the_error_of_all_its_requests(bench: Any) -> None:
    made = of("openai", bench)("a", "b")

    def spoiled(request: Any, usual: Callable[[], Any]) -> Any:
        request.body = request.body.replace(b"/v1/chat/completions", b"/v1/nowhere", 1)
        return usual()

    made.provider.faults = [spoiled]
    await made.run()
    assert made.desk.texts == ["mismatched_url", "mismatched_url"]
    assert "line 1 of the batch" in str(made.desk.results[0][1])


async def test_a_result_that_is_missing_is_an_error(bench: Any) -> None:
    made = bench("a", "b")
    looks = iter(range(99))

    def shortened(request: Any, usual: Callable[[], Any]) -> Any:
        answer = usual()
        if "/content" in request.url or request.url.endswith("/results"):
            body = answer.body().splitlines(keepends=True)[0]
            return Delivery.whole(body, headers={"content-type": "application/jsonl"})
        return answer

    made.provider.faults = [shortened for _ in looks]
    await made.run()
    assert made.desk.texts == ["batch_no_result", "<b>"]


# ---------------------------------------------------------------- another's


async def test_another_model_or_address_is_refused(bench: Any) -> None:
    made = bench("a")
    await made.run()
    with pytest.raises(BatchFileError, match="resume with the same model"):
        await made.run(api_base="http://elsewhere.invalid/v1")


async def test_another_input_is_refused(bench: Any) -> None:
    made = bench("a", "b")
    made.provider.faults = [None] * 2 + [failing(401)]
    with pytest.raises(AuthenticationError):
        await made.run()
    made.desk.items = asks("a", "changed")
    with pytest.raises(BatchFileError, match="line 3 of the input is not what it was"):
        await made.run()
    assert made.provider.begun == 1


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"version": 9, "parts": []}', b'{"version": 1, "parts": 3}']
)
async def test_what_is_no_state_is_refused(bench: Any, content: bytes) -> None:
    made = bench("a")
    made.path.write_bytes(content)
    with pytest.raises(BatchFileError, match="does not tell of batches"):
        await made.run()
    assert made.provider.seen == []
