from __future__ import annotations

import asyncio
import gc
import random
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from runtime_kit import BODY, MESSAGES, REFUSED, ScriptedSupervisor, Step, call_of, outcome, plain

from aiocompl import Supervisor
from aiocompl._compat import override
from aiocompl.errors import (
    ActorDiedError,
    APIConnectionError,
    APITimeoutError,
    BadRequestError,
    EndpointDownError,
    InternalServerError,
    NotFoundError,
    RateLimitError,
    SupervisorClosedError,
)
from aiocompl.runtime import children as children_module
from aiocompl.runtime.call import sort_keywords
from aiocompl.testing import Delivery, ScriptedTransport, Slice, faults, settle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiocompl.types.endpoint import Endpoint

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]

REPEATABLE = random.Random(1)
EVENT = b'data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
URL: dict[str, Any] = {"api_base": "http://h/v1"}


def scripted(*steps: Any, **settings: Any) -> ScriptedSupervisor:
    """A supervisor whose every endpoint is answered by one script, in turn over restarts too."""
    in_turn = iter(steps)
    return ScriptedSupervisor(lambda _: ScriptedTransport(lambda _: next(in_turn)), **settings)


async def test_one_actor_for_each_endpoint() -> None:
    seen: list[Endpoint] = []

    def make(endpoint: Endpoint) -> ScriptedTransport:
        seen.append(endpoint)
        return ScriptedTransport(plain())

    async with ScriptedSupervisor(make) as supervisor:
        assert supervisor.snapshot().endpoints == ()
        calls: list[dict[str, Any]] = [
            {},
            {"temperature": 1},
            {"api_key": "a"},
            {"api_key": "b"},
            {"api_key": "a"},
        ]
        for keywords in calls:
            await supervisor.acompletion("m", MESSAGES, **URL, **keywords)
        await supervisor.acompletion("n", MESSAGES, **URL)
        assert [endpoint.api_key for endpoint in seen] == [None, "a", "b"]
        assert supervisor.snapshot().in_flight == supervisor.snapshot().queued == 0


async def test_routes_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children_module, "_MAX_ROUTES", 3)
    async with ScriptedSupervisor(lambda _: ScriptedTransport(plain())) as supervisor:
        for number in range(10):
            await supervisor.acompletion(f"m{number}", MESSAGES, api_base="http://h/v1")
            assert len(supervisor._routes) <= 3
        assert len(supervisor.snapshot().endpoints) == 1


async def test_a_call_of_nothing_but_model_and_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk")
    async with scripted(plain()) as supervisor:
        call = (await supervisor.acompletion("gpt-4o", MESSAGES)).call
        assert call is not None
        assert (call.provider, call.model) == ("openai", "gpt-4o")


async def test_call_info(looptime: Any) -> None:
    broken = Delivery.failing(APIConnectionError("broken"), delay=1)
    async with scripted(broken, plain(2), rng=REPEATABLE) as supervisor:
        answer = await supervisor.acompletion("m", MESSAGES, api_base="http://h/v1")
        call = answer.call
        assert call is not None
        assert [attempt.number for attempt in call.attempts] == [1, 2]
        assert call.attempts[0].elapsed == 1
        assert isinstance(call.attempts[0].error, APIConnectionError)
        assert call.attempts[0].error.__traceback__ is None
        assert call.attempts[1].elapsed == 2
        assert call.attempts[1].error is None
        assert call.total == looptime


async def test_dropped_params_are_reported() -> None:
    async with scripted(plain(), Delivery.stream([EVENT])) as supervisor:
        answer = await supervisor.acompletion(
            "openai/m", MESSAGES, api_base="http://h/v1", api_key="k", top_k=3, drop_params=True
        )
        stream = await supervisor.acompletion(
            "openai/m", MESSAGES, api_base="http://h/v1", api_key="k", top_k=3, drop_params=True, stream=True
        )
        for call in (answer.call, stream.call):
            assert call is not None
            assert call.dropped_params == ("top_k",)


async def test_retry_after_is_honoured(looptime: Any) -> None:
    transport = ScriptedTransport.simulating([faults.rate_limited(retry_after=17.5), "yes"])
    async with ScriptedSupervisor(lambda _: transport) as supervisor:
        await supervisor.acompletion("m", MESSAGES, api_base="http://h/v1")
        assert looptime == 17.5


async def test_no_retry_that_cannot_meet_the_deadline(looptime: Any) -> None:
    transport = ScriptedTransport.simulating([faults.rate_limited(retry_after=17.5), "yes"])
    async with ScriptedSupervisor(lambda _: transport) as supervisor:
        with pytest.raises(RateLimitError):
            await supervisor.acompletion("m", MESSAGES, api_base="http://h/v1", timeout=17)
        assert looptime == 0


async def test_one_deadline_for_all_attempts(looptime: Any) -> None:
    broken = Delivery.failing(APIConnectionError("broken"), delay=4)
    async with scripted(broken, plain(100), timeout=10) as supervisor:
        with pytest.raises(APITimeoutError, match="timeout of 10 s"):
            await supervisor.acompletion("m", MESSAGES, api_base="http://h/v1")
        assert looptime == 10


@pytest.mark.parametrize(
    ("keywords", "attempts"), [({}, 3), ({"num_retries": 0}, 1), ({"max_retries": 4}, 5)]
)
async def test_attempts(keywords: dict[str, Any], attempts: int) -> None:
    transport = ScriptedTransport(Delivery.json(REFUSED, status=500))
    async with ScriptedSupervisor(lambda _: transport) as supervisor:
        with pytest.raises(InternalServerError):
            await supervisor.acompletion("m", MESSAGES, **URL, **keywords)
        assert len(transport.records) == attempts
        assert supervisor.snapshot().endpoints[0].failed == attempts


async def test_what_is_not_retryable_is_not_retried() -> None:
    transport = ScriptedTransport(Delivery.json(REFUSED, status=400))
    async with ScriptedSupervisor(lambda _: transport) as supervisor:
        with pytest.raises(BadRequestError):
            await supervisor.acompletion("m", MESSAGES, api_base="http://h/v1")
        assert len(transport.records) == 1


async def test_bad_calls_fail_before_any_io() -> None:
    transport = ScriptedTransport(plain())
    async with ScriptedSupervisor(lambda _: transport) as supervisor:
        with pytest.raises(BadRequestError, match=r"messages\[0\].role"):
            await supervisor.acompletion("m", [{"role": "nobody"}], api_base="http://h/v1")
        with pytest.raises(TypeError, match="did you mean 'temperature'"):
            await supervisor.acompletion("m", MESSAGES, api_base="http://h/v1", temprature=1)  # type: ignore[call-overload]
        with pytest.raises(BadRequestError, match="timeout"):
            await supervisor.acompletion("m", MESSAGES, api_base="http://h/v1", timeout=-1)
        with pytest.raises(BadRequestError, match="num_retries"):
            await supervisor.acompletion("m", MESSAGES, api_base="http://h/v1", num_retries=-1)
        with pytest.raises(NotFoundError):
            await supervisor.acompletion("no-such-model", MESSAGES)
        assert transport.records == []


async def test_others_are_retried_on_the_new_actor(looptime: Any) -> None:
    def step(request: Any) -> Delivery | BaseException:
        return ZeroDivisionError("bug") if b"poison" in request.body else plain(10)

    transports: list[ScriptedTransport] = []

    def make(_: object) -> ScriptedTransport:
        transports.append(ScriptedTransport(step))
        return transports[-1]

    async with ScriptedSupervisor(make) as supervisor:
        others = [
            asyncio.create_task(supervisor.acompletion("m", MESSAGES, api_base="http://h/v1"))
            for _ in range(3)
        ]
        await asyncio.sleep(1)
        with pytest.raises(ActorDiedError, match="report it"):
            await supervisor.acompletion("m", [{"role": "user", "content": "poison"}], api_base="http://h/v1")
        for task in others:
            call = (await task).call
            assert call is not None
            assert [type(attempt.error) for attempt in call.attempts] == [ActorDiedError, type(None)]
        assert [len(transport.records) for transport in transports] == [4, 3]


async def test_one_endpoint_down_and_the_others_go_on() -> None:
    def make(endpoint: Endpoint) -> ScriptedTransport:
        return ScriptedTransport(ZeroDivisionError("bug") if "bad" in endpoint.base_url else plain(1))

    async with ScriptedSupervisor(make, max_restarts=1) as supervisor:
        good = asyncio.create_task(supervisor.acompletion("m", MESSAGES, api_base="http://good/v1"))
        await settle()
        for expected in (ActorDiedError, ActorDiedError, EndpointDownError):
            with pytest.raises(expected):
                await supervisor.acompletion("m", MESSAGES, api_base="http://bad/v1")
            await settle()
        await good
        await supervisor.acompletion("m", MESSAGES, api_base="http://good/v1")
        assert [child.state for child in supervisor.snapshot().endpoints] == ["running", "down"]
        await supervisor.drain()


async def test_drain_waits_for_calls_and_streams(looptime: Any) -> None:
    stream_delivery = Delivery.stream([EVENT, Slice(EVENT, 30), b"data: [DONE]\n\n"])
    supervisor = scripted(plain(10), stream_delivery)
    call = asyncio.create_task(supervisor.acompletion("m", MESSAGES, api_base="http://h/v1"))
    await settle()
    stream = await supervisor.acompletion("m", MESSAGES, api_base="http://h/v1", stream=True)
    draining = asyncio.create_task(supervisor.drain())
    await settle()
    assert supervisor.snapshot().state == "draining"
    for key in (None, "another"):
        with pytest.raises(SupervisorClosedError):
            await supervisor.acompletion("m", MESSAGES, api_base="http://h/v1", api_key=key)
    assert len([chunk async for chunk in stream]) == 2
    await draining
    assert looptime == 30
    assert call_of(await call).id == BODY["id"]
    assert supervisor.snapshot().state == "closed"
    assert [child.state for child in supervisor.snapshot().endpoints] == ["closed"]


async def test_drain_has_its_timeout(looptime: Any) -> None:
    supervisor = scripted(plain(100), Delivery.stream([EVENT, Slice(EVENT, 100)]))
    call = asyncio.create_task(supervisor.acompletion("m", MESSAGES, api_base="http://h/v1"))
    await settle()
    stream = await supervisor.acompletion("m", MESSAGES, api_base="http://h/v1", stream=True)
    await anext(stream)
    await supervisor.drain(timeout=7)
    assert looptime == 7
    assert isinstance(await outcome(call), SupervisorClosedError)
    with pytest.raises(SupervisorClosedError, match="within the stream"):
        await anext(stream)


async def test_drain_waits_for_retries(looptime: Any) -> None:
    transport = ScriptedTransport.simulating([faults.rate_limited(retry_after=20), "yes"])
    supervisor = ScriptedSupervisor(lambda _: transport)
    call = asyncio.create_task(supervisor.acompletion("m", MESSAGES, api_base="http://h/v1"))
    await settle()
    await supervisor.drain()
    assert looptime == 20
    assert (await call).choices[0].message.content == "yes"


async def test_drain_of_nothing(looptime: Any) -> None:
    supervisor = Supervisor()
    await supervisor.drain()
    with pytest.raises(SupervisorClosedError):
        await supervisor.acompletion("m", MESSAGES, api_base="http://h/v1")
    assert looptime == 0


async def test_close_with_calls_and_streams_open() -> None:
    supervisor = scripted(plain(100), Delivery.stream([EVENT, Slice(EVENT, 100)]))
    call = asyncio.create_task(supervisor.acompletion("m", MESSAGES, api_base="http://h/v1"))
    await settle()
    stream = await supervisor.acompletion("m", MESSAGES, api_base="http://h/v1", stream=True)
    async with supervisor:
        pass
    assert isinstance(await outcome(call), SupervisorClosedError)
    with pytest.raises(SupervisorClosedError):
        await anext(stream)
    await supervisor.aclose()


async def test_close_ends_a_wait_for_a_retry(looptime: Any) -> None:
    transport = ScriptedTransport.simulating([faults.rate_limited(retry_after=100)])
    supervisor = ScriptedSupervisor(lambda _: transport)
    call = asyncio.create_task(supervisor.acompletion("m", MESSAGES, api_base="http://h/v1"))
    await asyncio.sleep(1)
    await supervisor.aclose()
    assert isinstance(await outcome(call), SupervisorClosedError)
    assert looptime == 1


async def test_failed_attempts_keep_no_frames() -> None:
    class Big:
        pass

    held: list[weakref.ref[Big]] = []

    class Holding(ScriptedTransport):
        @override
        async def open(self, request: Any) -> Any:
            big = Big()
            held.append(weakref.ref(big))
            try:
                return await super().open(request)
            except APIConnectionError as error:
                raise APIConnectionError("mapped") from error

    steps: Iterator[Step] = iter([APIConnectionError("broken"), plain()])
    async with ScriptedSupervisor(lambda _: Holding(lambda _: next(steps))) as supervisor:
        answer = await supervisor.acompletion("m", MESSAGES, api_base="http://h/v1")
        assert answer.call is not None
        assert len(answer.call.failed) == 1
        gc.collect()
        assert [ref() for ref in held] == [None, None]


@pytest.mark.parametrize(
    "settings",
    [
        {"timeout": 0},
        {"timeout": float("nan")},
        {"timeout": float("inf")},
        {"num_retries": -1},
        {"max_concurrency": 0},
        {"max_concurrency": 0.5},
        {"max_concurrency": True},
        {"inbox_size": 0},
        {"max_restarts": -1},
        {"restart_period": 0},
        {"overflow": "block"},
    ],
)
async def test_settings_that_make_no_sense(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        Supervisor(**settings)


async def test_local_models_have_a_transport_of_their_own() -> None:
    supervisor = Supervisor()
    deployment = supervisor._route(sort_keywords("local/x", MESSAGES, stream=False, keywords={}))
    assert deployment.route.endpoint.local_model == "x"
    transport = deployment.child.spec.make_transport()
    assert type(transport).__name__ == "LocalTransport"
    await transport.aclose()
    await supervisor.aclose()
