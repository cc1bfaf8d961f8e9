"""A prediction's steps, decided without any of them being taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from replicate_samples import BASE, CODEC, DRIVER, FAILED, STARTING, SUCCEEDED, URLS, event, prediction, reply

from aiocompl.codecs.base import Done, Follow, JobStep, Poll
from aiocompl.codecs.natives import REPLICATE
from aiocompl.codecs.replicate import ReplicateCodec
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPRequest

if TYPE_CHECKING:
    from aiocompl.codecs.replicate.job import PredictionJob

RUNNING = {**STARTING, "status": "processing"}


def job(*, stream: bool = False, codec: ReplicateCodec = CODEC, **extra: Any) -> PredictionJob:
    request = ChatRequest("owner/name", [{"role": "user", "content": "Hi"}], stream=stream, **extra)
    return codec.start_job(codec.encode_request(request))


def polled(step: JobStep | None) -> float:
    """After how long the prediction is asked after."""
    assert isinstance(step, Poll)
    assert (step.request.method, step.request.url, step.request.body) == ("GET", URLS["get"], b"")
    assert step.request.headers is CODEC.headers
    return step.after


def test_a_quick_prediction_needs_no_other_step() -> None:
    made = job()
    assert made.cancel is None
    assert made.take(reply(SUCCEEDED, 201)) == Done()
    assert made.cancel is None


@pytest.mark.parametrize("status", ["succeeded", "failed", "canceled", "aborted"])
def test_it_is_polled_until_it_is_over(status: str) -> None:
    made = job()
    waits = [polled(made.take(reply(RUNNING, 201))) for _ in range(6)]
    assert waits == [0.1, 0.2, 0.3, 0.5, 0.5, 0.5]
    assert made.cancel == HTTPRequest(URLS["cancel"], CODEC.headers)
    assert made.take(reply({**SUCCEEDED, "status": status})) == Done()
    assert made.cancel is None


def test_any_other_status_is_one_of_a_prediction_that_runs() -> None:
    made = job()
    assert polled(made.take(reply({**STARTING, "status": "queued"}, 202))) == 0.1
    assert made.cancel is not None


@pytest.mark.parametrize(
    "created",
    [
        reply({"detail": "no"}, 422),
        reply({}, 500),
        reply({**STARTING}, 500),
        reply(b"<html>", 201),
        reply([], 201),
        reply({"status": "starting"}, 201),
        reply({"id": "p"}, 201),
        reply({"id": "", "status": "starting"}, 201),
        reply({"id": "p", "status": 1}, 201),
        reply({"id": "p", "status": "starting", "urls": [1]}, 201),
    ],
)
def test_nothing_was_created(created: Any) -> None:
    for stream in (False, True):
        made = job(stream=stream)
        assert made.take(created) == Done()
        assert made.cancel is None


@pytest.mark.parametrize("lost", [None, reply({}, 500), reply({}, 429), reply(b"<html>"), reply({}, 408)])
def test_a_poll_that_fails_is_repeated_for_some_time(lost: Any) -> None:
    made = job()
    assert polled(made.take(reply(RUNNING))) == 0.1
    steps = [made.lose() if lost is None else made.take(lost) for _ in range(6)]
    assert [polled(step) for step in steps] == [0.5, 1, 2, 4, 8, 16]
    assert (made.lose() if lost is None else made.take(lost)) == (None if lost is None else Done())
    assert made.cancel is not None  # it may run still


def test_failures_count_in_a_row() -> None:
    made = job()
    polled(made.take(reply(RUNNING)))
    for _ in range(9):
        assert polled(made.lose()) == 0.5
        polled(made.take(reply(RUNNING)))


def test_a_poll_heeds_retry_after() -> None:
    made = job()
    polled(made.take(reply(RUNNING)))
    assert polled(made.take(reply({}, 429, **{"retry-after": "7"}))) == 7
    assert polled(made.take(reply({}, 503, **{"retry-after": "7000"}))) == 60


@pytest.mark.parametrize("status", [401, 404, 302])
def test_a_poll_that_is_refused_ends_it(status: int) -> None:
    made = job()
    polled(made.take(reply(RUNNING)))
    assert made.take(reply({}, status)) == Done()
    assert made.cancel is not None


# ---------------------------------------------------------------- streams


def test_a_stream_is_followed_and_then_the_prediction_fetched() -> None:
    made = job(stream=True)
    step = made.take(reply(STARTING, 201))
    assert isinstance(step, Follow)
    assert (step.request.method, step.request.url) == ("GET", URLS["stream"])
    assert step.request.headers == {
        **CODEC.headers,
        "Accept": "text/event-stream",
        "Cache-Control": "no-store",
    }
    assert made.event() == b"event: prediction\ndata: " + orjson.dumps(STARTING) + b"\n\n"
    assert made.feed(event("output", "done") + event("output", "event: done")) is None
    assert made.cancel is not None
    assert polled(made.feed(event("done"))) == 0
    assert made.cancel is None
    assert made.feed(event("done")) is None
    assert polled(made.take(reply(RUNNING))) == 0.5  # not settled yet
    assert made.cancel is None
    assert made.take(reply(SUCCEEDED)) == Done()
    assert made.event() == b"event: prediction\ndata: " + orjson.dumps(SUCCEEDED) + b"\n\n"


def test_the_end_is_seen_however_the_stream_is_cut() -> None:
    made = job(stream=True)
    made.take(reply(STARTING, 201))
    data = event("output", "x") + event("done")
    steps = [made.feed(bytes([byte])) for byte in data]
    assert steps[:-1] == [None] * (len(data) - 1)
    assert polled(steps[-1]) == 0


def test_the_fetch_after_the_stream_is_given_up_sooner() -> None:
    made = job(stream=True)
    made.take(reply(STARTING, 201))
    made.feed(event("done"))
    assert [polled(made.lose()), polled(made.take(reply({}, 500)))] == [0.5, 1]
    assert made.lose() is None
    waiting = job(stream=True)
    waiting.take(reply(STARTING, 201))
    waiting.feed(event("done"))
    steps = [waiting.take(reply(RUNNING)) for _ in range(11)]
    assert steps[-1] == Done()
    assert {polled(step) for step in steps[:-1]} == {0.5}


@pytest.mark.parametrize("lost", [None, reply({}, 404), reply({}, 500), reply(b"", 302)])
def test_a_stream_that_does_not_open_is_done_without(lost: Any) -> None:
    made = job(stream=True)
    assert isinstance(made.take(reply(STARTING, 201)), Follow)
    assert polled(made.lose() if lost is None else made.take(lost)) == 0
    assert polled(made.take(reply(RUNNING))) == 0.1
    assert made.take(reply(SUCCEEDED)) == Done()


def test_a_model_that_does_not_stream_is_polled() -> None:
    made = job(stream=True)
    assert polled(made.take(reply({**STARTING, "urls": {**URLS, "stream": None}}, 201))) == 0.1


def test_what_is_no_prediction_is_passed_on_as_it_is() -> None:
    made = job(stream=True)
    made.take(reply(b"<html>\n</html>", 201))
    assert made.event() == b"event: prediction\ndata: <html>\ndata: </html>\n\n"
    assert job().event() == b"event: prediction\ndata: \n\n"


def test_a_prediction_on_several_lines() -> None:
    made = job(stream=True)
    made.take(reply(orjson.dumps(SUCCEEDED, option=orjson.OPT_INDENT_2), 201))
    assert DRIVER.decode_stream([made.event()]) == DRIVER.decode_stream([prediction(SUCCEEDED)])


# ---------------------------------------------------------------- where the key goes


def test_headers_of_the_call_hold_for_the_whole_job() -> None:
    extra = {"Authorization": "Bearer other", "Prefer": "wait=60", "cancel-after": "1m"}
    made = job(extra_headers=extra)
    step = made.take(reply(RUNNING))
    assert isinstance(step, Poll)
    assert step.request.headers == {**CODEC.headers, "Authorization": "Bearer other"}
    assert made.cancel == HTTPRequest(URLS["cancel"], step.request.headers)


@pytest.mark.parametrize(
    ("base", "url", "trusted"),
    [
        (BASE, "https://stream.replicate.com/v1/files/x", True),
        (BASE, "https://streaming-api.svc.us.c.replicate.net/v1/predictions/p1", True),
        (BASE, "https://api.replicate.com/x", True),
        (BASE, "http://stream.replicate.com/v1/files/x", False),
        (BASE, "https://stream.replicate.com:8443/x", False),
        (BASE, "https://replicate.com.evil.example/x", False),
        (BASE, "https://evilreplicate.com/x", False),
        (BASE, "https://[oops/x", False),
        (BASE, "//stream.replicate.com/x", False),
        (BASE, 7, False),
        ("https://proxy.example/v1", "https://stream.replicate.com/x", False),
        ("https://proxy.example/v1", "https://proxy.example/x", True),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/x", True),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:9000/x", False),
    ],
)
def test_the_key_goes_nowhere_else(base: str, url: Any, trusted: bool) -> None:
    codec = ReplicateCodec(REPLICATE, Endpoint(provider="replicate", base_url=base, api_key="r8_secret"))
    streaming = job(stream=True, codec=codec)
    step = streaming.take(reply({**STARTING, "urls": {"stream": url}}))
    assert isinstance(step, Follow if trusted else Poll)
    made = job(codec=codec)
    step = made.take(reply({**STARTING, "id": "p/1", "urls": {"get": url, "cancel": url}}))
    assert isinstance(step, Poll)
    assert made.cancel is not None
    own = f"{base}/predictions/p%2F1"
    expected = (url, url) if trusted else (own, f"{own}/cancel")
    assert (step.request.url, made.cancel.url) == expected


RESPONSES = st.builds(
    reply,
    st.sampled_from([STARTING, RUNNING, SUCCEEDED, FAILED, {}, b"<html>", b""]),
    st.sampled_from([200, 201, 302, 404, 429, 500]),
)


@given(
    answers=st.lists(st.none() | RESPONSES, max_size=30),
    stream=st.booleans(),
    slices=st.lists(st.binary(), max_size=4),
)
def test_whatever_comes_there_is_a_next_step(answers: list[Any], stream: bool, slices: list[bytes]) -> None:
    made = job(stream=stream)
    created = False
    for answer in answers:
        step = made.lose() if answer is None and created else made.take(answer or reply({}, 500))
        created = made.cancel is not None
        if step is None or isinstance(step, Done):
            return
        if isinstance(step, Follow):
            for data in slices:
                made.feed(data)
