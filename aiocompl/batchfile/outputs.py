"""The two files that a batch writes: taken for itself, mended, and appended to by whole lines.

All of this blocks: it runs in threads.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from aiocompl.batchfile.results import LINE_START, read_outcome
from aiocompl.errors import BatchFileError, BatchOutputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aiocompl.batchfile.results import Outcome

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
_SLICE: Final = 64 * 1024


def errors_path(output: Path) -> Path:
    """Where the failures go: ``out.errors.jsonl`` beside ``out.jsonl``."""
    return output.with_name(output.name.removesuffix(".jsonl") + ".errors.jsonl")


class AppendFile:
    """A file of lines that is only ever appended to, a whole line or nothing.

    Args:
        path: Where it is; it is made if it is not there.

    Raises:
        BatchFileError: It cannot be made or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.made = not path.exists()
        """Whether it was not there before."""
        try:
            self._handle = os.open(path, _FLAGS, 0o666)
        except OSError as error:
            if isinstance(error, FileNotFoundError):
                raise BatchFileError(f"cannot write {path}: there is no directory {path.parent}") from error
            raise BatchFileError(f"cannot write {path}: {error.strerror or error}") from error
        if not stat.S_ISREG(os.fstat(self._handle).st_mode):
            os.close(self._handle)
            raise BatchFileError(f"cannot write {path}: it is no file, and a batch resumes from one")

    @property
    def size(self) -> int:
        """Bytes."""
        return os.fstat(self._handle).st_size

    def lock(self) -> Self:
        """Take it for this run alone, until it is closed or the process ends.

        Raises:
            BatchFileError: Another run has it.
        """
        if fcntl is not None:
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    return self  # a file system without locks
                raise BatchFileError(
                    f"another run is writing {self.path}: wait for its end, or name another output"
                ) from error
        return self

    def mend(self) -> None:
        """Complete or cut off a last line that a killed process or a lost power left torn.

        Raises:
            BatchFileError: It ends with something that no batch has written.
        """
        size = self.size
        if not size:
            return
        start = self._last_line()
        raw = self._read(start, size - start)
        whole = read_outcome(raw) is not None
        if whole and raw.endswith(b"\n"):
            return
        if whole:
            self.append(b"\n")  # only the end of the line was missing
        elif raw.startswith(LINE_START) or LINE_START.startswith(raw) or not raw.strip(b"\0"):
            os.ftruncate(self._handle, start)
        else:
            raise BatchFileError(
                f"{self.path} is no output of a batch: its last line is none; name another output"
            )

    def outcomes(self) -> Iterator[tuple[int, bytes, Outcome]]:
        """Its lines: number, bytes, and what each says.

        Raises:
            BatchFileError: One of them says nothing.
        """
        with self.path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                outcome = read_outcome(raw)
                if outcome is None:
                    raise BatchFileError(
                        f"line {number} of {self.path} is no line of a batch's output; mend it, or name another output"
                    )
                yield number, raw, outcome

    def append(self, data: bytes | bytearray) -> None:
        """Append whole lines. Where that fails, whole lines stay, and nothing of the one that was cut.

        Raises:
            BatchOutputError: It cannot be written any more: the disk is full, say.
        """
        done = 0
        try:
            while done < len(data):
                done += os.write(self._handle, memoryview(data)[done:])
        except OSError as error:
            torn = done - (data.rfind(b"\n", 0, done) + 1)
            with suppress(OSError):  # else the next run mends it
                os.ftruncate(self._handle, self.size - torn)
            raise BatchOutputError(f"cannot write {self.path} any more: {error.strerror or error}") from error

    def sync(self) -> None:
        """Have the disk hold what was written.

        Raises:
            BatchOutputError: It does not.
        """
        try:
            os.fsync(self._handle)
        except OSError as error:
            raise BatchOutputError(f"cannot write {self.path} any more: {error.strerror or error}") from error

    def close(self, *, keep: bool = True) -> None:
        """Close it. Idempotent.

        Args:
            keep: Whether it is to be there although it is empty.
        """
        if self._handle < 0:
            return
        if not keep and self.size == 0:
            with suppress(OSError):
                self.path.unlink()
        os.close(self._handle)
        self._handle = -1

    def _last_line(self) -> int:
        """Where the last line starts, whether it is whole or not."""
        end = self.size - 1  # a newline there ends the last line, and starts none
        while end > 0:
            start = max(0, end - _SLICE)
            found = self._read(start, end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
        return 0

    def _read(self, start: int, size: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(size)


class Rewriting:
    """A file's next version, beside it: it takes its place in one step, or not at all.

    Args:
        path: The file.

    Raises:
        BatchOutputError: It cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next = path.with_name(f".{path.name}.next")
        with suppress(FileNotFoundError):
            self._next.unlink()  # of a run that was killed
        try:
            self._file = AppendFile(self._next)
        except BatchFileError as error:
            raise BatchOutputError(str(error)) from error

    def write(self, data: bytes) -> None:
        """Append whole lines."""
        self._file.append(data)

    def commit(self) -> None:
        """Put it in the file's place, on the disk too."""
        self._next.chmod(stat.S_IMODE(self._path.stat().st_mode))
        self._file.sync()
        self._file.close()
        self._next.replace(self._path)
        sync_directory(self._path.parent)

    def abandon(self) -> None:
        """Leave the file as it is. Idempotent, and after `commit` without effect."""
        self._file.close()
        with suppress(FileNotFoundError):
            self._next.unlink()


def sync_directory(path: Path) -> None:
    """Have the disk hold the names of new files."""
    if os.name == "posix":
        handle = os.open(path, os.O_RDONLY)
        try:
            with suppress(OSError):  # some file systems cannot
                os.fsync(handle)
        finally:
            os.close(handle)
