from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from recordings import excepted, ids_in, left_out, recordings, to_replay

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN = 20

# How long an example takes is no finding: it says how busy the machine is.
settings.register_profile("aiocompl", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("aiocompl")


@pytest.fixture(scope="session", autouse=True)
def _no_implicit_loop() -> None:
    """looptime asks for the current loop in tests without one too, and asyncio would make one that nobody closes."""
    asyncio.set_event_loop(None)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many of the recorded exchanges were replayed, how many came out right, and which are excepted, why."""
    seen = {outcome: replayed(terminalreporter.stats.get(outcome, ())) for outcome in ("passed", "failed")}
    good = seen["passed"] - seen["failed"]
    if not good | seen["failed"]:
        return
    line = terminalreporter.write_line
    terminalreporter.section("replay of recorded exchanges (decoded / recorded)", sep="-")
    wanted = to_replay(recordings())
    totals = Counter(item.provider for item in wanted)
    decoded = Counter(item.provider for item in wanted if item.id in good)
    for provider, total in sorted(totals.items()):
        line(f"{provider:<12} {decoded[provider]:>4} / {total}")
    line(f"{'all':<12} {decoded.total():>4} / {totals.total()}")
    for (provider, kind, reason), count in sorted(excepted(recordings()).items()):
        line(f"excepted: {count:>3} {provider} {kind}: {reason}")
    left = left_out(recordings(), good)
    for item in left[:_SHOWN]:
        line(f"not replayed: {item.provider} {item.kind} {item.id}")
    if len(left) > _SHOWN:
        line(f"not replayed: {len(left) - _SHOWN} more")


def replayed(reports: Iterable[Any]) -> set[str]:
    """The ids of the exchanges that these reports are of."""
    return ids_in(report.nodeid for report in reports)
