"""Structured events. The library only ever asks structlog for a logger; it never configures logging."""

from __future__ import annotations

from typing import Any

import structlog

_log: Any = structlog.get_logger("aiocompl")


def warning(event: str, /, **fields: object) -> None:
    """Something an operator wants to know, such as ``actor.restarted``."""
    _log.warning(event, **fields)


def watched(*, verbose: bool) -> bool:
    """Whether the steps of a call are logged.

    structlog prints every level until somebody configures it, so steps nobody asked for are only logged after that.
    """
    return verbose or structlog.is_configured()


def attempt(event: str, /, *, verbose: bool, **fields: object) -> None:
    """A step of a call: at level info if the call asks for it (`verbose=True`), else at debug."""
    if verbose:
        _log.info(event, **fields)
    elif structlog.is_configured():
        _log.debug(event, **fields)
