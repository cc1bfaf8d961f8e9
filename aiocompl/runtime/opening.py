"""Opening the next stream of one that broke: in a task of its own, which others than the reader can end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from aiocompl.errors import AiocomplError, APITimeoutError, BadRequestError, UnprocessableEntityError
from aiocompl.runtime.tasks import cancel_and_wait

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from aiocompl.runtime.stream import CompletionStream

REFUSALS: Final = (BadRequestError, UnprocessableEntityError)
"""How a model says that it goes on with no answer that was begun."""


@attrs.frozen(kw_only=True)
class Opened:
    """The next stream of one that broke."""

    stream: CompletionStream
    """Its `call.failed` lists the attempts of its own opening alone; those before are put in front."""
    prefilled: str | None = None
    """The beginning of the answer that the model was given to go on with; None where it answers anew."""
    may_echo: bool = False
    """Whether the provider may repeat that beginning before what follows it."""


class OpenNext(Protocol):
    """Asks somebody for the next stream; see `RecoveringStream`."""

    def __call__(self, error: AiocomplError, text: str, *, prefill: bool) -> Coroutine[Any, Any, Opened]:
        """Ask somebody else, or the same again.

        Cancelled: nothing is left open.

        Args:
            error: What broke the stream before.
            text: What the reader has got of the answer, where it is to be gone on with.
            prefill: Whether the model should be given that as the beginning of its answer, if it is one that takes it.
                Where the request is refused for that (400, 422), this is called once more without: of the same model.

        Raises:
            AiocomplError: There is nobody left to ask, or it is no use.
        """
        ...


class Opening:
    """Asks for the next stream, of one reader at a time.

    Args:
        open_next: Does it.
        deadline: When it must be done, by `loop.time()`.
    """

    def __init__(self, open_next: OpenNext, deadline: float) -> None:
        self._open_next = open_next
        self._deadline = deadline
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[Opened] | None = None
        self._cancelled = False
        self.takes_prefill = True
        """Whether nobody has refused a prefill so far."""

    @property
    def late(self) -> bool:
        """Whether the deadline has passed."""
        return self._loop.time() >= self._deadline

    async def ask(self, error: AiocomplError, text: str) -> Opened:
        """Ask, with the text as prefill where there is any, and without it if that is refused.

        Cancelled: nothing is left open.

        Raises:
            AiocomplError: There is nobody left to ask, or no time.
            StopAsyncIteration: Somebody said `cancel`.
        """
        if self.takes_prefill and text.strip():
            try:
                return await self._ask(error, text, prefill=True)
            except REFUSALS as refusal:
                if refusal is error:  # which says that there is nobody left
                    raise
                self.takes_prefill = False
        return await self._ask(error, text, prefill=False)

    def cancel(self) -> None:
        """Nothing is wanted any more: whoever waits in `ask` is told."""
        self._cancelled = True
        if self._task is not None:
            self._task.cancel()

    async def aclose(self) -> None:
        """Cancel, and wait until nothing is left. Cancelled: it goes on until that is done, and is cancelled then."""
        self.cancel()
        if self._task is not None:
            await cancel_and_wait([self._task])

    async def _ask(self, error: AiocomplError, text: str, *, prefill: bool) -> Opened:
        asking = self._open_next(error, text, prefill=prefill)
        task = self._task = self._loop.create_task(asking, name="aiocompl recovery")
        opened: Opened | None = None
        try:
            await asyncio.wait([task], timeout=max(0.0, self._deadline - self._loop.time()))
            if self._cancelled:
                raise StopAsyncIteration
            if not task.done():
                raise APITimeoutError("the deadline passed while a broken stream was being recovered")
            opened = task.result()
            return opened
        finally:
            self._task = None
            if opened is None:
                await _undo(task)
            del task  # its error's traceback holds this frame


async def _undo(task: asyncio.Task[Opened]) -> None:
    """Cancel an opening and wait for it; what it has opened all the same is closed."""
    try:
        await cancel_and_wait([task])
    finally:
        if not task.cancelled() and task.exception() is None:
            task.result().stream.close()
