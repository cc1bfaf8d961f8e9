"""The transport of providers that answer with a job: creates it, asks after it or follows its stream, and cancels it.

Seen from the actor it is any other transport: `open` gives the finished answer, or the stream. What is done next is
decided by the codec (`Jobs`); here it is done.

A job that nobody waits for any more is cancelled at the provider, by a task of the transport's own: its caller has
gone, and is not held up. Until that is done it is a *debt*, and `aclose` waits for debts.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from aiocompl import telemetry
from aiocompl._compat import override
from aiocompl.codecs.base import Done, Follow
from aiocompl.errors import AiocomplError, APIConnectionError
from aiocompl.wire.messages import HTTPResponse, JobRequest
from aiocompl.wire.transport import OpenResponse, Transport

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from aiocompl.codecs.base import Job, Jobs, JobStep
    from aiocompl.wire.messages import HTTPRequest

CREATION_LIMIT: Final = 75.0
"""Seconds that a creation may still take once its caller has gone: providers hold one back for a minute at most."""

CANCEL_WAITS: Final = (0.5, 1.0, 2.0, 4.0)
"""Seconds between attempts to cancel a job."""

CANCEL_LIMIT: Final = 30.0
"""Seconds for all of them."""

CLOSE_LIMIT: Final = 4.0
"""Seconds that `aclose` waits for debts."""

_REDIRECT: Final = 300
_RETRIED: Final = frozenset({408, 429, 500, 502, 503, 504})
_OVER: Final = frozenset({404, 409, 410, 422})
"""What providers say to the cancellation of a job that does not run any more."""
_T = TypeVar("_T")


class Errand(asyncio.Task[_T]):
    """A task that the end of its loop does not break off; it is bounded by itself.

    `asyncio.run` cancels all tasks at its end, while the loop stands still, then runs it until they are over. Any other
    cancellation comes from within the running loop, and counts. This is for what cannot be begun anew: a creation that
    has not told the job's id yet, and the close that waits for it. (What the task's own calls have in tasks of theirs
    is broken off all the same: a request that was not quite sent yet never will be.)
    """

    @override
    def cancel(self, msg: Any | None = None) -> bool:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return False
        return super().cancel(msg)


class JobTransport(Transport):
    """Does the jobs of one endpoint over another transport, which it owns from now on. See `Transport`.

    Args:
        inner: What requests are sent with.
        jobs: What decides the steps of each job.
        provider: Named in errors.
    """

    def __init__(self, inner: Transport, jobs: Jobs, provider: str) -> None:
        self._inner = inner
        self._jobs = jobs
        self._provider = provider
        self._loop = asyncio.get_running_loop()
        self._running: set[asyncio.Task[Any]] = set()
        self._debts: dict[Job, asyncio.Task[None]] = {}  # and what pays them; it may have been cancelled
        self._closing: asyncio.Task[None] | None = None

    @override
    async def open(self, request: HTTPRequest) -> OpenResponse:
        """Begin the job and see it through to its answer, or to its stream; see `Transport`.

        Cancelled: the job is cancelled at the provider, be it that its creation is still on its way. Nobody waits for
        that but `aclose`.
        """
        if self._closing is not None:
            raise APIConnectionError("the transport is closed", provider=self._provider)
        if not isinstance(request, JobRequest):
            return await self._inner.open(request)
        job = self._jobs.start_job(request)
        created = await self._create(job, request)
        try:
            step = job.take(created)
            opened = await self._proceed(job, step, created)
        except BaseException:
            self.call_off(job)
            raise
        if isinstance(opened, OpenStream):
            return opened
        self.call_off(job)  # given up: it runs still, but its last answer was an error
        if request.stream and opened.status < _REDIRECT:
            opened = HTTPResponse(opened.status, opened.headers, job.event())
        return WholeResponse(opened)

    @override
    async def aclose(self) -> None:
        """Cancel the jobs that are owed it, for some seconds at most, then close all connections. Idempotent.

        Cancelled: it goes on all the same.
        """
        if self._closing is None:
            self._closing = Errand(self._close(), loop=self._loop, name="aiocompl jobs: close")
        await asyncio.wait([self._closing])
        self._closing.result()

    async def finish(self, job: Job, step: JobStep) -> None:
        """Learn how a job ended whose stream is over; `job.event` says it, as far as it is to be had."""
        with suppress(AiocomplError):
            await self._proceed(job, step, None)

    def run(self, work: Coroutine[Any, Any, _T], name: str) -> asyncio.Task[_T]:
        """Run something in a task that `aclose` waits for."""
        return self._keep(self._loop.create_task(work, name=f"aiocompl jobs: {name}"))

    def call_off(self, job: Job) -> None:
        """Have a job cancelled at the provider, if it runs. Never waits."""
        request = job.cancel
        if request is not None and job not in self._debts and not self._loop.is_closed():
            self._debts[job] = self.run(self._pay(job, request), "cancel")

    def _keep(self, task: asyncio.Task[_T]) -> asyncio.Task[_T]:
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    def _errand(self, work: Coroutine[Any, Any, _T], name: str) -> asyncio.Task[_T]:
        return self._keep(Errand(work, loop=self._loop, name=f"aiocompl jobs: {name}"))

    async def _create(self, job: Job, request: HTTPRequest) -> HTTPResponse:
        """Begin the job, in a task of its own: whoever is cancelled meanwhile leaves one to see it off."""
        creation = self._errand(self._created(request), "create")
        try:
            await asyncio.wait([creation])
        except asyncio.CancelledError:
            _ = self._errand(self._see_off(job, creation), "see off")
            raise
        created = creation.result()
        if isinstance(created, AiocomplError):
            raise created
        return created

    async def _created(self, request: HTTPRequest) -> HTTPResponse | AiocomplError:
        try:
            return await self._exchange(request)
        except AiocomplError as error:  # a value: there may be nobody left to raise it to
            return error

    async def _see_off(self, job: Job, creation: asyncio.Task[HTTPResponse | AiocomplError]) -> None:
        """Wait for the id of a job that nobody wants any more, then cancel it."""
        await asyncio.wait([creation], timeout=CREATION_LIMIT)
        if not creation.done():
            creation.cancel()
        elif not creation.cancelled() and isinstance(created := creation.result(), HTTPResponse):
            job.take(created)
            self.call_off(job)

    async def _proceed(
        self, job: Job, step: JobStep, latest: HTTPResponse | None
    ) -> HTTPResponse | OpenStream:
        """Take one step after the other; `latest` is the response that came last."""
        while not isinstance(step, Done):
            try:
                if isinstance(step, Follow):
                    stream = await self._inner.open(step.request)
                    if stream.status < _REDIRECT:
                        return OpenStream(stream, job, self)
                    latest = await _read(stream)
                else:
                    await asyncio.sleep(step.after)
                    latest = await self._exchange(step.request)
            except APIConnectionError:
                further = job.lose()
                if further is None:
                    raise
                step = further
            else:
                step = job.take(latest)
        assert latest is not None  # noqa: S101 - a job is done after a response
        return latest

    async def _exchange(self, request: HTTPRequest) -> HTTPResponse:
        return await _read(await self._inner.open(request))

    async def _pay(self, job: Job, request: HTTPRequest) -> None:
        """Cancel a job at the provider; one that cannot be cancelled is reported. Cancelled: it is still owed."""
        try:
            why = await self._withdraw(request)
        except Exception as bug:  # noqa: BLE001 - nobody is there to raise it to
            why = repr(bug)
        del self._debts[job]
        if why is not None:
            self._report(why)

    async def _withdraw(self, request: HTTPRequest) -> object:
        """Cancel a job; None where it does not run any more, else why it may."""
        why: object = "no answer in time"
        with suppress(TimeoutError):
            async with asyncio.timeout(CANCEL_LIMIT):
                for wait in (*CANCEL_WAITS, None):
                    try:
                        status = (await self._exchange(request)).status
                    except AiocomplError as error:
                        why = str(error)
                    else:
                        if status < _REDIRECT or status in _OVER:
                            return None
                        why = f"status {status}"
                        if status not in _RETRIED:
                            break
                    if wait is not None:
                        await asyncio.sleep(wait)
        return why

    async def _close(self) -> None:
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_LIMIT):
                    await self._settle()
        finally:
            left = list(self._running)
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left)
            for _ in self._debts:
                self._report(f"not done {CLOSE_LIMIT:g} s after the close")
            await self._inner.aclose()

    async def _settle(self) -> None:
        """Wait until nothing runs and nothing is owed; what was cancelled before it had paid is begun anew."""
        while True:
            for job, paying in list(self._debts.items()):
                if paying.done():
                    del self._debts[job]
                    self.call_off(job)
            if not self._running:
                return
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)

    def _report(self, why: object) -> None:
        telemetry.warning("job.not_cancelled", provider=self._provider, reason=why)


@attrs.define(eq=False)
class WholeResponse(OpenResponse):
    """A response that was read already."""

    _response: HTTPResponse
    _read: bool = False

    @property
    @override
    def status(self) -> int:
        return self._response.status

    @property
    @override
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    @override
    async def read(self) -> bytes:
        return await self.read_slice()

    @override
    async def read_slice(self) -> bytes:
        data = b"" if self._read else self._response.body
        self._read = True
        return data

    @override
    def close(self) -> None:
        """Nothing is held."""


@attrs.define(eq=False)
class OpenStream(OpenResponse):
    """The stream of a job, with what is known of the job itself as its first and its last event."""

    _inner: OpenResponse
    _job: Job
    _transport: JobTransport
    _begun: bool = False
    _finishing: asyncio.Task[None] | None = None
    """Learns how the job ended, once its stream has."""
    _ended: bool = False
    _closed: bool = False

    @property
    @override
    def status(self) -> int:
        return self._inner.status

    @property
    @override
    def headers(self) -> Mapping[str, str]:
        return self._inner.headers

    @override
    async def read(self) -> bytes:
        slices: list[bytes] = []
        while data := await self.read_slice():
            slices.append(data)
        return b"".join(slices)

    @override
    async def read_slice(self) -> bytes:
        if not self._begun:
            self._begun = True
            return self._job.event()
        if self._finishing is not None and not self._ended:
            await asyncio.wait([self._finishing])
            self._ended = True
            return b"" if self._finishing.cancelled() else self._job.event()
        data = await self._inner.read_slice()
        if data and not self._closed and (step := self._job.feed(data)) is not None:
            self._finishing = self._transport.run(self._transport.finish(self._job, step), "finish")
        return data

    @override
    def close(self) -> None:
        """Close the connection, and have the job cancelled that has not come to its end. Idempotent, never waits."""
        if self._closed:
            return
        self._closed = True
        self._inner.close()
        if self._finishing is not None:
            self._finishing.cancel()
        self._transport.call_off(self._job)


async def _read(response: OpenResponse) -> HTTPResponse:
    try:
        return HTTPResponse(response.status, response.headers, await response.read())
    finally:
        response.close()
