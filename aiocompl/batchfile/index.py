"""What an input holds and what of it is done, on disk: memory stays flat however long the input is.

All of this blocks: it runs in threads, one at a time.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from aiocompl.batchfile.requests import generated_id
from aiocompl.errors import BatchFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from aiocompl.batchfile.sources import Line

PENDING: Final = 0
ANSWERED: Final = 1
FAILED: Final = 2

State = Literal[0, 1, 2]

_SCHEMA: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA cache_size = -16000;
CREATE TABLE items (line INTEGER PRIMARY KEY, key BLOB, digest BLOB, nth INTEGER, state INTEGER);
CREATE TABLE repeats (line INTEGER PRIMARY KEY, key BLOB, nth INTEGER);
"""


class Entry(NamedTuple):
    """A line of the input, as the index knows it."""

    line: int
    key: bytes
    """The hash of its name."""
    digest: bytes
    nth: int
    """0 where the line names itself, else the how-manieth it is of those with the same hash."""
    state: int


class Index:
    """The lines of an input: their names and hashes, and what is done.

    Fill it by `add`, then `seal` it, then ask.

    Args:
        beside: The file in whose directory it is kept, until it is closed or the process ends.

    Raises:
        BatchFileError: It cannot be kept there.
    """

    def __init__(self, beside: Path) -> None:
        self.count = 0
        """How many lines it holds."""
        self._unnamed = False
        try:
            handle, name = tempfile.mkstemp(prefix=f".{beside.name}.", suffix=".index", dir=beside.parent)
        except OSError as error:
            raise BatchFileError(f"cannot write beside {beside}: {error.strerror or error}") from error
        os.close(handle)
        self._path = Path(name)
        with _mapped():
            self._database = sqlite3.connect(name, isolation_level=None, check_same_thread=False)
            self._database.executescript(_SCHEMA)
            self._database.execute("BEGIN")
        if os.name == "posix":
            self._path.unlink()  # it lives on until closed, and a killed process leaves nothing behind

    def add(self, block: Iterable[Line]) -> None:
        """Take a block of lines, in their order."""
        rows = [(item.line, *_key_and_nth(item), bytes.fromhex(item.digest), PENDING) for item in block]
        with _mapped():
            self._database.executemany(
                "INSERT INTO items (line, key, nth, digest, state) VALUES (?, ?, ?, ?, ?)", rows
            )
        self.count += len(rows)
        self._unnamed = self._unnamed or any(row[2] for row in rows)

    def seal(self) -> tuple[int, int] | None:
        """Make it ready to be asked.

        Returns:
            Two lines with the same name, where there are such; it is of no use then.
        """
        with _mapped():
            self._database.execute("CREATE INDEX by_key ON items (key, line)")
            if self._unnamed:
                self._tell_repeats_apart()
            row: tuple[int, int] | None = self._database.execute(
                "SELECT MIN(line), MAX(line) FROM items GROUP BY key HAVING COUNT(*) > 1 ORDER BY 1 LIMIT 1"
            ).fetchone()
        return row

    def find(self, custom_id: str) -> Entry | None:
        """The line of this name."""
        with _mapped():
            row = self._database.execute(
                "SELECT line, key, digest, nth, state FROM items WHERE key = ?", (key_of(custom_id),)
            ).fetchone()
        return None if row is None else Entry(*row)

    def mark(self, lines: Iterable[int], state: State) -> None:
        """Say what became of lines."""
        with _mapped():
            self._database.executemany(
                "UPDATE items SET state = ? WHERE line = ?", [(state, line) for line in lines]
            )

    def entries(self) -> Iterator[Entry]:
        """All lines, in their order."""
        with _mapped():
            cursor = self._database.execute("SELECT line, key, digest, nth, state FROM items ORDER BY line")
            while rows := cursor.fetchmany(256):
                yield from map(Entry._make, rows)

    def pending(self, until: int | None = None) -> int:
        """How many lines, up to that one, have neither an answer nor an error."""
        with _mapped():
            row: Sequence[int] = self._database.execute(
                "SELECT COUNT(*) FROM items WHERE state = ? AND (? IS NULL OR line <= ?)",
                (PENDING, until, until),
            ).fetchone()
        return row[0]

    def close(self) -> None:
        """Forget all of it. Idempotent."""
        self._database.close()
        with suppress(OSError):
            self._path.unlink()

    def _tell_repeats_apart(self) -> None:
        """Name equal requests by their occurrence, as `generated_id` does."""
        cursor = self._database.execute(
            "SELECT key, line, digest FROM items WHERE nth > 0 AND key IN "
            "(SELECT key FROM items GROUP BY key HAVING COUNT(*) > 1) ORDER BY key, line"
        )
        last, nth = b"", 0
        while rows := cursor.fetchmany(256):
            repeats = []
            for key, line, digest in rows:
                last, nth = key, nth + 1 if key == last else 1
                if nth > 1:
                    repeats.append((line, key_of(generated_id(digest.hex(), nth)), nth))
            self._database.executemany("INSERT INTO repeats VALUES (?, ?, ?)", repeats)
        self._database.execute(
            "UPDATE items SET (key, nth) = (SELECT key, nth FROM repeats WHERE repeats.line = items.line) "
            "WHERE line IN (SELECT line FROM repeats)"
        )


def _key_and_nth(item: Line) -> tuple[bytes, int]:
    if item.custom_id is not None:
        return key_of(item.custom_id), 0
    return key_of(generated_id(item.digest, 1)), 1


def key_of(custom_id: str) -> bytes:
    """The hash of a name."""
    return blake2b(custom_id.encode(errors="surrogatepass"), digest_size=16).digest()


def name_of(item: Line, nth: int) -> str:
    """The name of a request, its own or made."""
    return item.custom_id if item.custom_id is not None else generated_id(item.digest, nth)


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise BatchFileError(f"cannot keep an index of the input beside the output: {error}") from error
