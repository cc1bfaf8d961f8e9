"""The two streams of a command: answers to standard output, all that is said about them to standard error."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console
    from rich.style import Style

_CONTROLS: Final = dict.fromkeys((*range(9), *range(0x0B, 0x20), *range(0x7F, 0xA0)))
"""Control characters but for tab and newline: what a model or a provider says must not steer the terminal."""


class OutputClosedError(Exception):
    """Whoever read standard output has closed it, as ``| head -1`` does."""


def prepare() -> None:
    """Have text that a stream's encoding lacks replaced, not crash the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def write(text: str, *, styled: bool = False) -> None:
    """Write to standard output, at once.

    Args:
        text: What a model said, say: a terminal gets it without control characters.
        styled: It is all our own, and its control characters are colours.

    Raises:
        OutputClosedError: Nobody reads it any more; what is written from then on is dropped.
    """
    try:
        sys.stdout.write(text if styled or not sys.stdout.isatty() else plain(text))
        sys.stdout.flush()
    except BrokenPipeError as error:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # else the interpreter's last flush fails, with a message
        os.close(nowhere)
        raise OutputClosedError from error


def plain(text: str) -> str:
    """The text without control characters."""
    return text.translate(_CONTROLS)


def stderr() -> Console:
    """Standard error as rich sees it: colours on a terminal alone, and not where ``NO_COLOR`` is set."""
    from rich.console import Console  # noqa: PLC0415 - heavy, and most commands say nothing

    return Console(stderr=True, highlight=False, soft_wrap=True)


def say(label: str, text: str, *, style: str | Style = "bold") -> None:
    """Say one line on standard error: ``label: text``."""
    from rich.text import Text  # noqa: PLC0415 - heavy, and most commands say nothing

    stderr().print(Text.assemble((f"{label}:", style), " ", " ".join(plain(text).split())))


def configure_logging() -> None:
    """Send the library's warnings (a restarted actor, say) to standard error; the library itself configures nothing."""
    import logging  # noqa: PLC0415 - `--help` logs nothing

    import structlog  # noqa: PLC0415 - `--help` logs nothing

    renderer = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        exception_formatter=structlog.dev.plain_traceback,  # rich's shows local variables: keys, prompts
    )
    structlog.configure(
        processors=[structlog.stdlib.add_log_level, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
