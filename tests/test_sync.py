"""The blocking twins, against a simulator on a loop and thread of its own."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from elsewhere import Elsewhere, run_script

from aiocompl import sync
from aiocompl.errors import BadRequestError, RateLimitError
from aiocompl.sync import BackgroundLoop, SyncCompletionStream, completion
from aiocompl.testing import Answer, Reply, faults

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

pytestmark = pytest.mark.real_time

MESSAGES = [{"role": "user", "content": "hi"}]
WORDS = "one two three four"
STALLED = Reply(answer=Answer(text=WORDS), faults=(faults.Stall(after_events=2),))


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    made = Elsewhere()
    yield made
    sync._background.close()
    made.close()


def ask(elsewhere: Elsewhere, **more: Any) -> Any:
    return completion("m", MESSAGES, api_base=elsewhere.base, **more)


def test_completion(elsewhere: Elsewhere) -> None:
    assert ask(elsewhere).choices[0].message.content
    with pytest.raises(BadRequestError):
        completion("m", [], api_base=elsewhere.base)
    with pytest.raises(TypeError, match="did you mean 'temperature'"):
        ask(elsewhere, temprature=1)
    elsewhere.simulator.script = faults.rate_limited()
    with pytest.raises(RateLimitError):
        ask(elsewhere, num_retries=0)


def test_streaming(elsewhere: Elsewhere) -> None:
    elsewhere.simulator.script = WORDS
    with ask(elsewhere, stream=True) as stream:
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert text == WORDS
    assert stream.call.first_token is not None
    stream.close()
    stream = ask(elsewhere, stream=True)
    next(stream)
    assert stream.response().choices[0].message.content == WORDS


@pytest.mark.parametrize("how", ["leave", "close", "drop"])
def test_ending_a_stream_early(elsewhere: Elsewhere, how: str) -> None:
    elsewhere.simulator.script = STALLED
    stream = ask(elsewhere, stream=True)
    assert isinstance(stream, SyncCompletionStream)
    next(stream)
    if how == "leave":
        with stream:
            pass
    elif how == "close":
        stream.close()
        assert list(stream) == []
    del stream
    gc.collect()
    elsewhere.run(elsewhere.simulator.requests[0].wait_client_gone())


def test_many_threads(elsewhere: Elsewhere) -> None:
    def work(number: int) -> str:
        message = [{"role": "user", "content": f"number {number}"}]
        if number % 2:
            answer = completion("m", message, api_base=elsewhere.base)
        else:
            answer = completion("m", message, api_base=elsewhere.base, stream=True).response()
        return answer.choices[0].message.content or ""

    with ThreadPoolExecutor(16) as pool:
        texts = list(pool.map(work, range(200)))
    assert all(f"number {number}" in text for number, text in enumerate(texts))
    assert sum(thread.name == "aiocompl background loop" for thread in threading.enumerate()) == 1


async def test_inside_a_running_loops_thread(elsewhere: Elsewhere) -> None:
    assert ask(elsewhere).choices[0].message.content  # blocks this loop, as it says, and ends


def test_on_the_background_loop_itself(elsewhere: Elsewhere) -> None:
    async def nested() -> None:
        completion("m", MESSAGES, api_base=elsewhere.base)

    with pytest.raises(RuntimeError, match="would wait for itself"):
        sync._background.run(nested())


def test_closed_and_begun_again(elsewhere: Elsewhere) -> None:
    for _ in range(2):
        ask(elsewhere)
        sync._background.close()
        sync._background.close()


def test_closing_ends_what_runs(elsewhere: Elsewhere) -> None:
    elsewhere.simulator.script = faults.Silence()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(ask, elsewhere)
        elsewhere.run(elsewhere.simulator.wait_requests(1))
        sync._background.close()
        assert type(call.exception(20)).__name__ == "SupervisorClosedError"


def test_no_loop_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    background = BackgroundLoop()

    async def nothing() -> None:
        """Do nothing."""

    def full() -> None:
        raise OSError("no more descriptors")

    with monkeypatch.context() as patch:
        patch.setattr(asyncio.events, "new_event_loop", full)
        patch.setattr(asyncio, "new_event_loop", full)
        for _ in range(2):
            with pytest.raises(OSError, match="no more descriptors"):
                background.run(nothing())
    background.run(nothing())
    background.close()


def test_the_loop_itself_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args.exc_type))

    def broken() -> None:
        raise ZeroDivisionError

    background = BackgroundLoop()
    background.loop()
    with monkeypatch.context() as patch:
        patch.setattr(sync, "default_supervisor", broken)
        background.close()
    assert seen == [ZeroDivisionError]


def test_interrupted_before_it_began() -> None:
    async def nothing() -> None:
        raise AssertionError("it must not run")

    call = sync._Interruptible(nothing())
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(call.run())


def test_interrupted(elsewhere: Elsewhere) -> None:
    elsewhere.simulator.script = faults.Silence()

    async def interrupt() -> None:
        await elsewhere.simulator.wait_requests(1)
        os.kill(os.getpid(), signal.SIGINT)

    waiting = asyncio.run_coroutine_threadsafe(interrupt(), elsewhere.loop)
    with pytest.raises(KeyboardInterrupt):
        ask(elsewhere)
    waiting.result(20)
    elsewhere.run(elsewhere.simulator.requests[0].wait_client_gone())
    elsewhere.simulator.script = None
    ask(elsewhere)


def script(elsewhere: Elsewhere, body: str) -> subprocess.CompletedProcess[str]:
    """Run a script with every warning an error; `ask` is there for it."""
    head = f"""
import os, sys, threading
from aiocompl import completion
def ask(**more):
    return completion("m", [{{"role": "user", "content": "hi"}}], api_base={elsewhere.base!r}, **more)
"""
    return run_script(head + body)


SCRIPTS = {
    "plain": "ask(); print('ok')",
    "open stream": "stream = ask(stream=True); next(stream); print('ok')",
    "stream left in a frame": "def f():\n    s = ask(stream=True); next(s); raise SystemExit(print('ok'))\nf()",
    "a thread that still waits": """
threading.Thread(target=lambda: ask(timeout=2), daemon=True).start()
ask(); print('ok')
""",
    "after fork": """
ask()
pid = os.fork()
if pid == 0:
    ask()
    assert len(list(ask(stream=True))) > 1
    sys.exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
ask()
print('ok')
""",
    "fork with an open stream": """
with ask(stream=True) as stream:
    next(stream)
    pid = os.fork()
    if pid == 0:
        try:
            stream.response()
        except RuntimeError as error:
            assert 'before the fork' in str(error)
            sys.exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert len(list(stream)) > 1
print('ok')
""",
    "fork before the first call": """
import aiocompl.sync
pid = os.fork()
ask()
if pid:
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    print('ok')
""",
    "an uncaught error": """
sys.excepthook = lambda *_: print('ok')
stream = ask(stream=True)
1 / 0
""",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_at_interpreter_exit_without_a_word(elsewhere: Elsewhere, name: str) -> None:
    done = script(elsewhere, SCRIPTS[name])
    assert (done.stdout, done.stderr) == ("ok\n", "")
