"""Calls that ask the same at the same time share one: it runs in a task of its own, and as long as anybody waits for it."""

from __future__ import annotations

import asyncio
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, TypeVar, cast

import attrs

from aiocompl.errors import ActorDiedError, APITimeoutError
from aiocompl.runtime.tasks import cancel_and_wait, error_of
from aiocompl.types.completion import ChatCompletion

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiocompl.types.call import CallInfo
    from aiocompl.types.model import JSON

_SHARE: Final = 0.9
"""A call is joined if it has at least this share of the time that the joining one has."""

T = TypeVar("T")
FlightT = TypeVar("FlightT", bound="Flight[Any]")


def _nothing() -> None:
    """Nobody is to be told."""


@attrs.define(eq=False)
class Flight(Generic[T]):
    """A call on its way, and how many wait for it. Its task has the context of the caller who began it."""

    deadline: float
    """When the call must be over, by the caller who began it: an instant of the loop's clock."""
    joined: int = attrs.field(default=0, init=False)
    """How many have ever waited for it."""
    waiting: int = attrs.field(default=0, init=False)
    """How many still do, or read what it gives."""
    task: asyncio.Task[T] = attrs.field(init=False)
    on_over: Callable[[], None] = attrs.field(default=_nothing, init=False)
    """Called when it can be joined no more; several times, maybe."""

    def start(self, work: Callable[[], Awaitable[T]]) -> None:
        """Begin."""
        self.task = asyncio.get_running_loop().create_task(self._run(work), name="aiocompl shared call")
        self.task.add_done_callback(self._over)

    def has_time_for(self, now: float, deadline: float) -> bool:
        """Whether it serves a caller with this deadline well, who does not get more time than the call has."""
        return self.deadline >= deadline or self.deadline - now >= _SHARE * (deadline - now)

    async def wait(self, until: asyncio.Future[Any], deadline: float) -> None:
        """Wait for the call to get somewhere. The caller who began it relies on the call to keep its deadline.

        Cancelled, or too late: if nobody else waits, the call is cancelled and awaited.

        Raises:
            APITimeoutError: The deadline has passed.
        """
        self.joined += 1
        self.waiting += 1
        try:
            if deadline < self.deadline:
                async with asyncio.timeout_at(deadline):
                    await _settled(until)
            else:
                await _settled(until)
        except TimeoutError:
            await self._leave()
            raise APITimeoutError("the deadline passed while another call was asking the same") from None
        except BaseException:
            await self._leave()
            raise

    async def _leave(self) -> None:
        self.waiting -= 1
        if not self.waiting:
            self.on_over()
            await cancel_and_wait([self.task])

    async def _run(self, work: Callable[[], Awaitable[T]]) -> T:
        try:
            return await work()
        finally:
            self.on_over()  # before anybody can see the end

    def _over(self, task: asyncio.Task[T]) -> None:
        error_of(task)  # nobody may be left to hear of it
        self.on_over()  # for one that was cancelled before it began


@attrs.define(eq=False)
class WholeFlight(Flight[ChatCompletion]):
    """A call whose answer comes whole."""

    kept: bool = attrs.field(default=False, init=False)
    """Whether the answer has been given to the cache."""
    _pristine: JSON | None = attrs.field(default=None, init=False)
    _call: CallInfo | None = attrs.field(default=None, init=False)

    def take(self) -> ChatCompletion:
        """An answer of the caller's own, once the task is done: the first has the very one that came, the others copies.

        Raises:
            AiocomplError: The call failed; each caller has an error of its own.
        """
        task = self.task
        if task.cancelled() or task.exception() is not None:
            raise_own(error_of(task), alone=self.joined == 1)
        answer = task.result()
        if self._pristine is None:  # before anybody can change it
            self._pristine = answer.to_dict() if self.joined > 1 else {}
            self._call = answer.call and shared_call(answer.call)
            return answer
        mine = ChatCompletion.model_validate(self._pristine)
        mine.call = self._call and shared_call(self._call)
        return mine


@attrs.define(eq=False)
class Flights:
    """The calls that are on their way, by what they ask."""

    _open: dict[tuple[str, type[Flight[Any]]], Flight[Any]] = attrs.field(factory=dict, init=False)
    _tasks: set[asyncio.Task[Any]] = attrs.field(factory=set, init=False)

    def find(self, kind: type[FlightT], key: str, deadline: float) -> FlightT | None:
        """A call that asks the same, and has time enough for a caller with this deadline."""
        flight = self._open.get((key, kind))
        if flight is None or not flight.has_time_for(asyncio.get_running_loop().time(), deadline):
            return None
        return cast("FlightT", flight)

    def offer(self, key: str, flight: Flight[Any]) -> None:
        """Let others join from now on. One before it with less time is joined no more, and goes on for those it has."""
        place = (key, type(flight))
        self._open[place] = flight
        flight.on_over = partial(self._close, place, flight)
        self._tasks.add(flight.task)
        flight.task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """Cancel all that are on their way, and wait for their end. Cancelled: it goes on until then."""
        await cancel_and_wait(self._tasks)

    def _close(self, place: tuple[str, type[Flight[Any]]], flight: Flight[Any]) -> None:
        if self._open.get(place) is flight:
            del self._open[place]


async def _settled(future: asyncio.Future[Any]) -> None:
    """Wait until it is done, and leave it alone: `asyncio.wait` for one, at a quarter of its price."""
    if future.done():
        return
    news = asyncio.get_running_loop().create_future()
    tell = partial(_tell, news)
    future.add_done_callback(tell)
    try:
        await news
    finally:
        future.remove_done_callback(tell)


def _tell(news: asyncio.Future[None], _: asyncio.Future[Any]) -> None:
    if not news.done():
        news.set_result(None)


def shared_call(call: CallInfo) -> CallInfo:
    """The `call` of one who has the answer of another: who answered, and nothing of the time and the money spent."""
    return attrs.evolve(
        call, coalesced=True, first_token=None, total=None, failed=(), usage=None, price=None, parts=()
    )


def raise_own(error: BaseException | None, *, alone: bool) -> NoReturn:
    """Raise what a shared call came to, for one of its callers.

    Args:
        error: The error; None where the call was cancelled, by none of its callers.
        alone: Whether there is no other caller.
    """
    if error is None:
        raise ActorDiedError("the call was cancelled from outside, while others were waiting for it")
    raise error if alone else own_copy(error)


def own_copy(error: BaseException) -> BaseException:
    """The same error as an object of one's own: one that is raised at several places mixes up their tracebacks."""
    try:
        mine = copy(error)
    except Exception:  # noqa: BLE001 - of a class that cannot be copied, and none of ours
        return error
    mine.__cause__, mine.__context__ = error.__cause__, error.__context__
    mine.__suppress_context__ = error.__suppress_context__
    return mine.with_traceback(None)
