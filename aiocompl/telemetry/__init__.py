"""Telemetry: the log, and hooks for whoever wants to watch calls.

The library only ever asks structlog for a logger; it never configures logging.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from aiocompl.telemetry import events
    from aiocompl.telemetry.hooks import Callbacks, Hook, Hooks
    from aiocompl.telemetry.otel import OpenTelemetry
    from aiocompl.telemetry.prometheus import Prometheus
    from aiocompl.telemetry.report import CallReport

__all__ = ["CallReport", "Callbacks", "Hook", "Hooks", "OpenTelemetry", "Prometheus", "events"]

_HOMES = {
    "CallReport": "report",
    "Callbacks": "hooks",
    "Hook": "hooks",
    "Hooks": "hooks",
    "OpenTelemetry": "otel",
    "Prometheus": "prometheus",
}
"""Where each name lives. They load at first use: most programs watch nothing."""

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


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'aiocompl.telemetry' has no attribute {name!r}")
    value = getattr(import_module(f"aiocompl.telemetry.{home}"), name)
    globals()[name] = value
    return value
