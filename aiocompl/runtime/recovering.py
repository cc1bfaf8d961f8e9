"""A stream that goes on elsewhere when it breaks, as `stream_recovery` says.

It reads one stream after the other, and asks for the next when one breaks. Whom to ask, and whether at all, is the
business of who made it: of the policy loop.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from aiocompl import telemetry
from aiocompl._compat import override
from aiocompl.errors import (
    AiocomplError,
    AllModelsFailedError,
    APITimeoutError,
    IncompleteStreamError,
    SupervisorClosedError,
)
from aiocompl.policy.recovery import Continuation, Delivered, TextsDifferError, restart_chunk
from aiocompl.runtime.opening import REFUSALS, Opening
from aiocompl.runtime.parts import Parts
from aiocompl.runtime.stream import CompletionStream, has_token, partial_of
from aiocompl.runtime.tasks import without_traceback
from aiocompl.types.call import Attempt, numbered

if TYPE_CHECKING:
    from aiocompl.policy.recovery import Recovery
    from aiocompl.runtime.opening import Opened, OpenNext
    from aiocompl.runtime.stream import Ending
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.structured import AnswerType


class RecoveringStream(CompletionStream):
    """A stream that goes on elsewhere when it breaks; see `CompletionStream`.

    Nothing is handed out before the first token (role and headings wait for it), so that up to there any failure is
    invisible. After it, by `recovery`:

    - raise: the error is raised.
    - resume: another answer is asked for. What the reader has got is matched against it and left out; where the model
      takes a prefill it goes on from there. Where the texts differ, the error is raised. All chunks have the first one's
      `id` and `created`, `model` says who wrote each. Only text is resumed, not calls.
    - restart: a chunk that is `restarted` has the reader discard what it has got, and the whole answer follows, with an
      `id` of its own.
    - buffer: nothing is handed out before the answer is whole.

    The error that is raised in the end has what the reader has got, as `partial`.

    Args:
        stream: The first, of which nothing has been read.
        recovery: See above.
        open_next: Asks for the next one. It must not hold this stream.
        deadline: When all must be over, by `loop.time()`; all of these streams have it too.
        answer_type: How the answer's content is to be read.
    """

    def __init__(
        self,
        stream: CompletionStream,
        recovery: Recovery,
        open_next: OpenNext,
        *,
        deadline: float,
        answer_type: AnswerType | None = None,
    ) -> None:
        self._parts = parts = Parts(stream.receipt)
        super().__init__(stream.call, answer_type, parts)
        self._recovery = recovery
        self._deadline = deadline
        self._held: list[ChatCompletionChunk] | None = []  # until the first token
        self._begun = False  # the reader has got something
        self._continuation: Continuation | None = None
        self._broken: AiocomplError | None = None  # why the stream before this one ended
        self._on_prefill = False  # the stream goes on from a prefill, and has said nothing yet
        self._first_token: float | None = None  # that of what the reader has got
        self._opening = Opening(open_next, deadline)
        self._failed: tuple[Attempt, ...] = ()
        self._over = False
        self._loop = asyncio.get_running_loop()
        self._read_from(stream)

    @override
    async def aclose(self) -> None:
        """Close the connection and free the slot; chunks not yet read are gone. Idempotent.

        Where another task waits for the next stream to open, that is cancelled and waited for. Cancelled: it goes on
        until that is done, and is cancelled then.
        """
        self.close()
        await self._opening.aclose()

    def __del__(self) -> None:
        ending: Ending | None = getattr(self, "_ending", None)
        if ending is not None and not ending.over:
            with suppress(RuntimeError, AttributeError):  # the loop is closed; or there never was one
                self._loop.call_soon_threadsafe(ending.tell)

    @override
    async def _fill(self) -> None:
        chunks: list[ChatCompletionChunk] = []
        try:
            while not chunks:
                if self._over:
                    raise StopAsyncIteration  # noqa: TRY301 - as at the end
                try:
                    fresh = await self._stream.next_chunks()
                except AiocomplError as error:
                    await self._recover(error)
                else:
                    chunks = self._shown(fresh)  # an answer that is another one is not tried again
        except StopAsyncIteration:
            self._end()
            raise
        except BaseException as error:
            self._end(error if isinstance(error, Exception) else None)
            raise
        chunks.reverse()
        self._ready = chunks

    def _shown(self, chunks: list[ChatCompletionChunk]) -> list[ChatCompletionChunk]:
        """What the reader gets of what has come; nothing has at the stream's end.

        Raises:
            StopAsyncIteration: It has got everything.
            AiocomplError: The answer does not go on with what it has got.
        """
        over = not chunks
        if over and self._over:  # closed under the read
            return []
        if (continuation := self._continuation) is not None:
            try:
                chunks = continuation.take(chunks)
                if over:
                    continuation.end()
            except TextsDifferError:
                self._give_up()
        if (held := self._held) is not None:
            held += chunks
            if not over and (self._recovery == "buffer" or not any(map(has_token, chunks))):
                return []
            chunks = self._first(held)
        if chunks:
            self._hand_out(chunks)
        elif over:
            raise StopAsyncIteration
        return chunks

    def _first(self, held: list[ChatCompletionChunk]) -> list[ChatCompletionChunk]:
        """What was held back, and what has to stand before it."""
        self._held = None
        if self._begun and held:
            self._parts.restart()
            return [restart_chunk(held[0]), *held]
        return held

    def _hand_out(self, chunks: list[ChatCompletionChunk]) -> None:
        self._begun = True
        self._on_prefill = False
        if self._broken is None:
            return
        if self._continuation is not None:
            self._parts.keep(chunks)
        if self._first_token is not None:
            self.call.first_token = self._first_token

    async def _recover(self, error: AiocomplError) -> None:
        """Have another stream go on.

        Cancelled: what was being opened is closed.

        Raises:
            AiocomplError: There is none.
            StopAsyncIteration: This one was closed meanwhile.
        """
        if isinstance(error, SupervisorClosedError) or self._opening.late:
            self._fail(error)
        if self._on_prefill and isinstance(error, REFUSALS) and self._broken is not None:
            self._opening.takes_prefill = False
            self._note_attempt(error)
        else:
            self._broken = without_traceback(error)
            self._note_attempt(error)
        kept = self._kept(self._broken)
        delivered = Delivered.of(kept) if kept and self._recovery == "resume" else None
        if delivered is not None and not delivered.plain:
            self._fail(self._broken)
        try:
            opened = await self._opening.ask(self._broken, delivered.prefill if delivered else "")
        except AiocomplError as failure:
            self._fail(failure)
        self._adopt(opened, kept, delivered)

    def _kept(self, error: AiocomplError) -> list[ChatCompletionChunk] | None:
        """What the reader has got, or None where that is nothing.

        Raises:
            AiocomplError: It is not to get anything else, or that is not known any more.
        """
        if not self._begun:
            return None
        if self._recovery == "raise":
            self._fail(error)
        try:
            return self._parts.chunks()
        except IncompleteStreamError:  # forgotten
            if self._recovery == "resume":
                self._fail(error)
            return None

    def _note_attempt(self, error: AiocomplError) -> None:
        call = self.call
        usage, estimated = self._stream.receipt.spent()
        attempt = Attempt(
            number=len(call.failed) + 1,
            provider=call.provider,
            endpoint=call.endpoint,
            model=call.model,
            error=without_traceback(error),
            queued=call.queued,
            elapsed=call.answered or 0.0,
            kind=call.kind,
            group=call.group,
            usage=usage,
            estimated=estimated,
            price=call.price,
        )
        self._failed = (*call.failed, attempt)
        telemetry.attempt(
            "stream.recovering",
            verbose=False,
            provider=call.provider,
            endpoint=call.endpoint,
            model=call.model,
            recovery=self._recovery,
            begun=self._begun,
            error=type(error).__name__,
        )

    def _adopt(
        self, opened: Opened, kept: list[ChatCompletionChunk] | None, delivered: Delivered | None
    ) -> None:
        """Read from another stream from now on."""
        stream = opened.stream
        stream.call.failed = numbered(*self._failed, *stream.call.failed)
        if self._begun and self._recovery == "resume":
            self._first_token = self.call.first_token
        self.call = stream.call
        self._parts.go_on(stream.receipt, kept)
        self._on_prefill = opened.prefilled is not None
        self._held = []
        self._continuation = None
        if delivered is not None:
            self._held = None
            self._continuation = Continuation(delivered, prefilled=opened.prefilled, may_echo=opened.may_echo)
        self._read_from(stream)

    def _read_from(self, stream: CompletionStream) -> None:
        self._stream = stream
        stream.when_ended(partial(_end_from_outside, self._ending, self._loop, self._deadline))

    def _give_up(self) -> NoReturn:
        """The new answer is another one: what broke the first is the error."""
        error = self._broken
        self._fail(error if error is not None else IncompleteStreamError("the answers differ"))

    def _fail(self, error: AiocomplError) -> NoReturn:
        error.provider = error.provider or self.call.provider
        error.model = error.model or self.call.model
        error.partial = partial_of(self._parts, self.call) or error.partial
        if not isinstance(error, AllModelsFailedError):  # which tells of all already
            before = [attempt for attempt in self._failed or self.call.failed if attempt.error is not error]
            error.attempts = numbered(*before, *error.attempts)
        raise error

    @override
    def _end(self, error: Exception | None = None) -> None:
        self._over = True
        if error is not None:
            self._parts.broken = True
        self._held = None
        self._stream.close()
        self._opening.cancel()
        self._ending.tell(error)


def _end_from_outside(
    ending: Ending, loop: asyncio.AbstractEventLoop, deadline: float, error: Exception | None
) -> None:
    """A stream that is read from is over; where nobody can go on with it, so is the whole, whether or not somebody reads."""
    late = isinstance(error, APITimeoutError) and loop.time() >= deadline
    if late or isinstance(error, SupervisorClosedError):
        ending.tell(error)
