"""What the tests of jobs share: a scripted Replicate, and a transport of jobs over it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import attrs
import orjson
from runtime_kit import ScriptedSupervisor

from aiocompl.codecs.natives import REPLICATE
from aiocompl.codecs.replicate import ReplicateCodec
from aiocompl.runtime.jobs import JobTransport
from aiocompl.testing import Delivery, ScriptedTransport, Slice
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest

if TYPE_CHECKING:
    from aiocompl.wire.messages import HTTPRequest, JobRequest

    Answer = Delivery | BaseException

BASE = "https://api.replicate.com/v1"
GET, CANCEL = f"{BASE}/predictions/p1", f"{BASE}/predictions/p1/cancel"
FOLLOW = "https://stream.replicate.com/v1/files/x"
CODEC = ReplicateCodec(REPLICATE, Endpoint(provider="replicate", base_url=BASE, api_key="r8_secret"))
MESSAGES = [{"role": "user", "content": "hi"}]
MODEL = "replicate/owner/name"
DEAF = Delivery(opened=False, ending="silence")

URLS = {"get": GET, "cancel": CANCEL, "stream": FOLLOW}
RUNNING = {"id": "p1", "model": "owner/name", "status": "processing", "urls": URLS}
SUCCEEDED = {
    **RUNNING,
    "status": "succeeded",
    "output": ["He", "llo"],
    "metrics": {"input_token_count": 2, "output_token_count": 1},
}
CANCELED = {**RUNNING, "status": "canceled"}
OUTPUT = (b"event: output\ndata: He\n\n", Slice(b"event: output\ndata: llo\n\n", 1, 1))
END = Slice(b"event: done\ndata: {}\n\n", 1, 1)


def says(
    body: Any, *, status: int = 200, delay: float = 0.0, headers: dict[str, str] | None = None
) -> Delivery:
    """A whole JSON answer after some seconds."""
    return Delivery.whole(orjson.dumps(body), status=status, headers=headers, delay=delay)


def begun(delay: float = 0.0) -> Delivery:
    """A prediction that was created and runs."""
    return says(RUNNING, status=201, delay=delay)


def finished(delay: float = 0.0) -> Delivery:
    return says(SUCCEEDED, delay=delay)


@attrs.define(eq=False)
class Replicate:
    """Answers by what is asked: the lists in turn, their last element for all that is left."""

    create: list[Answer] = attrs.field(factory=lambda: [begun()])
    poll: list[Answer] = attrs.field(factory=lambda: [says(RUNNING)])
    follow: list[Answer] = attrs.field(factory=lambda: [Delivery.stream([*OUTPUT, END])])
    cancel: list[Answer] = attrs.field(factory=lambda: [says(CANCELED)])
    asked: list[tuple[str, float]] = attrs.field(factory=list)
    """What was asked, and when."""

    def __call__(self, request: HTTPRequest) -> Answer:
        names = {GET: "poll", CANCEL: "cancel", FOLLOW: "follow"}
        name = names.get(request.url, "create")
        assert request.method == ("POST" if name in ("create", "cancel") else "GET")
        assert request.headers["Authorization"] == "Bearer r8_secret"
        self.asked.append((name, round(asyncio.get_running_loop().time(), 6)))
        answers: list[Answer] = getattr(self, name)
        return answers.pop(0) if len(answers) > 1 else answers[0]

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.asked]

    @property
    def cancelled(self) -> int:
        """How often the prediction was cancelled."""
        return self.names.count("cancel")

    def supervisor(self, **settings: Any) -> ScriptedSupervisor:
        """A supervisor that talks to it, asked by `MODEL` and an api_key of ``r8_secret``."""
        return ScriptedSupervisor(lambda _: ScriptedTransport(self), **settings)


def transport(replicate: Replicate) -> tuple[JobTransport, ScriptedTransport]:
    inner = ScriptedTransport(replicate)
    return JobTransport(inner, CODEC, "replicate"), inner


def request(*, stream: bool = False) -> JobRequest:
    return CODEC.encode_request(ChatRequest("owner/name", MESSAGES, stream=stream))


def errands() -> list[str]:
    """The tasks of transports of jobs that are not over."""
    return [task.get_name() for task in asyncio.all_tasks() if "jobs" in task.get_name()]
