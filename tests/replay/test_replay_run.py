"""The count of what was replayed is to be trusted: what is skipped, renamed away or unmarked makes the run a failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from replay_exceptions import NOT_EXPRESSIBLE

CONFTEST = """\
from pathlib import Path
from replay_run import ReplayRun

def pytest_configure(config):
    config.pluginmanager.register(ReplayRun(config, Path(__file__).parent / "replay"))
"""
FEW = """\
import pytest
from types import SimpleNamespace

CASES = [pytest.param(SimpleNamespace(id=i), id=i) for i in ("aaaaaaaaaaaa", "bbbbbbbbbbbb")]
REFUSED = [pytest.param(SimpleNamespace(id="cccccccccccc"), id="cccccccccccc")]

@pytest.mark.replays("decoded")
@pytest.mark.parametrize("exchange", CASES)
def test_decodes(exchange):
    assert exchange

@pytest.mark.replays("error")
@pytest.mark.parametrize("exchange", REFUSED)
def test_errors(exchange):
    assert exchange

@pytest.mark.replays("encoded")
@pytest.mark.parametrize("exchange", CASES + REFUSED)
def test_encodes(exchange):
    assert exchange

def test_without_an_exchange():
    pass
"""
EXCEPTED = next(iter(NOT_EXPRESSIBLE))
ONE_MORE = f"""\
import pytest
from types import SimpleNamespace

@pytest.mark.replays("decoded")
@pytest.mark.parametrize("exchange", [SimpleNamespace(id="{EXCEPTED}")])
def test_decodes(exchange):
    assert exchange
"""


class Suite:
    """A small corpus and a small suite that replays all of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.few, self.more = root / "replay" / "test_few.py", root / "replay" / "test_one_more.py"
        for folder in ("replay", "shared/corpus"):
            (root / folder).mkdir(parents=True)
        (root / "conftest.py").write_text(CONFTEST)
        self.few.write_text(FEW)
        self.more.write_text(ONE_MORE)
        (root / "test_beside.py").write_text("def test_beside(): pass\n")
        names = ["aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc", EXCEPTED]
        lines = [{"id": name, "api": "chat.completions", "url": "https://x", "request": {}} for name in names]
        (root / "shared/corpus/acme.jsonl").write_bytes(b"\n".join(map(orjson.dumps, lines)))

    def edit(self, old: str, new: str) -> None:
        text = self.few.read_text()
        assert old in text
        self.few.write_text(text.replace(old, new))

    def run(self, *arguments: str, shared: str = "shared") -> tuple[int, str]:
        """The status and what was printed."""
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "xdist", "-p", "no:cacheprovider", *arguments],
            cwd=self.root,
            env={
                **os.environ,
                "AIOCOMPL_SHARED": str(self.root / shared),
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "PYTHONPATH": str(Path(__file__).parents[1]),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=50,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return Suite(tmp_path)


@pytest.mark.parametrize("arguments", [(), ("replay",), ("-n", "2")])
def test_all_is_replayed(suite: Suite, arguments: tuple[str, ...]) -> None:
    status, told = suite.run(*arguments)
    assert status == 0, told
    rows = [line.split() for line in told.splitlines()]
    assert ["acme", "4", "/", "4", "3", "/", "3"] in rows
    assert ["all", "4", "/", "4", "3", "/", "3"] in rows
    assert f"    1  {NOT_EXPRESSIBLE[EXCEPTED]} (acme {EXCEPTED})" in told
    assert "FAILED" not in told


@pytest.mark.parametrize("arguments", [(), ("-n", "2"), ("replay/test_few.py",), ("-k", "decodes")])
def test_a_skip_is_a_failure(suite: Suite, arguments: tuple[str, ...]) -> None:
    suite.edit("def test_decodes(exchange):\n", "def test_decodes(exchange):\n    pytest.skip('not today')\n")
    status, told = suite.run(*arguments)
    assert status == 1
    assert "FAILED skipped: replay/test_few.py::test_decodes[aaaaaaaaaaaa]" in told


@pytest.mark.parametrize(
    "how", ["@pytest.mark.skip", "@pytest.mark.xfail", "@pytest.mark.usefixtures('absent')"]
)
def test_no_mark_makes_a_test_count(suite: Suite, how: str) -> None:
    body = "def test_decodes(exchange):\n    assert exchange"
    suite.edit(body, body.replace("assert exchange", "assert not exchange"))
    suite.edit('@pytest.mark.replays("decoded")', f'@pytest.mark.replays("decoded")\n{how}')
    status, told = suite.run()
    assert status == 1
    assert "acme                 2 / 4" in told
    assert "FAILED not decoded: acme chat.completions aaaaaaaaaaaa" in told


def test_a_skipped_file_is_a_failure(suite: Suite) -> None:
    suite.few.write_text("import pytest\npytest.skip('not today', allow_module_level=True)\n" + FEW)
    status, told = suite.run()
    assert status == 1
    assert "FAILED skipped: replay/test_few.py" in told


@pytest.mark.parametrize(
    ("old", "new", "lacks"),
    [
        ("def test_decodes", "def decodes", "not decoded: acme chat.completions aaaaaaaaaaaa"),
        ("def test_errors", "def errors", "not decoded: acme chat.completions cccccccccccc"),
        ("def test_encodes", "def encodes", "request not compared: acme chat.completions bbbbbbbbbbbb"),
        ("def test_", "def ", "not decoded: acme chat.completions bbbbbbbbbbbb"),
        ('@pytest.mark.replays("decoded")', "", "not decoded: acme chat.completions bbbbbbbbbbbb"),
        ("CASES + REFUSED", "CASES", "request not compared: acme chat.completions cccccccccccc"),
    ],
)
def test_what_is_renamed_away_or_unmarked_is_missing(suite: Suite, old: str, new: str, lacks: str) -> None:
    suite.edit(old, new)
    status, told = suite.run()
    assert status == 1, told
    assert f"FAILED {lacks}" in told


def test_the_workers_of_xdist_tell_what_they_collected(suite: Suite) -> None:
    suite.edit("def test_decodes", "def decodes")
    status, told = suite.run("-n", "2")
    assert status == 1, told
    assert "FAILED not decoded: acme chat.completions aaaaaaaaaaaa" in told


def test_a_file_that_is_gone_is_missed(suite: Suite) -> None:
    suite.more.unlink()
    status, told = suite.run()
    assert status == 1
    assert f"FAILED not decoded: acme chat.completions {EXCEPTED}" in told


@pytest.mark.parametrize(
    "arguments",
    [
        ("replay/test_few.py",),
        ("replay/test_few.py::test_encodes", "replay/test_one_more.py"),
        ("-k", "encodes"),
        ("-n", "2", "-k", "encodes"),
        ("--deselect", "replay/test_few.py::test_errors"),
        ("--ignore", "replay/test_one_more.py"),
    ],
)
def test_a_part_is_not_held_to_be_complete(suite: Suite, arguments: tuple[str, ...]) -> None:
    status, told = suite.run(*arguments)
    assert status == 0, told
    assert "a part of the replays" in told


def test_only_the_last_failures_are_a_part(suite: Suite) -> None:
    suite.edit(
        "def test_errors(exchange):\n    assert exchange",
        "def test_errors(exchange):\n    assert not exchange",
    )
    assert suite.run("-p", "cacheprovider")[0] == 1
    suite.edit("assert not exchange", "assert exchange")
    status, told = suite.run("-p", "cacheprovider", "--lf")
    assert status == 0, told


def test_other_tests_say_nothing_of_it(suite: Suite) -> None:
    status, told = suite.run("test_beside.py")
    assert status == 0
    assert "replay" not in told


def test_without_a_corpus_a_skip_is_none(suite: Suite) -> None:
    suite.edit("def test_decodes(exchange):\n", "def test_decodes(exchange):\n    pytest.skip('no corpus')\n")
    status, told = suite.run(shared="nowhere")
    assert status == 0
    assert "there is no corpus" in told
    assert "FAILED" not in told
