"""The provider actor: one long-lived task per endpoint that owns the transport and consumes the inbox.

It takes a slot first, then an envelope (the other order loses an envelope when the actor is cancelled between the
two), and gives each envelope a task of its own in the caller's context, so that traces and log bindings follow.

What a provider or a network can do wrong is a value on the reply. Only a bug or a dead session crashes an actor.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import attrs

from aiocompl.errors import ActorDiedError, AiocomplError, APITimeoutError, SupervisorClosedError
from aiocompl.runtime.stream import CompletionStream, Lease
from aiocompl.types.call import CallInfo
from aiocompl.types.completion import ChatCompletion
from aiocompl.wire.headers import request_id
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from aiocompl.codecs.base import Codec
    from aiocompl.runtime.inbox import Inbox
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import ChatRequest
    from aiocompl.wire.transport import OpenResponse, Transport

Reply = ChatCompletion | CompletionStream | AiocomplError
"""What an actor answers: a result, or an expected failure as a value."""

_REDIRECT = 300


class ActorCrashedError(Exception):
    """Raised out of `ProviderActor.run` into its supervisor; the cause is the bug. Users never see it."""


@attrs.define(eq=False)
class Envelope:
    """A request on its way through an actor, and the future that its reply is put into. It gets exactly one."""

    request: ChatRequest
    codec: Codec
    started: float
    """When the call began, by `loop.time()`."""
    deadline: float
    """When it must be over, by `loop.time()`."""
    reply: asyncio.Future[Reply]
    context: Context
    asked: float = 0.0
    """When it was put into the inbox."""
    dequeued: float | None = None
    """When the actor took it out."""
    task: asyncio.Task[None] | None = None

    def answer(self, reply: Reply) -> None:
        """Put the reply in; a stream that comes too late is closed."""
        if not self.reply.done():
            self.reply.set_result(reply)
        elif isinstance(reply, CompletionStream):
            reply.close()


class ProviderActor:
    """Consumes an inbox, one task per envelope, at most `slots` in flight.

    Whoever makes it awaits `run` in a task, and closes it by cancelling that.

    Args:
        endpoint: Where the requests go.
        inbox: Where they come from; it is not the actor's own and outlives it.
        transport: Owned by the actor from now on, and closed when `run` ends.
        slots: Requests (streams included, until they end) in flight at once.
        on_release: Called after each slot that becomes free.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        inbox: Inbox[Envelope],
        transport: Transport,
        slots: int,
        on_release: Callable[[], None],
    ) -> None:
        self._endpoint = endpoint
        self._inbox = inbox
        self._transport = transport
        self._slots = slots
        self._free = slots
        self._on_release = on_release
        self._in_flight: set[Envelope] = set()
        self._leases: set[Lease] = set()
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._crash: Exception | None = None

    @property
    def in_flight(self) -> int:
        """Slots in use, by requests and by open streams."""
        return self._slots - self._free

    async def run(self) -> None:
        """Serve the inbox until cancelled.

        Cancelled: all requests in flight are cancelled and awaited, their callers get `SupervisorClosedError`, open
        streams are closed, and so is the transport. What waits in the inbox stays there.

        Raises:
            ActorCrashedError: A bug; everybody in flight has got `ActorDiedError`.
        """
        self._inbox.wake = self._wake
        verdict: type[AiocomplError] = SupervisorClosedError
        try:
            while self._crash is None:
                while self._free and (envelope := self._inbox.pop()) is not None:
                    self._start(envelope)
                self._waiter = self._loop.create_future()
                await self._waiter
            verdict = ActorDiedError
            raise ActorCrashedError from self._crash
        finally:
            self._inbox.wake = None
            await self._shut_down(verdict)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _start(self, envelope: Envelope) -> None:
        if envelope.reply.done():  # its caller is gone, or its deadline has passed
            return
        self._free -= 1
        self._in_flight.add(envelope)
        envelope.dequeued = self._loop.time()
        envelope.task = self._loop.create_task(self._handle(envelope), context=envelope.context)

    async def _handle(self, envelope: Envelope) -> None:
        """Answer one envelope and free its slot, unless a stream has taken that over."""
        reply: Reply | None = None
        try:
            reply = await self._exchange(envelope)
        except AiocomplError as error:
            error.model = error.model or envelope.request.model
            reply = error
        except Exception as error:
            reply = ActorDiedError(
                f"a bug, please report it: {type(error).__name__}: {error}",
                provider=self._endpoint.provider,
                model=envelope.request.model,
            )
            reply.retryable = False  # it would only crash the next actor
            reply.__cause__ = error
            self._crash = error
        finally:
            self._in_flight.discard(envelope)
            if not isinstance(reply, CompletionStream):
                self._release()
            if reply is not None:
                envelope.answer(reply)

    async def _exchange(self, envelope: Envelope) -> Reply:
        request, codec = envelope.request, envelope.codec
        response = await self._transport.open(codec.encode_request(request))
        call = self._call_info(envelope, response)
        if request.stream and response.status < _REDIRECT:
            try:
                return self._stream(envelope, response, call)
            except BaseException:
                response.close()
                raise
        body = await response.read()
        whole = HTTPResponse(status=response.status, headers=response.headers, body=body)
        if response.status >= _REDIRECT:
            raise codec.decode_error(request, whole)
        completion = codec.decode_response(request, whole)
        completion.call = call
        call.total = self._loop.time() - envelope.started
        return completion

    def _stream(self, envelope: Envelope, response: OpenResponse, call: CallInfo) -> CompletionStream:
        lease = Lease(response, self._loop, self._on_lease_end)
        lease.timer = self._loop.call_at(envelope.deadline, lease.end, APITimeoutError)
        self._leases.add(lease)
        codec = envelope.codec
        return CompletionStream(
            lease, codec.frame_decoder(), codec.stream_decoder(envelope.request), call, envelope.started
        )

    def _call_info(self, envelope: Envelope, response: OpenResponse) -> CallInfo:
        return CallInfo(
            provider=self._endpoint.provider,
            endpoint=self._endpoint.base_url,
            model=envelope.request.model,
            request_id=request_id(response.headers),
            queued=(envelope.dequeued or envelope.asked) - envelope.asked,
            headers=response.headers,
        )

    def _on_lease_end(self, lease: Lease) -> None:
        self._leases.discard(lease)
        self._release()

    def _release(self) -> None:
        self._free += 1
        self._wake()
        self._on_release()

    async def _shut_down(self, verdict: type[AiocomplError]) -> None:
        """End everything in flight with `verdict`, and close the transport. Takes a second cancellation."""
        envelopes = [envelope for envelope in self._in_flight if envelope.task is not None]
        for envelope in envelopes:
            text = "the actor died with this request in flight" if verdict is ActorDiedError else "closed"
            envelope.answer(verdict(text, provider=self._endpoint.provider, model=envelope.request.model))
        tasks = [envelope.task for envelope in envelopes if envelope.task is not None]
        for task in tasks:
            task.cancel()
        for lease in list(self._leases):
            lease.end(verdict)
        try:
            if tasks:
                await asyncio.wait(tasks)
        finally:
            await self._transport.aclose()
