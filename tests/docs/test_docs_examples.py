"""Every Python block of the README and the docs runs as it stands, with a simulated provider at the other end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from docs_blocks import PAGES, ROOT, Block, blocks, to_run

from aiocompl.errors import LocalModelError
from aiocompl.local.weights import locate, pull

pytestmark = pytest.mark.real_time

RUNNER: Final = Path(__file__).with_name("run_docs_page.py")
BLOCKS: Final = {page: blocks(page.read_text()) for page in PAGES}


def name_of(page: object) -> str:
    return str(page.relative_to(ROOT)) if isinstance(page, Path) else str(page)


def run(page: Path, *needs: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(RUNNER), str(page), *needs],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr


def pages_that_need(what: str) -> list[Path]:
    return [page for page in PAGES if to_run(page.read_text(), what)]


@pytest.mark.parametrize("page", pages_that_need(""), ids=name_of)
def test_the_examples_run(page: Path) -> None:
    run(page)


@pytest.fixture
def local_model() -> None:
    pytest.importorskip("xllamacpp", reason="needs the extra `local`")
    try:
        locate()
    except LocalModelError:
        try:
            pull()
        except LocalModelError as error:
            pytest.skip(str(error))


@pytest.mark.local_model
@pytest.mark.timeout(180)
@pytest.mark.usefixtures("local_model")
@pytest.mark.parametrize("page", pages_that_need("local"), ids=name_of)
def test_the_examples_with_a_local_model_run(page: Path) -> None:
    run(page, "local")


def test_there_is_a_reason_wherever_an_example_does_not_run() -> None:
    python = [block for found in BLOCKS.values() for block in found if block.language == "python"]
    left_out = [block for block in python if "no-run" in block.options]
    assert all(block.options["no-run"] for block in left_out)
    assert len(left_out) * 10 <= len(python)
    assert {need for block in python if (need := block.options.get("needs"))} <= {"local"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_says_what_it_is(page: Path) -> None:
    known = {
        "python",
        "bash",
        "text",
        "json",
        "toml",
        "yaml",
        "{eval-rst}",
        "{faults}",
        "{providers}",
        "{toctree}",
        "check",
    }
    unknown = [(block.line, block.language) for block in BLOCKS[page] if block.language not in known]
    assert not unknown


def test_blocks_are_found_where_they_are() -> None:
    text = 'Text\n\n```python no-run="needs a key"\na = 1\n```\n\n1. Item\n   ```python\n   b = 2\n   ```\n<!-- check\nassert b\n-->\n'
    assert blocks(text) == [
        Block(language="python", options={"no-run": "needs a key"}, line=4, code="a = 1\n"),
        Block(language="python", options={}, line=9, code="b = 2\n"),
        Block(language="check", options={}, line=12, code="assert b\n"),
    ]
    assert [block.line for block in to_run(text, "")] == [9, 12]
