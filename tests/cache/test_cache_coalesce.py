"""Calls that ask the same at once share one, and nobody can tell: not by time, not by an error, not by a changed answer."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

import pytest
from cache_kit import Upstream, assert_nothing_left, info, text_of, whole

from aiocompl.cache.coalesce import own_copy
from aiocompl.cache.layer import CacheLayer, CacheStatistics
from aiocompl.cache.memory import MemoryCache
from aiocompl.errors import ActorDiedError, AllModelsFailedError, APITimeoutError, RateLimitError
from aiocompl.policy.cache_controls import DEFAULT, OFF, CacheControls
from aiocompl.types.completion import ChatCompletion

pytestmark = pytest.mark.looptime


@pytest.fixture
def layer() -> CacheLayer:
    return CacheLayer(coalesce=True)


def begin(
    layer: CacheLayer,
    upstream: Upstream,
    *,
    timeout: float = 600,
    controls: CacheControls = DEFAULT,
    key: str = "k",
) -> asyncio.Task[Any]:
    deadline = asyncio.get_running_loop().time() + timeout
    return asyncio.create_task(layer.answer(key, controls, upstream.ask, deadline=deadline))


async def outcomes(*tasks: asyncio.Task[Any]) -> list[Any]:
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_many_calls_one_request(layer: CacheLayer, looptime: float) -> None:
    before, upstream = asyncio.all_tasks(), Upstream()
    tasks = [begin(layer, upstream) for _ in range(10)]
    answers = await outcomes(*tasks)
    assert (looptime, upstream.asked) == (1, 1)
    assert all(answer == whole() for answer in answers)
    assert [info(answer).coalesced for answer in answers] == [False] + [True] * 9
    assert layer.statistics() == CacheStatistics(shared=9)
    await assert_nothing_left(layer, before)
    await layer.aclose()


async def test_a_late_joiner_waits_for_the_rest(layer: CacheLayer, looptime: float) -> None:
    upstream = Upstream()
    first = begin(layer, upstream)
    await asyncio.sleep(0.75)
    second = await begin(layer, upstream)
    assert looptime == 1
    call = info(second)
    assert (call.total, call.cost, call.attempts, call.provider) == (0.25, 0.0, (), "test")
    assert len(info(await first).failed) == 1
    await layer.aclose()


async def test_answers_are_everybodys_own(layer: CacheLayer) -> None:
    upstream = Upstream(whole(provider_specific_fields={"a": [1]}))
    answers = await outcomes(*(begin(layer, upstream) for _ in range(3)))
    answers[0].choices[0].message.content = "changed"
    answers[1].provider_specific_fields["a"].append(2)
    answers[1].call.dropped_params = ("seed",)
    assert answers[2] == whole(provider_specific_fields={"a": [1]})
    assert answers[2].call.dropped_params == ()
    await layer.aclose()


async def test_what_the_first_does_with_its_answer_is_not_seen_by_later_ones(layer: CacheLayer) -> None:
    upstream = Upstream()

    async def spoil() -> None:
        answer: Any = await layer.answer("k", DEFAULT, upstream.ask)
        answer.choices.clear()

    spoiling = asyncio.create_task(spoil())
    assert text_of(await begin(layer, upstream)) == text_of(whole())
    await spoiling
    await layer.aclose()


@pytest.mark.parametrize(
    "other",
    [{"key": "other"}, {"controls": OFF}, {"controls": CacheControls(read=False)}],
    ids=["another question", "off", "no-cache"],
)
async def test_who_does_not_join(layer: CacheLayer, other: dict[str, Any]) -> None:
    upstream = Upstream()
    await outcomes(begin(layer, upstream), begin(layer, upstream, **other))
    assert (upstream.asked, layer.statistics().shared) == (2, 0)
    await layer.aclose()


async def test_one_after_the_other_share_nothing(layer: CacheLayer) -> None:
    upstream = Upstream()
    await begin(layer, upstream)
    await begin(layer, upstream)
    assert upstream.asked == 2
    await layer.aclose()


@pytest.mark.parametrize("leaving", [[0], [1], [0, 1], [1, 2], [0, 2]])
@pytest.mark.parametrize("at", [0.0, 0.5, 1.0])
async def test_who_is_cancelled_does_not_hurt_the_others(
    layer: CacheLayer, leaving: list[int], at: float
) -> None:
    before, upstream = asyncio.all_tasks(), Upstream()
    tasks = [begin(layer, upstream) for _ in range(3)]
    await asyncio.sleep(at)
    for index in leaving:
        tasks[index].cancel()
    results = await outcomes(*tasks)
    for index, result in enumerate(results):
        assert isinstance(result, asyncio.CancelledError if index in leaving else ChatCompletion)
    assert (upstream.asked, upstream.cancelled) == (1, 0)
    await assert_nothing_left(layer, before)
    await layer.aclose()


@pytest.mark.parametrize("count", [1, 3])
async def test_the_last_to_go_cancels_the_request_and_waits_for_its_end(
    layer: CacheLayer, count: int, looptime: float
) -> None:
    before, upstream = asyncio.all_tasks(), Upstream()
    tasks = [begin(layer, upstream) for _ in range(count)]
    await asyncio.sleep(0.5)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks[-1:])
    assert upstream.cancelled == 2  # to its very end
    assert looptime == 0.75
    assert all(isinstance(result, asyncio.CancelledError) for result in await outcomes(*tasks))
    await assert_nothing_left(layer, before)
    await layer.aclose()


async def test_a_request_that_is_being_cancelled_is_not_joined(layer: CacheLayer) -> None:
    upstream = Upstream()
    first = begin(layer, upstream)
    await asyncio.sleep(0.5)
    first.cancel()
    await asyncio.sleep(0.1)
    assert isinstance(await begin(layer, upstream), ChatCompletion)
    assert upstream.asked == 2
    await layer.aclose()


async def test_closed_before_the_request_began(layer: CacheLayer) -> None:
    before, upstream = asyncio.all_tasks(), Upstream()
    task = begin(layer, upstream)
    await asyncio.sleep(0)
    await layer.aclose()
    await asyncio.wait([task])
    assert isinstance(task.exception(), ActorDiedError)
    assert upstream.asked == 0
    await assert_nothing_left(layer, before)


async def test_each_deadline_holds(layer: CacheLayer, looptime: float) -> None:
    upstream = Upstream(takes=10)
    tasks = [begin(layer, upstream, timeout=timeout) for timeout in (20, 2, 3, 20)]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    assert (looptime, done) == (2, {tasks[1]})
    assert isinstance(tasks[1].exception(), APITimeoutError)
    await asyncio.wait([tasks[2]])
    assert looptime == 3
    assert isinstance(await tasks[0], ChatCompletion)
    assert isinstance(await tasks[3], ChatCompletion)
    assert (looptime, upstream.asked, upstream.cancelled) == (10, 1, 0)
    await layer.aclose()


async def test_the_last_deadline_cancels_the_request(layer: CacheLayer, looptime: float) -> None:
    before, upstream = asyncio.all_tasks(), Upstream(takes=10)
    first = begin(layer, upstream, timeout=20)
    second = begin(layer, upstream, timeout=2)
    await asyncio.sleep(1)
    first.cancel()
    assert isinstance((await outcomes(second))[0], APITimeoutError)
    assert (looptime, upstream.cancelled) == (2.25, 2)
    await outcomes(first)
    await assert_nothing_left(layer, before)
    await layer.aclose()


async def test_a_request_with_much_less_time_is_not_joined(layer: CacheLayer) -> None:
    upstream = Upstream(takes=5)
    brief = begin(layer, upstream, timeout=8)
    longer = begin(layer, upstream, timeout=10)
    assert isinstance(await begin(layer, upstream, timeout=10.5), ChatCompletion)
    assert isinstance(await longer, ChatCompletion)
    assert isinstance(await brief, ChatCompletion)
    assert upstream.asked == 2
    await layer.aclose()


async def test_an_error_goes_to_all_and_each_has_its_own(layer: CacheLayer) -> None:
    upstream = Upstream(error=RateLimitError("no", status_code=429, retry_after=3.0, provider="p"))
    upstream.error.__cause__ = cause = ValueError("why")  # type: ignore[union-attr]
    errors = await outcomes(*(begin(layer, upstream) for _ in range(3)))
    assert len({id(error) for error in errors}) == 3
    for error in errors:
        assert isinstance(error, RateLimitError)
        assert (str(error), error.retry_after, error.__cause__) == ("p: no", 3.0, cause)
    assert upstream.asked == 1
    await layer.aclose()


async def test_an_error_of_one_caller_is_the_very_one_that_was_raised(layer: CacheLayer) -> None:
    upstream = Upstream(error=ZeroDivisionError("a bug"))
    (error,) = await outcomes(begin(layer, upstream))
    assert error is upstream.error
    await layer.aclose()


class OddError(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__("odd")


@pytest.mark.parametrize(
    ("error", "same"),
    [
        (RateLimitError("no", retry_after=1), False),
        (AllModelsFailedError("all", [ValueError("a")]), False),
        (ValueError("a"), False),
        (OddError(1, 2), True),
    ],
)
def test_copies_of_errors(error: Exception, same: bool) -> None:
    try:
        raise error from KeyError("cause")  # noqa: TRY301 - so that it has a traceback
    except Exception as raised:  # noqa: BLE001 - the test's own
        mine = own_copy(raised)
        assert (mine is error) is same
        assert (type(mine), str(mine), mine.__cause__) == (type(error), str(error), error.__cause__)
        assert same or (mine.__traceback__ is None and mine.__suppress_context__)


async def test_a_request_that_is_cancelled_by_somebody_else(layer: CacheLayer) -> None:
    upstream = Upstream()
    tasks = [begin(layer, upstream) for _ in range(2)]
    await asyncio.sleep(0.5)
    for task in layer._flights._tasks:
        task.cancel()
    assert all(isinstance(error, ActorDiedError) for error in await outcomes(*tasks))
    await layer.aclose()


async def test_closing_the_layer_ends_what_is_on_its_way(layer: CacheLayer) -> None:
    before, upstream = asyncio.all_tasks(), Upstream()
    task = begin(layer, upstream)
    await asyncio.sleep(0)
    await layer.aclose()
    assert isinstance((await outcomes(task))[0], ActorDiedError)
    await assert_nothing_left(layer, before)


async def test_it_runs_in_the_first_callers_context(layer: CacheLayer) -> None:
    caller = ContextVar[str]("caller")
    seen: list[str] = []

    async def ask() -> ChatCompletion:
        seen.append(caller.get())
        await asyncio.sleep(1)
        return whole()

    async def call(name: str) -> None:
        caller.set(name)
        await layer.answer("k", DEFAULT, ask)

    await asyncio.gather(call("first"), call("second"))
    assert seen == ["first"]
    await layer.aclose()


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("second", [True, False])
async def test_it_is_kept_once_if_anybody_lets_it(first: bool, second: bool) -> None:
    layer, upstream = CacheLayer(MemoryCache(), coalesce=True), Upstream()
    await outcomes(
        *(begin(layer, upstream, controls=CacheControls(store=store)) for store in (first, second))
    )
    assert layer.statistics().kept == int(first or second)
    assert info(await begin(layer, upstream)).cached is (first or second)
    await layer.aclose()


async def test_an_answer_without_a_call(layer: CacheLayer) -> None:
    async def ask() -> ChatCompletion:
        await asyncio.sleep(1)
        answer = whole()
        answer.call = None
        return answer

    answers = await asyncio.gather(*(layer.answer("k", DEFAULT, ask) for _ in range(2)))
    assert [answer.call for answer in answers] == [None, None]
    await layer.aclose()


async def test_who_joins_does_not_look_into_the_cache() -> None:
    class Counting(MemoryCache):
        gets = 0

        async def get(self, key: str) -> bytes | None:  # type: ignore[explicit-override]
            self.gets += 1
            return await super().get(key)

    cache, upstream = Counting(), Upstream()
    layer = CacheLayer(cache, coalesce=True)
    await outcomes(*(begin(layer, upstream) for _ in range(5)))
    assert (cache.gets, upstream.asked) == (1, 1)
    await layer.aclose()
