from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from pkgutil import walk_packages

import pytest

import aiocompl

PACKAGE = Path(aiocompl.__file__).parent
MODULES = sorted(
    module.name
    for module in walk_packages([str(PACKAGE)], "aiocompl.")
    if module.name != "aiocompl.__main__"  # it is a program
)


IMPORTS_ALONE = """
import os, signal, sys, traceback
import aiohttp, attrs, orjson, structlog

for name in sys.argv[1:]:
    if not os.fork():
        signal.alarm(30)
        try:
            __import__(name)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.wait()
    if status:
        print(name, os.waitstatus_to_exitcode(status))
"""
"""A child for each module, forked from a process that has loaded the dependencies and nothing of ours: that is the time."""


def test_all_names_are_there() -> None:
    for name in aiocompl.__all__:
        assert getattr(aiocompl, name) is not None
    assert set(aiocompl.__all__) <= set(dir(aiocompl))


def test_type_checkers_see_the_names_that_load() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If) and isinstance(node.test, ast.Name))
    seen = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen | {"__version__"} == set(aiocompl.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'acompletoin'"):
        _ = aiocompl.acompletoin  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments], capture_output=True, text=True, check=False
    )


def test_importing_loads_nothing_starts_nothing_and_reads_no_environment() -> None:
    done = python(
        "import os, sys, threading\n"
        "class Closed(dict):\n"
        "    def __getitem__(self, name): raise SystemExit(f'read {name}')\n"
        "    get = __getitem__\n"
        "os.environ = Closed()\n"
        "import aiocompl\n"
        "print(threading.active_count(), sorted({'aiohttp', 'structlog', 'orjson', 'asyncio'} & set(sys.modules)))"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1 []\n"


@pytest.mark.timeout(240)  # bounded by itself: each of some hundred children has half a minute
def test_every_module_imports_alone() -> None:
    done = python(IMPORTS_ALONE, *MODULES)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_no_source_file_is_longer_than_it_should_be() -> None:
    long = {path.name: n for path in PACKAGE.rglob("*.py") if (n := len(path.read_text().splitlines())) > 400}
    assert not long
