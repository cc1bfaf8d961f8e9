"""The progress bar: in a terminal, in a notebook of a real kernel, and without rich."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest
import rich
from arena import Arena, says

from aiocompl import BatchProgress, MissingExtraError
from aiocompl.combinators.bar import NotebookBar, open_bar
from aiocompl.testing import Delivery

BASE: Any = {"api_base": "http://m0.invalid/v1"}


def progress(done: int, elapsed: float, **more: Any) -> BatchProgress:
    counts: dict[str, Any] = {"failed": 0, "total": None, "prompt_tokens": 7, "completion_tokens": 3}
    return BatchProgress(done=done, elapsed=elapsed, **counts | more)


class Display:
    """What stands in for IPython's `display`: it notes what is shown."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []

    def __call__(self, data: dict[str, str], *, raw: bool, display_id: bool) -> Display:
        assert raw
        assert display_id
        self.shown.append(data)
        return self

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.shown.append(data)


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Display:
    made = Display()
    module: Any = ModuleType("IPython.display")
    module.display = made
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return made


def test_in_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    bar = open_bar(4)
    bar.update(progress(2, 0.5, failed=1))
    bar.close()
    bar.close()
    shown = capsys.readouterr().out
    assert "2/4" in shown
    assert "4/s, 10 tokens, 1 failed" in shown


def test_in_a_notebook(display: Display, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rich.get_console(), "is_jupyter", True)
    bar = open_bar(4)
    assert isinstance(bar, NotebookBar)
    for done, elapsed in ((1, 0.05), (2, 0.1), (3, 0.15), (4, 0.19)):
        bar.update(progress(done, elapsed))
    bar.close()
    texts = [data["text/plain"].partition(" ")[0] for data in display.shown]
    assert texts == ["0/4", "2/4", "4/4"]  # not each, but the last
    assert display.shown[-1]["text/html"].startswith('<progress value="4" max="4"></progress> 4/4')


@pytest.mark.parametrize("done", [0, 3])
def test_in_a_notebook_of_unknown_length(display: Display, done: int) -> None:
    bar = NotebookBar(None)
    assert display.shown == [{"text/plain": "0/?", "text/html": "<progress></progress> 0/?"}]
    if done:
        bar.update(progress(done, 0.0))
    bar.close()
    assert display.shown[-1]["text/plain"].startswith(f"{done}/{done}")
    assert f'value="{done}" max="{done}"' in display.shown[-1]["text/html"]


async def test_without_rich_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    async with Arena() as arena:
        with pytest.raises(MissingExtraError, match=r"pip install 'aiocompl\[cli\]'"):
            await arena.batch("m0", ["a"], progress=True)
        with pytest.raises(MissingExtraError):
            arena.aiter_batch("m0", ["a"], progress=True)


@pytest.mark.looptime
@pytest.mark.parametrize("how", ["answered", "failed"])
async def test_it_is_closed_however_the_batch_ends(
    how: str, display: Display, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rich.get_console(), "is_jupyter", True)
    bad = Delivery.json({"error": {"message": "no"}}, status=400)
    async with Arena(lambda _: says("a", 1) if how == "answered" else bad) as arena:
        call = arena.batch("m0", ["a", "b"], progress=True, return_exceptions=how == "answered", **BASE)
        if how == "answered":
            await call
            assert display.shown[-1]["text/plain"] == "2/2  2/s, 20 tokens, 0 failed"
        else:
            with pytest.raises(Exception, match="no"):
                await call
            assert len(display.shown) == 2


NOTEBOOK = """
import nbclient, nbformat
cells = [
    "from aiocompl import abatch_completion, batch_completion",
    "len(await abatch_completion('gpt-4o', ['a', 'b', 'c'], progress=True, mock_response='hi'))",
    "len(batch_completion('gpt-4o', ['a', 'b', 'c'], progress=True, mock_response='hi'))",
]
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
nbclient.NotebookClient(notebook, timeout=50, kernel_name="python3").execute()
for cell in notebook.cells[1:]:
    shown, result = cell.outputs
    print(shown.output_type, shown.data["text/html"].partition("  ")[0], result.data["text/plain"])
"""


@pytest.mark.real_time
def test_in_a_real_kernel() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NOTEBOOK], capture_output=True, text=True, timeout=55, check=False
    )
    line = 'display_data <progress value="3" max="3"></progress> 3/3 3\n'
    assert done.stdout == 2 * line, done.stderr
