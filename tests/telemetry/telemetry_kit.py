"""What the tests of telemetry share: calls over a scripted transport, watched as the policy loop watches them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

import attrs
import orjson

from aiocompl.codecs.openai import OpenAICodec
from aiocompl.codecs.routing import CUSTOM, Route
from aiocompl.errors import AiocomplError
from aiocompl.runtime.attempts import begin_watch
from aiocompl.runtime.child import Child
from aiocompl.runtime.child_values import ChildSpec
from aiocompl.telemetry.hooks import Hooks
from aiocompl.testing import Delivery, ScriptedTransport
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiocompl.telemetry.events import Event
    from aiocompl.telemetry.hooks import Hook
    from aiocompl.telemetry.watch import CallWatch
    from aiocompl.types.request import Request
    from aiocompl.wire.messages import HTTPRequest

KEY = "sk-very-secret"
PROMPT = "the prompt nobody may see"
MESSAGES = [{"role": "user", "content": PROMPT}]
ENDPOINT = Endpoint(provider="openai", base_url="http://host.invalid:8080/v1", api_key=KEY)
ROUTE = Route(endpoint=ENDPOINT, model="gpt-4o", codec=OpenAICodec(CUSTOM, ENDPOINT))
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
BODY = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-2024",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "an answer"}, "finish_reason": "stop"}
    ],
    "usage": USAGE,
}
PLAIN = Delivery.json(BODY, delay=1)
REFUSED = Delivery.json({"error": {"message": "no", "type": "server_error"}}, status=500, delay=2)


def chunk(**delta: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}
    return b"data: " + orjson.dumps(BODY | {"choices": [choice], "usage": None}) + b"\n\n"


COUNT = b"data: " + orjson.dumps(BODY | {"choices": []}) + b"\n\n"
STREAM = Delivery.stream(
    [chunk(role="assistant", content="an "), chunk(content="answer"), chunk(), COUNT, b"data: [DONE]\n\n"]
)
CUT = Delivery.stream([chunk(role="assistant", content="an ")], ending="drop")


def request(**more: Any) -> ChatRequest:
    return attrs.evolve(ChatRequest("gpt-4o", MESSAGES), **more)


class Recorder:
    """A hook that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def on_event(self, event: Event, /) -> None:
        self.events.append(event)

    @property
    def names(self) -> list[str]:
        return [event.name for event in self.events]


class Line:
    """A child on a scripted transport, and calls over it that are watched."""

    def __init__(self) -> None:
        self.steps: list[Delivery] = []
        self.transport = ScriptedTransport(self._step)
        self.child = Child(ChildSpec(endpoint=ENDPOINT, make_transport=lambda: self.transport))
        self.hooks: Hooks | None = None
        self.on_request: Callable[[], object] = bool

    def _step(self, _: HTTPRequest) -> Delivery:
        self.on_request()
        return self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]

    def script(self, *steps: Delivery) -> Self:
        self.steps = list(steps)
        return self

    def hook(self, *hooks: Hook, **settings: Any) -> Hooks:
        self.hooks = Hooks(hooks, **settings)
        return self.hooks

    async def ask(
        self, asked: Request | None = None, *, retries: int = 0, group: str | None = None, **options: Any
    ) -> Any:
        """A call as the policy loop makes it."""
        started = self.child.loop.time()
        asked = asked or request()
        watch = begin_watch(
            asked,
            ROUTE,
            options,
            started=started,
            clock=self.child.loop.time,
            hooks=self.hooks,
            group=group,
        )
        try:
            answer = await self._attempts(asked, watch, retries)
        except BaseException as error:
            if watch is not None:
                watch.failed(error)
            raise
        if watch is not None:
            watch.finished(answer)
        return answer

    async def _attempts(self, asked: Request, watch: CallWatch | None, retries: int) -> Any:
        clock = self.child.loop.time
        while True:
            begun = clock()
            seen = watch.attempt_started(request=asked) if watch is not None else None
            try:
                answer: Any = await self.child.ask(
                    asked if seen is None else seen.dressed(),
                    ROUTE.codec,
                    started=begun,
                    deadline=begun + 600,
                )
            except BaseException as error:
                again = retries > 0 and isinstance(error, AiocomplError)
                if seen is not None:
                    seen.failed(error, clock() - begun)
                if watch is not None:
                    watch.decided(0.5 if again else None)
                if not again:
                    raise
                retries -= 1
                await asyncio.sleep(0.5)
            else:
                if seen is not None:
                    seen.finished(answer, clock() - begun)
                return answer

    def headers(self) -> Sequence[dict[str, str]]:
        """Of all requests that were sent."""
        return [dict(record.request.headers) for record in self.transport.records]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.child.aclose()
        if self.hooks is not None:
            await self.hooks.aclose()
