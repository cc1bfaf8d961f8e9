from __future__ import annotations

import os
import subprocess
import sys

import pytest
from cli_process import Done, command, environment

from aiocompl import __version__
from aiocompl.cli.app import run
from aiocompl.cli.exits import MEANINGS

pytestmark = pytest.mark.real_time


def python(code: str, *arguments: str) -> Done:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    return Done(done.returncode, done.stdout, done.stderr)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr() == (f"aiocompl {__version__}\n", "")


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for name in ("chat", "compare", "demo", "local", "providers", "race", "simulate"):
        assert f" {name} " in out


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    out, err = capsys.readouterr()
    assert "Usage: aiocompl" in out + err


def test_chat_help_explains_every_option_and_status(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert run(["chat", "-h"]) == 0
    out = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for option in (
        *("--model", "--stream", "--no-stream", "--system", "--json", "--verbose", "--api-base"),
        *("--timeout", "--retries", "--max-tokens", "--temperature", "--pull", "AIOCOMPL_MODEL"),
    ):
        assert option in out
    for status, meaning in MEANINGS.items():
        assert f"{status} {meaning}" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["simulate", "-h"],
        ["race", "-h"],
        ["compare", "-h"],
        ["demo", "-h"],
        ["providers", "-h"],
        ["local", "-h"],
        ["local", "pull", "-h"],
    ],
)
def test_other_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 0
    assert "Usage: aiocompl" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["nope"],
        ["chat", "--nope", "x"],
        ["chat", "--max-tokens", "0", "x"],
        ["simulate", "--fault-rate", "2"],
    ],
)
def test_wrong_use_is_2_and_on_stderr(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert arguments[-1] in err or arguments[1] in err


async def test_the_module_runs_as_a_program() -> None:
    assert await command("--version") == (0, f"aiocompl {__version__}\n", "")


def test_help_loads_no_http_client() -> None:
    code = (
        "import sys; from aiocompl.cli.app import run; status = run(['chat', '--help'])\n"
        "print({'aiohttp', 'orjson', 'structlog', 'xllamacpp'} & set(sys.modules), status, file=sys.stderr)"
    )
    assert python(code).err == "set() 0\n"


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_one_line_says_how_to_get_it(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; from aiocompl.__main__ import main; main()"
    line = "the command line needs the extra 'cli': pip install 'aiocompl[cli]'\n"
    assert python(code, "chat", "hi") == (2, "", line)


def test_a_closed_output_is_quiet() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "aiocompl", "--version"],
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
            env=environment(),
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")
