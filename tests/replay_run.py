"""What a run has replayed of the recorded exchanges: counted, printed at its end, and a failure where something is missing.

A test says what its passing proves of its `exchange`: `@pytest.mark.replays("decoded")`, `"error"` (a refusal has its
class) or `"encoded"` (its request was made anew). Nothing else counts, whatever a test is called.

With the corpus at hand, a run ends with a non-zero status if a replay test was skipped; and, if it had the whole of the
replays, if an exchange that must be replayed was not. A run has the whole of them if it collected every test file of the
folder and left out no test there: none was deselected (`-k`, `-m`, `--deselect`), named alone (`::`), or passed over
(`--lf`).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, cast

import pytest
from recordings import APIS, CORPUS, NO_CHAT, excepted, recordings, to_compare, to_replay

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from recordings import Recording

MARK = "replays"
PROVES = {"decoded": "decoded", "error": "decoded", "encoded": "encoded"}
"""What each word of the mark counts as."""

_SHOWN = 20
_NAMED = 2


class ReplayRun:
    """The pytest plugin; in each worker of xdist, and where the reports come together."""

    def __init__(self, config: pytest.Config, folder: Path) -> None:
        config.addinivalue_line("markers", f"{MARK}(*what): what passing proves of the recorded exchange")
        self._config = config
        self._folder = folder
        self._collected: set[Path] = set()
        self._narrowed = bool(config.getoption("lf", default=False))
        self._whole = False
        self._ran = False
        self._skipped: list[str] = []
        self._passed: dict[str, set[str]] = {"decoded": set(), "encoded": set()}
        self._failed: dict[str, set[str]] = {"decoded": set(), "encoded": set()}

    # ------------------------------------------------------------ what is collected

    def pytest_collectstart(self, collector: pytest.Collector) -> None:
        self._collected.add(collector.path)

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        for mark in item.iter_markers(MARK):
            exchange = item.callspec.params["exchange"]  # type: ignore[attr-defined] # of a parametrized function
            if exchange is not None:  # no corpus
                item.user_properties += [(MARK, [PROVES[word], exchange.id]) for word in mark.args]

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self._narrowed |= any(self._folder in item.path.parents for item in items)

    def pytest_collection_finish(self) -> None:
        named = any("::" in arg for arg in self._config.args)
        files = set(self._folder.glob("test_*.py"))
        self._whole = files <= self._collected and not (self._narrowed or named)
        output = getattr(self._config, "workeroutput", {})  # xdist has one in its workers
        output[MARK] = self._whole

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take from a worker of xdist, all of which collect the same, what it collected."""
        self._whole = getattr(node, "workeroutput", {}).get(MARK, False)

    # ------------------------------------------------------------ what comes of it

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)
        for name, value in report.user_properties:
            if name == MARK:
                what, exchange = cast("list[str]", value)
                if report.failed:
                    self._failed[what].add(exchange)
                elif report.passed and report.when == "call":
                    self._passed[what].add(exchange)

    def _note(self, report: pytest.CollectReport | pytest.TestReport) -> None:
        path = self._config.rootpath / report.nodeid.partition("::")[0]
        if self._folder in path.parents:
            self._ran |= isinstance(report, pytest.TestReport)
            if report.skipped:
                self._skipped.append(report.nodeid)

    def _good(self, what: str) -> set[str]:
        return self._passed[what] - self._failed[what]

    # ------------------------------------------------------------ the end

    def _missing(self) -> list[str]:
        """Why this run is none to trust; nothing where there is no corpus."""
        if not CORPUS.exists():
            return []
        found = recordings() if self._whole and self._ran else ()
        return [
            *(f"skipped: {name}" for name in self._skipped),
            *_left("not decoded", to_replay(found), self._good("decoded")),
            *_left("request not compared", to_compare(found), self._good("encoded")),
        ]

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        worker = hasattr(self._config, "workerinput")
        if exitstatus == pytest.ExitCode.OK and not worker and self._missing():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        seen = {name for group in (self._passed, self._failed) for names in group.values() for name in names}
        missing = self._missing()
        if not (seen or missing or self._skipped):
            return
        line = terminalreporter.write_line
        terminalreporter.section("replay of recorded exchanges", sep="-")
        if not CORPUS.exists():
            line(f"skipped: there is no corpus at {CORPUS}; AIOCOMPL_SHARED names the folder that it is in")
            return
        providers = {item.provider for item in recordings() if self._whole or item.id in seen}
        found = [item for item in recordings() if item.provider in providers]
        if not self._whole:
            line("a part of the replays, which is not held to be complete")
        for text in [*table(found, self._good("decoded"), self._good("encoded")), *exceptions(found)]:
            line(text)
        for text in missing[:_SHOWN]:
            line(f"FAILED {text}", red=True)
        if len(missing) > _SHOWN:
            line(f"FAILED {len(missing) - _SHOWN} more", red=True)


def _left(what: str, wanted: Iterable[Recording], good: set[str]) -> list[str]:
    return [f"{what}: {item.provider} {item.kind} {item.id}" for item in wanted if item.id not in good]


# ---------------------------------------------------------------- the summary


def table(found: Iterable[Recording], decoded: set[str], encoded: set[str]) -> list[str]:
    """A line for each provider, and for all."""
    found = list(found)
    columns = [
        counted(item for item in to_replay(found) if item.id in decoded),
        counted(to_replay(found)),
        counted(item for item in to_compare(found) if item.id in encoded),
        counted(to_compare(found)),
    ]
    rows = [(provider, [column[provider] for column in columns]) for provider in sorted(columns[1])]
    rows.append(("all", [column.total() for column in columns]))
    title = f"{'':<12} {'decoded / recorded':>18}   {'requests equal / expressible':>28}"
    return [
        title,
        *(f"{name:<12} {a:>9} / {b:<6}   {c:>14} / {d:<6}".rstrip() for name, (a, b, c, d) in rows),
    ]


def exceptions(found: Iterable[Recording]) -> list[str]:
    """All exceptions by what they are from, with the reason and who is meant."""
    lines: list[str] = []
    found = list(found)
    for title, reasons in excepted(found).items():
        count = sum(len(items) for items in reasons.values())
        lines += [f"excepted, {title}: {count}"] if reasons else []
        lines += [f"  {len(items):>3}  {reason} ({who(items)})" for reason, items in reasons.items()]
    others = Counter(item.kind for item in found if APIS.get(item.kind) is NO_CHAT)
    return [*lines, f"no chats: {others.total()} ({listed(others)})"] if others else lines


def who(items: list[Recording]) -> str:
    """The ids of a few, the providers of many."""
    if len(items) <= _NAMED:
        return ", ".join(f"{item.provider} {item.id}" for item in items)
    counts = counted(items)
    return listed(counts) if len(counts) > 1 else items[0].provider


def counted(items: Iterable[Recording]) -> Counter[str]:
    return Counter(item.provider for item in items)


def listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
