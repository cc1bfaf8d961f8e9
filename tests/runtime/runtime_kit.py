"""What the tests of the runtime share: scripted children and supervisors, and the four assertions of a cancellation."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

from aiocompl import Supervisor
from aiocompl._compat import override
from aiocompl.codecs.openai import OpenAICodec
from aiocompl.codecs.routing import CUSTOM
from aiocompl.runtime.child import Child
from aiocompl.runtime.child_values import ChildSpec
from aiocompl.testing import Delivery, ScriptedTransport, settle
from aiocompl.types.completion import ChatCompletion
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from aiocompl.codecs.base import Codec
    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.wire.messages import HTTPRequest
    from aiocompl.wire.transport import Transport

Step = Delivery | BaseException

MESSAGES = [{"role": "user", "content": "hi"}]
ENDPOINT = Endpoint(provider="test", base_url="http://test.invalid/v1", api_key="sk-secret")
BODY = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
}
REFUSED: Mapping[str, Any] = {"error": {"message": "no", "type": "server_error"}}


def plain(delay: float = 0.0) -> Delivery:
    """A whole answer after some seconds."""
    return Delivery.json(BODY, delay=delay)


class Bugs:
    """A codec that goes wrong where a test wants it to; else OpenAI's."""

    def __init__(self, *, encoding: bool = False, decoding: bool = False, streaming: bool = False) -> None:
        self.real = OpenAICodec(CUSTOM, ENDPOINT)
        if encoding:
            self.encode_request = self.fail
        if decoding:
            self.decode_response = self.fail
        if streaming:
            self.stream_decoder = self.fail

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def fail(self, *_: object) -> Any:
        raise ZeroDivisionError("a bug of the test")


CODEC: Codec = OpenAICodec(CUSTOM, ENDPOINT)
BUGGY: Any = Bugs(decoding=True)


class ScriptedChild:
    """A child on scripted transports, one after each restart, with every answer taken from one script."""

    def __init__(self, script: Callable[[HTTPRequest], Step] | Step | None = None, **settings: Any) -> None:
        self.transports: list[ScriptedTransport] = []
        self._script = script if script is not None else plain(1)
        spec = ChildSpec(endpoint=ENDPOINT, make_transport=self._make, **settings)
        self.child = Child(spec)

    def _make(self) -> ScriptedTransport:
        self.transports.append(ScriptedTransport(self._script))
        return self.transports[-1]

    @property
    def sent(self) -> int:
        """Requests that reached a transport."""
        return sum(len(transport.records) for transport in self.transports)

    def ask(
        self,
        *,
        timeout: float = 600,
        codec: Codec = CODEC,
        model: str = "m",
        stream: bool = False,
        again: bool = False,
        priority: int = 0,
    ) -> Coroutine[Any, Any, ChatCompletion | CompletionStream]:
        """Ask, with a deadline so many seconds from now."""
        now = self.child.loop.time()
        request = ChatRequest(model, MESSAGES, stream=stream)
        deadline = now + timeout
        return self.child.ask(request, codec, started=now, deadline=deadline, again=again, priority=priority)

    def begin(self, **options: Any) -> asyncio.Task[ChatCompletion | CompletionStream]:
        """Ask in a task."""
        return asyncio.create_task(self.ask(**options))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.child.aclose()


class ScriptedSupervisor(Supervisor):
    """A supervisor whose actors talk to scripted transports."""

    def __init__(self, make: Callable[[Endpoint], Transport], **settings: Any) -> None:
        super().__init__(**settings)
        self._make = make

    @override
    def _make_transport(self, endpoint: Endpoint, headers: Mapping[str, str]) -> Transport:
        return self._make(endpoint)


def call_of(answer: ChatCompletion | CompletionStream) -> ChatCompletion:
    assert isinstance(answer, ChatCompletion)
    return answer


async def outcome(task: asyncio.Task[Any]) -> object:
    """What came of a task: its result, or its exception as a value."""
    await asyncio.wait([task])
    if task.cancelled():
        return asyncio.CancelledError()
    return task.exception() or task.result()


async def assert_nothing_left(child: Child, before: set[asyncio.Task[Any]]) -> None:
    """The slot is free, nothing waits, and no task is left that was not there before."""
    await settle()
    snapshot = child.snapshot()
    assert (snapshot.in_flight, snapshot.queued) == (0, 0)
    assert asyncio.all_tasks() <= before | {child._task}
