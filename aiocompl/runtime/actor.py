"""The provider actor: one long-lived task per endpoint that owns the transport and serves the inbox.

It takes a slot first, then an envelope, and has the exchange run in the caller's own task: traces and log bindings
follow by themselves, a caller's cancellation reaches the socket directly, and no task or future is made per request.
(A task of its own for each envelope was measured at about a tenth of the cost of the bare HTTP exchange.)

What a provider or a network can do wrong is raised to the caller. Only a bug or a dead session crashes an actor.
"""

from __future__ import annotations

import asyncio
import time
from math import inf
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, cast

import attrs

from aiocompl import telemetry
from aiocompl.codecs.quotes import conceal
from aiocompl.errors import ActorDiedError, AiocomplError, APITimeoutError, SupervisorClosedError
from aiocompl.runtime.stream_limits import StreamLimits, StreamWatch
from aiocompl.runtime.upstream import Lease, UpstreamStream
from aiocompl.types.call import AnswerT, CallInfo
from aiocompl.types.request import ChatRequest
from aiocompl.wire.headers import request_id
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocompl.codecs.base import Codec, Operation, Rebind, Sign
    from aiocompl.runtime.credentials import CredentialKeeper
    from aiocompl.runtime.credentials.keeper import Equipped
    from aiocompl.runtime.deadlines import Deadlines
    from aiocompl.runtime.inbox import Inbox
    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import Request
    from aiocompl.wire.transport import OpenResponse, Transport

_REDIRECT: Final = 300
_ERROR: Final = 400


_NOBODYS: Final = ChatRequest("", ())


class ActorCrashedError(Exception):
    """Raised out of `ProviderActor.run` into its supervisor; the cause is the bug. Users never see it."""


@attrs.define(eq=False)
class Envelope(Generic[AnswerT]):
    """A request on its way through an actor, in the task of whoever asked. It has exactly one outcome."""

    request: Request
    codec: Operation[Any, AnswerT]
    started: float
    """When the call began, by `loop.time()`."""
    deadline: float
    """When it must be over, by `loop.time()`."""
    task: asyncio.Task[object] | None
    """Who asked; None once the caller has gone on."""
    asked: float
    """When it was put into the inbox."""
    rebind: Rebind | None = None
    """Makes the codec that has the credential, where that is fetched."""
    limits: StreamLimits | None = None
    """How long a stream may keep its reader waiting."""
    answer_by: float = inf
    """When its answer must have begun, where that is before `deadline`."""
    priority: int = 0
    """The lower, the sooner."""
    taken: float = -1.0
    """When an actor took it out; below 0 before."""
    actor: ProviderActor | None = None
    """Who took it out, and a slot for it."""
    turn: asyncio.Future[None] | None = None
    """What the caller waits for while it is in the inbox."""
    verdict: AiocomplError | None = None
    """Why it was aborted."""
    over: bool = False
    """The caller has gone on: nothing can be aborted any more."""

    def abort(self, verdict: AiocomplError) -> None:
        """Have the caller raise `verdict`, wherever it waits; too late where it has gone on."""
        if self.verdict is None and self.task is not None:
            self.verdict = verdict
            self.task.cancel()

    def end(self) -> None:
        """The caller has gone on. Its deadline may keep us for a while: not so its messages, nor its task's result."""
        self.over = True
        self.task = None
        self.request = _NOBODYS

    def expire(self) -> None:
        """The deadline has passed."""
        state = "in flight" if self.taken >= 0 else "waiting for a slot"
        bound = f"the timeout of {self.deadline - self.started:g} s"
        if self.limits is not None and self.limits.first_token is not None and self.answer_by < self.deadline:
            bound = f"first_token_timeout={self.limits.first_token:g} s"
        self.abort(APITimeoutError(f"no answer within {bound} ({state})", model=self.request.model))

    async def wait_turn(self) -> None:
        """Wait until an actor takes it."""
        self.turn = asyncio.get_running_loop().create_future()
        await self.turn


class ProviderActor:
    """Serves an inbox, at most `slots` requests in flight.

    Whoever makes it awaits `run` in a task, and closes it by cancelling that.

    Args:
        endpoint: Where the requests go.
        inbox: Where they come from; it is not the actor's own and outlives it.
        transport: Owned by the actor from now on, and closed when `run` ends.
        slots: Requests (streams included, until they end) in flight at once.
        deadlines: Where the deadlines of streams are watched.
        sign: Signs each request right before it is sent, where the endpoint has credentials for that.
        on_idle: Called when the last slot in use has become free.
        keeper: Keeps the credential, where the endpoint's is fetched; owned by the actor, and closed with the transport.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        inbox: Inbox[Envelope[Any]],
        transport: Transport,
        slots: int,
        deadlines: Deadlines,
        sign: Sign | None,
        on_idle: Callable[[], None],
        keeper: CredentialKeeper | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._inbox = inbox
        self._transport = transport
        self._slots = slots
        self._free = slots
        self._deadlines = deadlines
        self._sign = sign
        self._on_idle = on_idle
        self._keeper = keeper
        self._in_flight: set[Envelope[Any]] = set()
        self._leases: set[Lease] = set()
        self._loop = asyncio.get_running_loop()
        self._crashed: asyncio.Future[Exception] = self._loop.create_future()
        self._emptied: asyncio.Future[None] | None = None

    @property
    def slots(self) -> int:
        """How many requests may be in flight."""
        return self._slots

    @property
    def in_flight(self) -> int:
        """Slots in use, by requests and by open streams."""
        return self._slots - self._free

    def resize(self, slots: int) -> None:
        """Have at most `slots` requests in flight from now on; those beyond them that run already may finish."""
        self._free += slots - self._slots  # below 0 while there are too many
        self._slots = slots
        self._pump()

    async def run(self) -> NoReturn:
        """Serve the inbox until cancelled.

        Cancelled: all requests in flight are aborted and awaited, their callers get `SupervisorClosedError`, open
        streams are closed, and so is the transport. What waits in the inbox stays there.

        Raises:
            ActorCrashedError: A bug; everybody else in flight has got `ActorDiedError`.
        """
        self._inbox.wake = self._pump
        verdict: type[AiocomplError] = SupervisorClosedError
        try:
            self._pump()
            bug = await self._crashed
            verdict = ActorDiedError
            raise ActorCrashedError from bug
        finally:
            self._inbox.wake = None
            await self._shut_down(verdict)

    def try_take(self, envelope: Envelope[Any]) -> bool:
        """Take an envelope past the inbox, if that is empty and there is a slot; say whether it is taken."""
        if self._free <= 0 or self._inbox or self._crashed.done():
            return False
        self._take(envelope, envelope.asked)
        return True

    async def perform(self, envelope: Envelope[AnswerT]) -> AnswerT | CompletionStream:
        """Do the exchange that an envelope asks for, in its caller's task, and free its slot.

        A stream takes the slot over and frees it when it ends.

        Cancelled: the connection is closed and the slot free.

        Raises:
            AiocomplError: Whatever the provider or the network did wrong.
            ActorDiedError: A bug, which has crashed the actor.
        """
        request, codec, sign = envelope.request, envelope.codec, self._sign
        holds_slot = True
        unread: OpenResponse | None = None
        equipped: Equipped | None = None
        try:
            if self._keeper is not None and envelope.rebind is not None:
                equipped = await self._keeper.equip(envelope.rebind)
                codec = envelope.codec = equipped.codec
                sign = equipped.sign
            http = codec.encode_request(request)
            if sign is not None:
                http = sign(http, time.time())  # noqa: TID251 - a signature is good for some minutes only
            response = unread = await self._transport.open(http)
            call = self._call_info(envelope, response)
            if request.stream and response.status < _REDIRECT:
                stream = self._stream(envelope, response, call)
                holds_slot, unread = False, None
                return stream
            whole = HTTPResponse(response.status, response.headers, await response.read())
            unread = None
            answer = _decoded(codec, request, whole)
            answer.call = call
            call.total = self._loop.time() - envelope.started
        except AiocomplError as error:
            error.provider = error.provider or self._endpoint.provider
            error.model = error.model or request.model
            conceal(error, request)
            if self._keeper is not None and equipped is not None:
                self._keeper.refused(equipped, error)
            raise
        except Exception as bug:
            raise self._crash(bug, request.model) from bug
        else:
            return answer
        finally:
            if unread is not None:
                unread.close()
            self._in_flight.discard(envelope)
            if holds_slot:
                self._free_slot()

    def release(self, envelope: Envelope[Any]) -> None:
        """Free the slot of an envelope whose exchange was never begun."""
        self._in_flight.discard(envelope)
        self._free_slot()

    def _pump(self) -> None:
        """Take a slot, then an envelope, as long as there are both; called whenever there is one more of either.

        An inbox that calls its consumer spares each request a turn of the loop.
        """
        while self._free > 0 and not self._crashed.done() and (envelope := self._inbox.pop()) is not None:
            self._take(envelope, self._loop.time())

    def _take(self, envelope: Envelope[Any], now: float) -> None:
        self._free -= 1
        self._in_flight.add(envelope)
        envelope.actor = self
        envelope.taken = now
        turn = envelope.turn
        if turn is not None and not turn.done():
            turn.set_result(None)

    def _call_info(self, envelope: Envelope[Any], response: OpenResponse) -> CallInfo:
        endpoint = self._endpoint
        return CallInfo(
            endpoint.provider,
            endpoint.base_url,
            envelope.request.model,
            request_id(response.headers),
            envelope.taken - envelope.asked,
            response.headers,
        )

    def _stream(self, envelope: Envelope[Any], response: OpenResponse, call: CallInfo) -> UpstreamStream:
        lease = Lease(response, self._loop, self._on_lease_end)
        codec, request = cast("Codec", envelope.codec), cast("ChatRequest", envelope.request)
        limits, watch = envelope.limits, None
        if limits is not None:
            watch = StreamWatch(limits, lease.end, self._loop, envelope.asked)
        stream = UpstreamStream(lease, codec, request, call, envelope.started, watch)
        self._deadlines.add(envelope.deadline, lease)
        self._leases.add(lease)
        return stream

    def _crash(self, bug: Exception, model: str) -> ActorDiedError:
        """Crash the actor; the error for the request that did it, which must not crash the next one too."""
        if not self._crashed.done():
            self._crashed.set_result(bug)
        error = ActorDiedError(
            f"a bug, please report it: {type(bug).__name__}: {bug}",
            provider=self._endpoint.provider,
            model=model,
        )
        error.retryable = False
        return error

    def _on_lease_end(self, lease: Lease) -> None:
        self._leases.discard(lease)
        self._deadlines.forget(lease)
        self._free_slot()

    def _free_slot(self) -> None:
        self._free += 1
        if self._inbox:
            self._pump()
        if self._emptied is not None and not self._in_flight and not self._emptied.done():
            self._emptied.set_result(None)
        if self._free == self._slots:
            self._on_idle()

    async def _shut_down(self, verdict: type[AiocomplError]) -> None:
        """End everything in flight with `verdict`, and close the transport. Takes a second cancellation."""
        text = "the actor died with this request in flight"
        if verdict is SupervisorClosedError:
            text = "the supervisor was closed with this request in flight"
        for envelope in self._in_flight:
            envelope.abort(verdict(text, provider=self._endpoint.provider, model=envelope.request.model))
        for lease in list(self._leases):
            lease.end(verdict)
        try:
            if self._in_flight:
                self._emptied = self._loop.create_future()
                await self._emptied
        finally:
            await self._close_transport()

    async def _close_transport(self) -> None:
        try:
            try:
                await self._transport.aclose()
            finally:
                if self._keeper is not None:
                    await self._keeper.aclose()
        except Exception as error:  # noqa: BLE001 - it must not hide why the actor ends
            telemetry.warning("transport.close_failed", error=repr(error), endpoint=self._endpoint.base_url)


def _decoded(codec: Operation[Any, AnswerT], request: Request, response: HTTPResponse) -> AnswerT:
    """Read a whole answer. Redirects are not followed: a key goes only where the caller sends it."""
    if response.status < _REDIRECT:
        return codec.decode_response(request, response)
    error = codec.decode_error(request, response)
    if response.status < _ERROR:
        target = response.headers.get("location", "elsewhere").partition("?")[0]
        error.message = (
            f"the server redirects to {target} (status {response.status}); set api_base to where it points"
        )
        error.args = (error.message,)
    raise error
