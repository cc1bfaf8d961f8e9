"""A provider that costs the measured client nothing but the exchange: constant answers, no framework.

It runs in a process of its own (`python -m benchmarks._server`), prints its port as its first line and leaves when
its standard input ends, so that it cannot outlive whoever started it.

The head of each request is parsed properly (any case, `Content-Length` or chunked body, pipelined or cut anywhere),
because each measured client writes its own. The path says how the answer comes:

- `/v1/chat/completions`: at once. With `"stream": true` an answer of 200 chunks (and one with the usage, where
  `stream_options` ask for it), each an HTTP chunk and a
  `transport.write` (so a `send`) of its own, all in one iteration of the server's loop: as fast as it can.
  A model named `after-20` answers after 20 milliseconds, on this path and behind any prefix (`/2/v1/...`).
- `/paced/v1/chat/completions`: the same bytes and the same writes, but one chunk per iteration of the server's loop.
- `/held/v1/chat/completions`: held back until `/control/release`.
- `/control/gather/N`: the next N calls to `/v1` are answered together, once the last has come (or after two seconds, as
  a client may have fewer connections): afterwards the client has N connections open, however fast the server is.
- `/control/arrived/N`: answered as soon as N calls are held back; `/control/release`: answers all of those.
- `/control/delayed`: what became of the delayed calls since the last time, in JSON, in milliseconds: `answered`, for
  each answer the delay that its model's name said and the true one, and `closed`, for each call that was given up
  before, the time from the latest answer to the end of its connection.
"""

import asyncio
import sys
from collections.abc import Iterator
from typing import Any, ClassVar, Final, cast

import attrs
import orjson

from aiocompl._compat import override
from benchmarks._clients import ANSWER, CONTENT_CHUNKS
from benchmarks._process import raise_open_files

_USAGE: Final = {
    "prompt_tokens": 19,
    "completion_tokens": 10,
    "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 0,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}


def _completion() -> bytes:
    message: dict[str, Any] = {"role": "assistant", "content": ANSWER, "refusal": None, "annotations": []}
    return orjson.dumps(
        {
            "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
            "object": "chat.completion",
            "created": 1741569952,
            "model": "gpt-4o-2024-08-06",
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
            "usage": _USAGE,
            "service_tier": "default",
            "system_fingerprint": "fp_44709d6fcb",
        }
    )


def _chunk(delta: dict[str, str | None], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return _event(choices=[choice], usage=None)


def _event(**fields: object) -> bytes:
    data = orjson.dumps(
        {
            "id": "chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG",
            "object": "chat.completion.chunk",
            "created": 1741570283,
            "model": "gpt-4o-2024-08-06",
            "service_tier": "default",
            "system_fingerprint": "fp_44709d6fcb",
            **fields,
        }
    )
    return b"data: " + data + b"\n\n"


def _http_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _stream_writes(*, with_usage: bool) -> tuple[bytes, ...]:
    """Return what is written one by one: the head, 200 chunks, one more if usage is asked for, `[DONE]` with the end."""
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
        b"x-request-id: req_1\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    first = _chunk({"role": "assistant", "content": "", "refusal": None})
    words = [_chunk({"content": f" word{i}"}) for i in range(CONTENT_CHUNKS)]
    chunks = [_http_chunk(chunk) for chunk in (first, *words, _chunk({}, "stop"))]
    if with_usage:
        chunks.append(_http_chunk(_event(choices=[], usage=_USAGE)))
    return (head, *chunks, _http_chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")


def _response(status: bytes, body: bytes) -> bytes:
    head = (
        b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nx-request-id: req_1\r\nContent-Length: %d\r\n\r\n"
    )
    return head % (status, len(body)) + body


_PATIENCE_SECONDS: Final = 2.0
_COMPLETION: Final = _response(b"200 OK", _completion())
_EMPTY: Final = _response(b"200 OK", b"{}")
_NOT_FOUND: Final = _response(b"404 Not Found", b'{"error":{"message":"no such path"}}')
_STREAMS: Final = {with_usage: _stream_writes(with_usage=with_usage) for with_usage in (False, True)}


@attrs.define(eq=False)
class _Held:
    """Calls held back, and who waits for them to arrive."""

    calls: list[asyncio.Transport] = attrs.field(factory=list)
    wanted: int = 0
    watcher: asyncio.Transport | None = None
    to_gather: int = 0
    patience: asyncio.TimerHandle | None = None

    def gather(self, count: int) -> None:
        self.to_gather = count
        self.patience = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self.release)

    def add_gathered(self, call: asyncio.Transport) -> None:
        self.calls.append(call)
        if len(self.calls) >= self.to_gather:
            self.release()

    def add(self, call: asyncio.Transport) -> None:
        self.calls.append(call)
        self._tell()

    def watch(self, wanted: int, watcher: asyncio.Transport) -> None:
        self.wanted, self.watcher = wanted, watcher
        self._tell()

    def release(self) -> None:
        if self.patience is not None:
            self.patience.cancel()
        self.to_gather = 0
        calls, self.calls = self.calls, []
        for call in calls:
            call.write(_COMPLETION)

    def _tell(self) -> None:
        if self.watcher is not None and len(self.calls) >= self.wanted:
            self.watcher.write(_EMPTY)
            self.watcher = None


@attrs.define(eq=False)
class _Delayed:
    """Calls that are answered after a while, or are given up before."""

    latest: float = 0.0
    answered: list[tuple[int, float]] = attrs.field(factory=list)
    closed: list[float] = attrs.field(factory=list)

    def note_answer(self, delay: int, asked: float) -> None:
        self.latest = asyncio.get_running_loop().time()
        self.answered.append((delay, (self.latest - asked) * 1e3))

    def note_close(self) -> None:
        self.closed.append((asyncio.get_running_loop().time() - self.latest) * 1e3)

    def take(self) -> bytes:
        taken = orjson.dumps({"answered": self.answered, "closed": self.closed})
        self.answered.clear()
        self.closed.clear()
        return taken


class _Connection(asyncio.Protocol):
    """One client's connection."""

    held: ClassVar = _Held()
    delayed: ClassVar = _Delayed()
    due: asyncio.TimerHandle | None = None
    """The delayed answer."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.unread = b""

    @override
    def data_received(self, data: bytes) -> None:
        self.unread += data
        while (request := _take_request(self.unread)) is not None:
            path, body, self.unread = request
            self.answer(path, body)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self.due is not None:
            self.due.cancel()
            self.delayed.note_close()

    def answer(self, path: bytes, body: bytes) -> None:
        match path.strip(b"/").split(b"/"):
            case [b"v1", b"chat", b"completions"]:
                self.answer_chat(body, paced=False)
            case [b"control", b"delayed"]:
                self.transport.write(_response(b"200 OK", self.delayed.take()))
            case [b"paced", b"v1", b"chat", b"completions"]:
                self.answer_chat(body, paced=True)
            case [b"held", b"v1", b"chat", b"completions"]:
                self.held.add(self.transport)
            case [b"control", b"gather", count]:
                self.held.gather(int(count))
                self.transport.write(_EMPTY)
            case [b"control", b"arrived", wanted]:
                self.held.watch(int(wanted), self.transport)
            case [b"control", b"release"]:
                self.transport.write(_EMPTY)
                self.held.release()
            case [_, b"v1", b"chat", b"completions"]:
                self.answer_chat(body, paced=False)
            case _:
                self.transport.write(_NOT_FOUND)

    def answer_chat(self, body: bytes, *, paced: bool) -> None:
        asked = orjson.loads(body)
        writes = _STREAMS[(asked.get("stream_options") or {}).get("include_usage", False)]
        _, _, delay = asked["model"].partition("after-")
        if delay:
            loop = asyncio.get_running_loop()
            self.due = loop.call_later(int(delay) / 1e3, self.answer_late, int(delay), loop.time())
        elif not asked.get("stream"):
            if self.held.to_gather:
                self.held.add_gathered(self.transport)
            else:
                self.transport.write(_COMPLETION)
        elif paced:
            self.write_next(iter(writes))
        else:
            for data in writes:
                self.transport.write(data)

    def answer_late(self, delay: int, asked: float) -> None:
        self.due = None
        self.delayed.note_answer(delay, asked)
        self.transport.write(_COMPLETION)

    def write_next(self, writes: Iterator[bytes]) -> None:
        data = next(writes, None)
        if data is not None and not self.transport.is_closing():
            self.transport.write(data)
            asyncio.get_running_loop().call_soon(self.write_next, writes)


def _take_request(unread: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Cut one request off `unread`: its path, its body and the rest; None as long as it is incomplete."""
    head, end, rest = unread.partition(b"\r\n\r\n")
    if not end:
        return None
    request_line, *lines = head.split(b"\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    path = request_line.split(b" ")[1]
    if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        taken = _take_chunked(rest)
        return None if taken is None else (path, *taken)
    length = int(headers.get(b"content-length", b"0"))
    return None if len(rest) < length else (path, rest[:length], rest[length:])


def _take_chunked(unread: bytes) -> tuple[bytes, bytes] | None:
    """Cut one chunked body (no trailers) off `unread`: the body and the rest; None as long as it is incomplete."""
    body = b""
    while True:
        line, end, rest = unread.partition(b"\r\n")
        size = int(line.split(b";")[0], 16) if end else 0
        if not end or len(rest) < size + 2:
            return None
        body, unread = body + rest[:size], rest[size + 2 :]
        if size == 0:
            return body, unread


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    orphaned = asyncio.Event()
    loop.add_reader(sys.stdin, orphaned.set)
    server = await loop.create_server(_Connection, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await orphaned.wait()


if __name__ == "__main__":
    raise_open_files()
    asyncio.run(_serve())
