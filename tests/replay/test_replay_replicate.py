"""Recorded predictions at Replicate: each exchange read by the codec, each whole job seen through by the transport.

Most are of image models, whose output is files: a chat with them is a prompt, and the file's URL as the answer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
import pytest
from replay_corpus import recorded, select
from replay_exceptions import NOT_EXPRESSIBLE

from aiocompl.codecs.base import Done, Follow, JobStep, Poll
from aiocompl.codecs.natives import REPLICATE
from aiocompl.codecs.replicate import ReplicateCodec
from aiocompl.errors import APIResponseValidationError, APIStatusError, AuthenticationError
from aiocompl.runtime.jobs import JobTransport
from aiocompl.testing import Delivery, ScriptedTransport
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from replay_corpus import Exchange

    from aiocompl.wire.messages import HTTPRequest, JobRequest

ENDPOINT = Endpoint(provider="replicate", base_url=REPLICATE.base_url, api_key="r8_made_up")
CODEC = ReplicateCodec(REPLICATE, ENDPOINT)
ALL = select("replicate", "predictions")
REFUSED = select("replicate", "predictions", ok=False)


def chat(exchange: Exchange) -> ChatRequest:
    """The call that creates this prediction, in OpenAI's parameters; others go past them in `extra_body`."""
    body = exchange.request or {}
    given = dict(body.get("input") or {})
    path = urlsplit(exchange.url).path
    model = body.get("version") or path.removeprefix("/v1/models/").removesuffix("/predictions")
    prompt = given.pop("prompt", "")
    params = {name: given.pop(name) for name in ("seed",) if name in given}
    return ChatRequest(
        model,
        [{"role": "user", "content": prompt}],
        params,
        stream=bool(body.get("stream")),
        extra_body={"input": given} if given else None,
    )


def response(exchange: Exchange) -> HTTPResponse:
    return HTTPResponse(exchange.status, exchange.headers, exchange.body)


def creation_of(exchange: Exchange) -> Exchange | None:
    """The exchange that created the prediction of this one; None where the recording lacks it."""
    name = exchange.json["id"]
    return next(
        (item for item in recorded("replicate") if is_creation(item) and item.json.get("id") == name), None
    )


def is_creation(exchange: Exchange) -> bool:
    return (
        exchange.api == "predictions" and exchange.method == "POST" and exchange.url.endswith("/predictions")
    )


def expected(body: dict[str, Any]) -> str:
    """What our reader makes of a prediction."""
    if body["status"] in ("starting", "processing"):
        return "follow" if "stream" in body["urls"] and body.get("stream") else "poll"
    return "done"


def kind(step: JobStep | None) -> str:
    return {Poll: "poll", Follow: "follow", Done: "done"}.get(type(step), "nothing")


@pytest.mark.replays("decoded")
@pytest.mark.parametrize("exchange", ALL)
def test_decodes(exchange: Exchange) -> None:
    """Each exchange is the next step of its job, and an answer where the prediction is one."""
    creation = creation_of(exchange)
    assert creation is not None
    request, body = chat(creation), exchange.json
    job = CODEC.start_job(CODEC.encode_request(request))
    step = job.take(response(creation))
    if exchange is not creation:
        if exchange.method == "GET":
            assert isinstance(step, Poll)
            assert step.request.url == exchange.url
        else:
            assert job.cancel is not None
            assert (job.cancel.method, job.cancel.url, job.cancel.body) == ("POST", exchange.url, b"")
        step = job.take(response(exchange))
    assert kind(step) == expected(body)
    assert (job.cancel is None) == (body["status"] in ("succeeded", "canceled"))
    check_answer(request, exchange)


def check_answer(request: ChatRequest, exchange: Exchange) -> None:
    body = exchange.json
    if body["status"] == "canceled":
        with pytest.raises(APIStatusError, match="was canceled"):
            CODEC.decode_response(request, response(exchange))
    elif body["status"] != "succeeded":
        with pytest.raises(APIResponseValidationError):
            CODEC.decode_response(request, response(exchange))
    else:
        answer = CODEC.decode_response(request, response(exchange))
        message = answer.choices[0].message
        kept = message["provider_specific_fields"]
        assert (answer.id, answer.model) == (body["id"], body["model"])
        assert message.content == "".join(body["output"])
        assert answer.choices[0].finish_reason == "stop"
        assert answer.usage is None  # none of these is a language model
        assert answer.created > 1_600_000_000
        placed = {"id", "model", "created_at", "status", "error"}
        assert kept == {key: value for key, value in body.items() if key not in placed and value is not None}


@pytest.mark.replays("error")
@pytest.mark.parametrize("exchange", REFUSED)
def test_errors(exchange: Exchange) -> None:
    error = CODEC.decode_error(chat(exchange), response(exchange))
    assert isinstance(error, AuthenticationError)
    assert (error.status_code, error.type) == (exchange.status, exchange.json["title"])
    assert exchange.json["detail"] in str(error)


@pytest.mark.replays("encoded")
@pytest.mark.parametrize(
    "exchange", [each for each in [*ALL, *REFUSED] if each.values[0] is None or is_creation(each.values[0])]
)
def test_encodes(exchange: Exchange) -> None:
    sent = CODEC.encode_request(chat(exchange))
    assert (sent.method, sent.url) == ("POST", exchange.url)
    assert (orjson.loads(sent.body) == exchange.request) == (exchange.id not in NOT_EXPRESSIBLE)


def whole_jobs() -> list[Any]:
    """Predictions that were recorded from their creation to their end, with all their exchanges."""
    jobs: dict[str, list[Exchange]] = {}
    for item in recorded("replicate"):
        if item.api == "predictions" and item.status < 300:
            jobs.setdefault(item.json["id"], []).append(item)
    whole = [items for items in jobs.values() if len(items) > 1 and is_creation(items[0])]
    if not recorded("replicate"):
        return [pytest.param(None, marks=pytest.mark.skip(reason="no corpus: set AIOCOMPL_SHARED"))]
    return [pytest.param(items, id=items[0].json["id"]) for items in whole]


class Recorded:
    """A provider that answers as it did then."""

    def __init__(self, items: list[Exchange]) -> None:
        self.left = items[:]

    def __call__(self, request: HTTPRequest) -> Delivery:
        item = self.left.pop(0)
        assert (request.method, request.url) == (item.method, item.url)
        return Delivery.whole(item.body, status=item.status, headers=item.headers)


@pytest.mark.looptime
@pytest.mark.parametrize("items", whole_jobs())
async def test_a_job_is_seen_through(items: list[Exchange]) -> None:
    script = Recorded(items)
    jobs = JobTransport(ScriptedTransport(script), CODEC, "replicate")
    request = chat(items[0])
    begin: JobRequest = CODEC.encode_request(request)
    if items[-1].json["status"] == "canceled":
        call = asyncio.create_task(jobs.open(begin))
        await asyncio.sleep(0.05)  # before the first poll
        call.cancel()
        await asyncio.wait([call])
        await jobs.aclose()
    else:
        opened = await jobs.open(begin)
        answer = CODEC.decode_response(
            request, HTTPResponse(opened.status, opened.headers, await opened.read())
        )
        assert answer.choices[0].message.content == "".join(items[-1].json["output"])
        await jobs.aclose()
    assert script.left == []


def test_as_many_as_were_recorded() -> None:
    """Nothing is passed over: every prediction's exchange is decoded above, and six jobs run to their end."""
    if recorded("replicate"):
        assert len(ALL) + len(REFUSED) == len(
            [item for item in recorded("replicate") if item.api == "predictions"]
        )
        ends = [each.values[0][-1].json["status"] for each in whole_jobs()]
        assert sorted(ends) == ["canceled", *["succeeded"] * 6]
