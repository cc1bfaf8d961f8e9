"""Jobs, seen through to their answers in virtual time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from jobs_kit import (
    BASE,
    DEAF,
    END,
    MESSAGES,
    MODEL,
    OUTPUT,
    RUNNING,
    SUCCEEDED,
    Replicate,
    begun,
    errands,
    finished,
    request,
    says,
    transport,
)
from runtime_kit import call_of

from aiocompl.errors import (
    APIConnectionError,
    APIResponseValidationError,
    BadRequestError,
    IncompleteStreamError,
    InternalServerError,
    RateLimitError,
)
from aiocompl.testing import Delivery, settle
from aiocompl.wire.messages import HTTPRequest

if TYPE_CHECKING:
    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.types.completion import ChatCompletion

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]

BROKEN = APIConnectionError("broken")


async def ask(replicate: Replicate, **options: Any) -> ChatCompletion:
    async with replicate.supervisor(num_retries=0) as supervisor:
        return call_of(await supervisor.acompletion(MODEL, MESSAGES, api_key="r8_secret", **options))


async def read(replicate: Replicate, **options: Any) -> tuple[str, ChatCompletion]:
    """The text of a stream as its chunks have it, and the whole of it."""
    async with replicate.supervisor(num_retries=0) as supervisor:
        stream: CompletionStream = await supervisor.acompletion(
            MODEL, MESSAGES, api_key="r8_secret", stream=True, **options
        )
        pieces = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
        assert supervisor.snapshot().in_flight == 0
        return "".join(pieces), await stream.response()


async def test_created_and_over_at_once() -> None:
    replicate = Replicate(create=[says(SUCCEEDED, status=201, delay=1)])
    answer = await ask(replicate)
    assert answer.choices[0].message.content == "Hello"
    assert answer.call is not None
    assert answer.call.total == 1
    assert replicate.asked == [("create", 0)]


async def test_polled_until_it_is_over() -> None:
    replicate = Replicate(create=[begun(2)], poll=[*(says(RUNNING),) * 4, finished()])
    assert (await ask(replicate)).choices[0].message.content == "Hello"
    assert replicate.asked == [
        ("create", 0),
        ("poll", 2.1),
        ("poll", 2.3),
        ("poll", 2.6),
        ("poll", 3.1),
        ("poll", 3.6),
    ]


@pytest.mark.parametrize("lost", [BROKEN, says({"detail": "no"}, status=502), Delivery.whole(b"<html>")])
async def test_a_poll_that_fails_is_repeated(lost: Any) -> None:
    replicate = Replicate(poll=[lost, lost, says(RUNNING), finished()])
    assert (await ask(replicate)).choices[0].message.content == "Hello"
    assert [when for _, when in replicate.asked] == [0, 0.1, 0.6, 1.6, 1.8]


async def test_a_poll_waits_as_long_as_it_is_told() -> None:
    throttled = says({"detail": "slow down"}, status=429, headers={"retry-after": "7"})
    replicate = Replicate(poll=[throttled, finished()])
    await ask(replicate)
    assert replicate.asked == [("create", 0), ("poll", 0.1), ("poll", 7.1)]


@pytest.mark.parametrize(
    ("lost", "cls"),
    [
        (BROKEN, APIConnectionError),
        (says({"detail": "no"}, status=500), InternalServerError),
        (Delivery.whole(b"<html>"), APIResponseValidationError),
    ],
)
async def test_a_prediction_that_is_given_up_is_cancelled(lost: Any, cls: type[Exception]) -> None:
    replicate = Replicate(poll=[lost])
    with pytest.raises(cls):
        await ask(replicate)
    assert replicate.names == ["create", *["poll"] * 7, "cancel"]
    assert replicate.asked[-1] == ("cancel", 31.6)


@pytest.mark.parametrize(
    ("created", "cls"),
    [
        (says({"detail": "no"}, status=422), BadRequestError),
        (says({"detail": "slow down"}, status=429), RateLimitError),
        (BROKEN, APIConnectionError),
        (Delivery.whole(b"<html>", status=201), APIResponseValidationError),
        (says({**RUNNING, "status": "failed", "error": "CUDA out of memory"}), InternalServerError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_what_was_not_created_is_not_cancelled(
    created: Any, cls: type[Exception], stream: bool
) -> None:
    replicate = Replicate(create=[created])
    with pytest.raises(cls):
        await (read if stream else ask)(replicate)
    assert replicate.names == ["create"]


async def test_a_creation_that_fails_is_tried_again_by_the_supervisor() -> None:
    replicate = Replicate(create=[says({}, status=500), BROKEN, says(SUCCEEDED)])
    async with replicate.supervisor() as supervisor:
        answer = await supervisor.acompletion(MODEL, MESSAGES, api_key="r8_secret")
    assert answer.call is not None
    assert len(answer.call.attempts) == 3


async def test_a_request_that_is_no_job_goes_through() -> None:
    jobs, inner = transport(Replicate())
    plain = HTTPRequest(f"{BASE}/models", {"Authorization": "Bearer r8_secret"})
    response = await jobs.open(plain)
    assert orjson.loads(await response.read())["id"] == "p1"
    assert inner.records[0].request is plain
    await jobs.aclose()


# ---------------------------------------------------------------- streams


async def test_a_stream() -> None:
    replicate = Replicate(poll=[finished()])
    text, whole = await read(replicate)
    assert text == "Hello"
    assert (whole.id, whole.choices[0].finish_reason) == ("p1", "stop")
    assert whole.usage is not None
    assert whole.usage.total_tokens == 3
    assert replicate.asked == [("create", 0), ("follow", 0), ("poll", 2)]


async def test_its_chunks_come_as_they_are_said() -> None:
    replicate = Replicate(poll=[finished()])
    async with replicate.supervisor() as supervisor:
        stream = await supervisor.acompletion(MODEL, MESSAGES, api_key="r8_secret", stream=True)
        times = [asyncio.get_running_loop().time() async for _ in stream]
    assert times == [0, 1, 2]


async def test_the_prediction_may_take_its_time_to_say_how_it_ended() -> None:
    replicate = Replicate(poll=[says(RUNNING), BROKEN, says(RUNNING), finished(delay=1)])
    _, whole = await read(replicate)
    assert whole.usage is not None
    assert [when for name, when in replicate.asked if name == "poll"] == [2, 2.5, 3, 3.5]


@pytest.mark.parametrize("lost", [BROKEN, says({}, status=500), says({}, status=404), says(RUNNING)])
async def test_a_text_that_is_whole_is_not_lost_for_its_usage(lost: Any) -> None:
    replicate = Replicate(poll=[lost])
    text, whole = await read(replicate)
    assert (text, whole.usage, whole.choices[0].finish_reason) == ("Hello", None, "stop")
    assert replicate.cancelled == 0


@pytest.mark.parametrize("follow", [BROKEN, says({}, status=404), says({}, status=500)])
async def test_a_stream_that_does_not_open_is_one_of_one_piece(follow: Any) -> None:
    replicate = Replicate(follow=[follow], poll=[says(RUNNING), finished()])
    text, whole = await read(replicate)
    assert text == "Hello"
    assert whole.usage is not None
    assert replicate.names == ["create", "follow", "poll", "poll"]


async def test_a_model_that_does_not_stream() -> None:
    replicate = Replicate(create=[says({**RUNNING, "urls": {}})], poll=[finished()])
    assert (await read(replicate))[0] == "Hello"
    assert replicate.names == ["create", "poll"]


@pytest.mark.parametrize("ending", ["whole", "drop"])
async def test_a_stream_that_is_cut_is_an_error_and_the_prediction_cancelled(ending: Any) -> None:
    replicate = Replicate(follow=[Delivery.stream(OUTPUT, ending=ending)])
    with pytest.raises(IncompleteStreamError if ending == "whole" else APIConnectionError):
        await read(replicate)
    assert replicate.names == ["create", "follow", "cancel"]


async def test_a_prediction_that_fails_in_its_stream() -> None:
    error = (
        b'event: error\ndata: {"detail":"CUDA out of memory"}\n\nevent: done\ndata: {"reason":"error"}\n\n'
    )
    replicate = Replicate(follow=[Delivery.stream([*OUTPUT, error])])
    with pytest.raises(InternalServerError, match="CUDA out of memory"):
        await read(replicate)
    assert replicate.cancelled == 0


async def test_a_connection_that_outlives_the_stream_is_closed() -> None:
    replicate = Replicate(follow=[Delivery.stream([*OUTPUT, END], ending="silence")], poll=[finished()])
    assert (await read(replicate))[0] == "Hello"


async def test_a_stream_read_as_a_whole() -> None:
    jobs, _ = transport(Replicate(poll=[finished()]))
    response = await jobs.open(request(stream=True))
    assert (response.status, response.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    body = await response.read()
    assert body.startswith(b"event: prediction\ndata: ")
    assert body.count(b"event: prediction") == 2
    assert body.count(b"event: output") == 2
    assert await response.read() == b""
    response.close()
    await jobs.aclose()


async def test_a_whole_answer_can_be_read_once() -> None:
    jobs, _ = transport(Replicate(create=[says(SUCCEEDED, headers={"x-request-id": "r"})]))
    response = await jobs.open(request())
    assert (response.status, response.headers["x-request-id"]) == (200, "r")
    assert orjson.loads(await response.read()) == SUCCEEDED
    assert await response.read() == b""
    response.close()
    await jobs.aclose()


# ---------------------------------------------------------------- closing


async def test_a_closed_transport_takes_no_more() -> None:
    jobs, inner = transport(Replicate())
    await jobs.aclose()
    await jobs.aclose()
    assert inner.closed
    with pytest.raises(APIConnectionError, match="is closed"):
        await jobs.open(request())


async def test_closing_waits_for_what_is_owed() -> None:
    replicate = Replicate(cancel=[says({}, delay=3)])
    jobs, inner = transport(replicate)
    response = await jobs.open(request(stream=True))
    response.close()
    response.close()
    await asyncio.sleep(1)
    assert errands() == ["aiocompl jobs: cancel"]
    await jobs.aclose()
    assert asyncio.get_running_loop().time() == 3
    assert inner.records[-1].outcome == "read"
    assert replicate.cancelled == 1


@pytest.mark.parametrize("cancel", [DEAF, BROKEN, says({}, status=503)])
async def test_closing_waits_for_some_seconds_only(cancel: Any, capsys: pytest.CaptureFixture[str]) -> None:
    replicate = Replicate(cancel=[cancel])
    jobs, inner = transport(replicate)
    (await jobs.open(request(stream=True))).close()
    await jobs.aclose()
    assert asyncio.get_running_loop().time() == 4
    assert inner.closed
    assert inner.in_flight == 0
    assert not errands()
    assert "job.not_cancelled" in capsys.readouterr().out


async def test_a_debt_whose_errand_was_cancelled_is_paid_at_the_close() -> None:
    replicate = Replicate(cancel=[DEAF, says({})])
    jobs, _ = transport(replicate)
    (await jobs.open(request(stream=True))).close()
    await settle()
    for task in asyncio.all_tasks():
        if "jobs" in task.get_name():
            task.cancel()
    await settle()
    assert replicate.cancelled == 1
    await jobs.aclose()
    assert replicate.cancelled == 2


async def test_closing_that_nobody_waits_for_goes_on() -> None:
    replicate = Replicate(cancel=[says({}, delay=3)])
    jobs, inner = transport(replicate)
    (await jobs.open(request(stream=True))).close()
    closing = asyncio.create_task(jobs.aclose())
    await asyncio.sleep(1)
    closing.cancel()
    await asyncio.wait([closing])
    assert not inner.closed
    await asyncio.sleep(3)
    assert inner.closed
    assert inner.records[-1].outcome == "read"


# ---------------------------------------------------------------- the cancellation itself


@pytest.mark.parametrize("cancel", [BROKEN, says({}, status=429), says({}, status=500)])
async def test_a_cancellation_that_fails_is_repeated(cancel: Any) -> None:
    replicate = Replicate(cancel=[cancel, cancel, says({})])
    jobs, _ = transport(replicate)
    (await jobs.open(request(stream=True))).close()
    await asyncio.sleep(60)
    assert [when for name, when in replicate.asked if name == "cancel"] == [0, 0.5, 1.5]
    assert not errands()
    await jobs.aclose()


@pytest.mark.parametrize(
    ("cancel", "times", "reported"),
    [
        (says({}, status=404), 1, False),
        (says({}, status=409), 1, False),
        (says({}, status=401), 1, True),
        (says({}, status=503), 5, True),
        (BROKEN, 5, True),
        (DEAF, 1, True),
        (ZeroDivisionError("a bug of the test"), 1, True),
    ],
)
async def test_a_cancellation_that_does_not_come_about_is_reported(
    cancel: Any, times: int, reported: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    replicate = Replicate(cancel=[cancel])
    jobs, _ = transport(replicate)
    (await jobs.open(request(stream=True))).close()
    await asyncio.sleep(60)
    assert replicate.cancelled == times
    assert not errands()
    out = capsys.readouterr().out
    assert ("job.not_cancelled" in out) == reported
    assert "r8_secret" not in out
    await jobs.aclose()
    assert asyncio.get_running_loop().time() == 60
