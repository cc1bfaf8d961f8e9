"""What ``aiocompl batch`` does once it knows what to do."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Final

from aiocompl.batchfile.run import run_batch_file
from aiocompl.cli.batch_screen import Screen, told
from aiocompl.cli.exits import INTERRUPTED, CommandError
from aiocompl.cli.terminal import say
from aiocompl.errors import BatchOutputError
from aiocompl.runtime.supervisor import Supervisor

if TYPE_CHECKING:
    from aiocompl.batchfile.tally import BatchFileSummary
    from aiocompl.cli.batch import Settings

_GRACE: Final = 10.0
_TIMED_OUT: Final = 6
_SLOTS: Final = 1000


async def run(settings: Settings) -> int:
    """Run it, show how far it is, and say what it came to.

    The first SIGINT or SIGTERM lets what is under way finish, the second one cancels it.

    Returns:
        The exit status.

    Raises:
        AiocomplError: It cannot begin; see `run_batch_file`.
        CommandError: The output cannot be written any more.
    """
    stop = asyncio.Event()
    handled = _on_signals(stop)
    resuming = settings.command("--resume")
    try:
        async with Supervisor(max_concurrency=max(_SLOTS, settings.concurrency)) as supervisor:
            with Screen() as screen:
                summary = await run_batch_file(
                    settings.input,
                    settings.output,
                    model=settings.model,
                    supervisor=supervisor,
                    concurrency=settings.concurrency,
                    resume=settings.resume,
                    retry_failed=settings.retry_failed,
                    template=settings.template,
                    prompt_column=settings.prompt_column,
                    limit=settings.limit,
                    item_timeout=settings.item_timeout,
                    stop_event=stop,
                    grace=_GRACE,
                    on_progress=screen.show,
                    api_base=settings.api_base,
                    timeout=settings.timeout,
                    num_retries=settings.retries,
                    max_tokens=settings.max_tokens,
                    temperature=settings.temperature,
                )
    except BatchOutputError as error:
        raise CommandError(str(error), f"mend that, and go on with: {resuming}", status=1) from error
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
        say("stopped", "what was answered is written")
        say("hint", f"go on with: {resuming}", style="bold cyan")
        return INTERRUPTED
    finally:
        for number in handled:
            asyncio.get_running_loop().remove_signal_handler(number)
    return conclude(settings, summary)


def conclude(settings: Settings, summary: BatchFileSummary) -> int:
    """Say what a batch came to, and how to go on; gives the exit status."""
    for label, text in told(summary):
        say(label, text)
    if summary.left != 0:
        say("hint", f"go on with: {settings.command('--resume')}", style="bold cyan")
    elif summary.failed + summary.failed_before > summary.invalid:
        say("hint", f"ask again what failed with: {settings.command('--retry-failed')}", style="bold cyan")
    if summary.left != 0:
        return _TIMED_OUT if summary.stopped == "timeout" else INTERRUPTED
    return 1 if summary.failed + summary.failed_before else 0


def _on_signals(stop: asyncio.Event) -> list[int]:
    """Have the first signal stop the batch, and the second one cancel it; gives the signals that were taken over."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def came() -> None:
        if stop.is_set():
            if task is not None:
                task.cancel()
            return
        stop.set()
        say("stopping", f"what is under way has {_GRACE:g} s to finish; Ctrl-C again ends it at once")

    handled = []
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, came)
        except NotImplementedError:  # Windows: KeyboardInterrupt cancels us instead
            break
        handled.append(int(number))
    return handled
