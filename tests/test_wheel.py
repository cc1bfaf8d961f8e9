from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # a copy: building leaves folders behind
    shutil.copytree(ROOT / "aiocompl", source / "aiocompl", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and "No matching distribution found for setuptools" in done.stderr:
        pytest.skip("the build system cannot be fetched: no route to the package index")
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"aiocompl"}
    assert "aiocompl/py.typed" in names
    assert "aiocompl/local/templates/smollm2.jinja" in names
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "aiocompl").rglob("*.py")}
    assert sources == {name for name in names if name.endswith(".py")}


def test_core_dependencies_are_the_four() -> None:
    config = ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    lines = config["options"]["install_requires"].split()
    assert [line.partition(">=")[0] for line in lines] == ["aiohttp", "attrs", "orjson", "structlog"]
