from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from cli_process import Terminal, command, environment, finish, start

from aiocompl.cli import local
from aiocompl.cli.app import run
from aiocompl.errors import LocalModelError
from aiocompl.local.weights import SMOLLM2, locate

if TYPE_CHECKING:
    from pathlib import Path

NO_MODEL = (
    "error: no model is chosen, and the local one is not installed\n"
    "hint: name one with -m MODEL or in AIOCOMPL_MODEL; or get the local one, no key needed: "
    "pip install 'aiocompl[local]', then add --pull\n"
)

pytestmark = pytest.mark.real_time


def test_the_path_of_the_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIOCOMPL_CACHE", str(tmp_path))
    assert run(["local", "path"]) == 9
    out, err = capsys.readouterr()
    assert out == ""
    assert "aiocompl local pull" in err
    weights = tmp_path / "models" / SMOLLM2.file_name
    weights.parent.mkdir()
    weights.write_bytes(b"GGUF and so on")
    assert run(["local", "path"]) == 0
    assert capsys.readouterr() == (f"{weights}\n", "")


@pytest.mark.parametrize(
    ("model", "default"),
    [
        ("local", True),
        ("local/", True),
        ("local/default", True),
        ("local/SmolLM2-135M-Instruct", True),
        ("local//path/to/model.gguf", False),
        ("gpt-4o", False),
    ],
)
def test_which_names_mean_the_weights_that_can_be_fetched(model: str, default: bool) -> None:
    assert local.is_default(model) is default


async def test_a_pull_that_fails_says_why(tmp_path: Path) -> None:
    nowhere = {"AIOCOMPL_CACHE": str(tmp_path), "PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0"}
    done = await command("local", "pull", env={**nowhere, "PIP_CONFIG_FILE": "/dev/null"})
    assert (done.status, done.out) == (9, "")
    note, error = done.err.splitlines()
    assert note.startswith("note: fetching the weights of smollm2-135m-instruct")
    assert error.startswith("error: ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["chat", "--pull", "hi"],
            "error: the local model needs the extra 'local'\nhint: run: pip install 'aiocompl[local]'\n",
        ),
        (
            ["chat", "hi"],
            NO_MODEL,
        ),
    ],
)
def test_without_the_extra_it_says_how_to_get_it(arguments: list[str], said: str) -> None:
    code = "import sys; sys.modules['xllamacpp'] = None; from aiocompl.cli.app import run; sys.exit(run(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


@pytest.fixture(scope="module")
def cache() -> Path:
    """A cache that holds the weights already; getting them is another folder's test."""
    pytest.importorskip("xllamacpp", reason="needs the extra `local`")
    try:
        return locate().parents[1]
    except LocalModelError as error:
        pytest.skip(str(error))


@pytest.mark.local_model
async def test_the_local_model_answers_where_it_is_installed(cache: Path) -> None:
    options = ("--pull", "--max-tokens", "8", "-v")
    done = await command("chat", *options, "Say hello.", env={"AIOCOMPL_CACHE": str(cache)})
    assert done.status == 0, done.err
    assert done.out.strip()
    assert "on this machine" in done.err


@pytest.mark.local_model
async def test_a_pull_prints_the_path_and_shows_a_bar_on_a_terminal(cache: Path) -> None:
    env = {"AIOCOMPL_CACHE": str(cache), "TERM": "xterm"}
    path = f"{cache / 'models' / SMOLLM2.file_name}\n"
    plainly = await command("local", "pull", env=env)
    assert (plainly.status, plainly.out) == (0, path)
    terminal = Terminal()
    process = await start("local", "pull", stderr=terminal.theirs, env=env)
    text = asyncio.create_task(terminal.text())
    assert await finish(process) == (0, path, "")
    assert "smollm2-135m-instruct" in await text
