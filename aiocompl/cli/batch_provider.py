"""``aiocompl batch --via provider`` and ``--cancel``: a file worked off by the provider's own batches."""

from __future__ import annotations

import asyncio
import shlex
import signal
from typing import TYPE_CHECKING, Any, Final

from aiocompl.batchfile.provider_run import cancel_provider_batch, run_provider_batch_file
from aiocompl.cli.batch_run import conclude
from aiocompl.cli.exits import CommandError
from aiocompl.cli.terminal import say
from aiocompl.errors import BatchOutputError
from aiocompl.runtime.supervisor import Supervisor

if TYPE_CHECKING:
    from pathlib import Path

    from aiocompl.batchfile.provider_ports import ProviderNews
    from aiocompl.cli.batch import Settings

_TEXTS: Final = {
    "begun": "begun",
    "found": "found again, begun by an earlier run",
    "collected": "all results are written",
    "not_ours": "is another's: the requests are sent again",
    "refused": "is not to be cancelled any more",
    "trouble": "could not be asked, and will be again",
    "cancelling": "is being cancelled",
}


class News:
    """Says what is new, in a line each; looks that show nothing new are left out."""

    def __init__(self) -> None:
        self._last: dict[str, object] = {}

    def show(self, news: ProviderNews) -> None:
        """Say this, if it is news."""
        if news.event == "looked":
            seen = (news.word, news.succeeded, news.failed)
            if self._last.get(news.batch) == seen:
                return
            self._last[news.batch] = seen
        say(news.batch or "batch", line(news))


def line(news: ProviderNews) -> str:
    """What has happened, in a line."""
    counts = f"{news.succeeded:,} of {news.requests:,} answered"
    if news.failed:
        counts += f", {news.failed:,} failed"
    if news.batches > 1:
        counts += f"; {news.collected} of {news.batches} batches written"
    text = _TEXTS.get(news.event)
    if text is None:
        return f"{news.word}: {counts}"
    if news.event in ("trouble", "refused"):
        return f"{text}: {news.word}"
    return f"{text} ({counts})"


async def run(settings: Settings) -> int:
    """Run it, say what happens and what it came to; a signal ends the watching, and the batches go on.

    Returns:
        The exit status.

    Raises:
        AiocomplError: See `run_provider_batch_file`.
        CommandError: The output cannot be written any more.
    """
    if settings.item_timeout is not None:
        raise CommandError(
            "--item-timeout has no meaning with --via provider", "the provider takes up to a day for all"
        )
    stop = asyncio.Event()
    handled = _on_signals(stop)
    try:
        async with Supervisor() as supervisor:
            summary = await run_provider_batch_file(
                settings.input,
                settings.output,
                model=settings.model,
                supervisor=supervisor,
                resume=settings.resume,
                retry_failed=settings.retry_failed,
                template=settings.template,
                prompt_column=settings.prompt_column,
                limit=settings.limit,
                stop_event=stop,
                on_news=News().show,
                api_base=settings.api_base,
                timeout=settings.timeout,
                num_retries=settings.retries,
                max_tokens=settings.max_tokens,
                temperature=settings.temperature,
            )
    except BatchOutputError as error:
        hint = f"mend that, and go on with: {settings.command('--resume')}"
        raise CommandError(str(error), hint, status=1) from error
    finally:
        for number in handled:
            asyncio.get_running_loop().remove_signal_handler(number)
    if summary.left:
        say("waiting", "the batches go on at the provider")
        say(
            "hint",
            f"cancel them with: {cancel_command(settings.output, settings.api_base)}",
            style="bold cyan",
        )
    return conclude(settings, summary)


async def cancel(output: Path, api_base: str | None) -> None:
    """Have the provider cancel the batches of an output."""
    options: dict[str, Any] = {} if api_base is None else {"api_base": api_base}
    async with Supervisor() as supervisor:
        count = await cancel_provider_batch(output, supervisor=supervisor, on_news=News().show, **options)
    say("cancelled", f"{count} batches; what is answered by then can still be collected with --resume")


def cancel_command(output: Path, api_base: str | None) -> str:
    """The command that cancels."""
    where = [] if api_base is None else ["--api-base", api_base]
    return shlex.join(["aiocompl", "batch", "--cancel", "-o", str(output), *where])


def _on_signals(stop: asyncio.Event) -> list[int]:
    """Have a signal end the watching; gives the signals that were taken over."""
    loop = asyncio.get_running_loop()
    handled = []
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows: KeyboardInterrupt cancels us instead
            break
        handled.append(int(number))
    return handled
