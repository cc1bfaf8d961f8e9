"""`n_by_fanout`: several answers by as many calls at once, where the dialect or the model gives one answer a call.

All of them are the same request, with the same deadline. A stream's chunks are handed out as they come, from whichever of
the streams; to its reader it is a stream like any other.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, cast

import attrs
import orjson

from aiocompl.codecs.natives import CUSTOM
from aiocompl.codecs.openai import OpenAICodec
from aiocompl.errors import BadRequestError, UnsupportedParamsError
from aiocompl.runtime.stream import CompletionStream
from aiocompl.runtime.tasks import all_or_none, error_of
from aiocompl.runtime.upstream import Lease, UpstreamStream
from aiocompl.types.call import joined_call
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.merge import merge_completions
from aiocompl.types.request import ChatRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from aiocompl.codecs.routing import Route
    from aiocompl.runtime.call import Call
    from aiocompl.types.call import CallInfo
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.completion import ChatCompletion

    Answer = ChatCompletion | CompletionStream

MOST: Final = 128
"""OpenAI's own bound on `n`."""

_PLAIN: Final = attrs.evolve(CUSTOM, loosely=False, think_tag="")


def take_n(call: Call, route: Route) -> int:
    """How many calls are to be made; if more than one, `n` is taken out of the call's parameters.

    Raises:
        BadRequestError: `n` is no whole number from 1 to 128.
    """
    n, options = call.params.get("n"), call.options
    if n is None or not options.get("n_by_fanout"):
        return 1
    if type(n) is not int or not 1 <= n <= MOST:
        raise BadRequestError(f"n must be a whole number from 1 to {MOST}, not {n!r:.40}", param="n")
    elsewhere = (
        *(options.get("additional_drop_params") or ()),
        *(options.get("allowed_openai_params") or ()),
    )
    if n == 1 or "n" in elsewhere or not _is_refused(n, call.stream, route):
        return 1
    del call.params["n"]
    return n


def _is_refused(n: int, stream: bool, route: Route) -> bool:
    """Whether the dialect has no `n`, or the model does not take it; encoding is pure, so it can be tried."""
    if "n" in route.codec.unsupported_params:
        return True
    try:
        route.codec.encode_request(
            ChatRequest(route.model, [{"role": "user", "content": "?"}], {"n": n}, stream)
        )
    except UnsupportedParamsError as error:
        return error.param == "n"
    return False


async def fan_out(
    times: int,
    ask: Callable[[], Coroutine[Any, Any, Answer]],
    started: float,
    request: ChatRequest,
) -> Answer:
    """Ask several times at once, and make one answer, or one stream, of what comes.

    Cancelled: all of them are, and are awaited; streams that were open are closed.

    Args:
        times: How many answers are wanted.
        ask: Makes one call.
        started: When the call began, by `loop.time()`.
        request: What each of them asks.

    Raises:
        AiocomplError: That of the call that failed first; the others have been cancelled and awaited.
    """
    answers = await all_or_none([ask() for _ in range(times)], _close)
    call = joined_call([cast("CallInfo", answer.call) for answer in answers])
    if isinstance(answers[0], CompletionStream):
        loop = asyncio.get_running_loop()
        merged = _MergedResponse(cast("list[CompletionStream]", answers))
        lease = Lease(merged, loop, lambda _: None)
        codec = OpenAICodec(_PLAIN, Endpoint(provider=call.provider, base_url=""))
        params = {"stream_options": {"include_usage": request.shows_usage}}
        merging = ChatRequest(call.model, (), params, stream=True, answer_type=request.answer_type)
        return UpstreamStream(lease, codec, merging, call, started)
    whole = merge_completions(cast("list[ChatCompletion]", answers))
    whole.call = call
    return whole


def _close(answer: Answer) -> None:
    if isinstance(answer, CompletionStream):
        answer.close()


class _MergedResponse:
    """Several streams as one response in OpenAI's dialect. See `OpenResponse` for the contract.

    Each stream is read by a task, one read ahead. The tasks know nothing of this response, so that it can be collected
    and closed when nobody holds its stream any more.
    """

    status = 200

    def __init__(self, streams: list[CompletionStream]) -> None:
        self.headers: Mapping[str, str] = streams[0].call.headers
        self._streams = streams
        self._reads: dict[asyncio.Task[list[ChatCompletionChunk]], int] = {}
        self._begun = False
        self._over = False

    async def read(self) -> bytes:
        """Read what is left; see `OpenResponse`."""
        parts: list[bytes] = []
        while part := await self.read_slice():
            parts.append(part)
        return b"".join(parts)

    async def read_slice(self) -> bytes:
        """Wait until at least one of the streams has more, and return it as events; see `OpenResponse`.

        Cancelled: all streams are closed, and nobody reads them any more.
        """
        if self._over:
            return b""
        if not self._begun:
            self._begun = True
            for index in range(len(self._streams)):
                self._read_on(index)
        try:
            return await self._next()
        except BaseException:
            self.close()
            if self._reads:
                await asyncio.wait(self._reads)
            raise

    def close(self) -> None:
        """Close all streams. Idempotent."""
        self._over = True
        for task in self._reads:
            task.cancel()
        for stream in self._streams:
            stream.close()

    async def _next(self) -> bytes:
        reads = self._reads
        while reads:
            done, _ = await asyncio.wait(reads, return_when=asyncio.FIRST_COMPLETED)
            events: list[bytes] = []
            for task in [task for task in reads if task in done]:
                index = reads.pop(task)
                if chunks := task.result():
                    self._read_on(index)
                    events += [self._event(chunk, index) for chunk in chunks if _is_told_now(chunk)]
            if events:
                return b"".join(events)
        self._over = True
        return await self._end()

    def _read_on(self, index: int) -> None:
        task = asyncio.get_running_loop().create_task(self._streams[index].next_chunks())
        task.add_done_callback(error_of)  # retrieves the exception, which nobody may ask for
        self._reads[task] = index

    def _event(self, chunk: ChatCompletionChunk, index: int) -> bytes:
        """A chunk with its choice's place among all; its usage is told with that of the others, at the end."""
        body = attrs.evolve(chunk, usage=None, model_extra=chunk.model_extra).to_dict()
        for choice in body["choices"]:
            choice["index"] = choice["index"] * len(self._streams) + index
        return _sse(body)

    async def _end(self) -> bytes:
        """The last chunk, with what all of them used and each was besides its choices."""
        whole = merge_completions([await stream.response() for stream in self._streams])
        body = attrs.evolve(whole, choices=[], object="chat.completion.chunk").to_dict()
        return _sse(body) + b"data: [DONE]\n\n"


def _is_told_now(chunk: ChatCompletionChunk) -> bool:
    """Whether a chunk says anything but the usage, which is told at the end."""
    return bool(chunk.choices) or chunk.usage is None


def _sse(body: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(body) + b"\n\n"
