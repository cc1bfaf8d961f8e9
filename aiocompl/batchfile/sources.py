"""A batch's input, read block by block. All of this blocks: it runs in threads."""

from __future__ import annotations

import csv
from typing import IO, TYPE_CHECKING, Any, Final

from aiocompl.batchfile.requests import (
    MAX_LINE_BYTES,
    BadLineError,
    BatchRequest,
    bad_line,
    read_line,
    read_row,
)
from aiocompl.errors import BatchFileError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import TypeAlias

    from aiocompl.batchfile.requests import BadLine, Reading

    Line: TypeAlias = BatchRequest | BadLine

_BLOCK_LINES: Final = 256
_BLOCK_BYTES: Final = 1024 * 1024
_SEPARATORS: Final = {".csv": ",", ".tsv": "\t"}


def read_blocks(path: Path, reading: Reading) -> Generator[list[Line], None, None]:
    """Read a file of requests: CSV or Parquet by its suffix, else a line of JSON each. Closing this closes the file.

    A block holds no more than some hundred lines, and about a megabyte.

    Raises:
        BatchFileError: It cannot be read, or lacks the columns that are needed.
        MissingExtraError: It is Parquet, and polars is not installed.
    """
    suffix = path.suffix.lower()
    try:
        if suffix in _SEPARATORS:
            yield from _blocks(_csv_lines(path, reading, _SEPARATORS[suffix]))
        elif suffix in (".parquet", ".pq"):
            yield from _blocks(_parquet_lines(path, reading))
        else:
            yield from _blocks(_json_lines(path, reading))
    except OSError as error:
        raise BatchFileError(f"cannot read {path}: {error.strerror or error}") from error


def check_input(path: Path) -> None:
    """Refuse what cannot be read twice.

    Raises:
        BatchFileError: There is no such file, or it is none.
    """
    if not path.exists():
        raise BatchFileError(f"there is no file {path}")
    if not path.is_file():
        raise BatchFileError(f"{path} is no file: a batch reads its input twice, so put it into one")


def _blocks(lines: Iterable[tuple[int, Line]]) -> Iterator[list[Line]]:
    block: list[Line] = []
    room = _BLOCK_BYTES
    for size, line in lines:
        block.append(line)
        room -= size
        if len(block) >= _BLOCK_LINES or room <= 0:
            yield block
            block, room = [], _BLOCK_BYTES
    if block:
        yield block


def _json_lines(path: Path, reading: Reading) -> Iterator[tuple[int, Line]]:
    with path.open("rb") as file:
        number = 0
        while raw := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(raw) > MAX_LINE_BYTES:
                yield MAX_LINE_BYTES, _too_long(file, raw, number)
            elif (line := read_line(raw, number, reading)) is not None:
                yield len(raw), line


def _too_long(file: IO[bytes], raw: bytes, number: int) -> BadLine:
    head = raw[:1024]
    while raw and not raw.endswith(b"\n"):
        raw = file.readline(MAX_LINE_BYTES)
    return bad_line(
        head, number, BadLineError("line_too_long", f"is longer than {MAX_LINE_BYTES // 2**20} MiB")
    )


def _csv_lines(path: Path, reading: Reading, separator: str) -> Iterator[tuple[int, Line]]:
    csv.field_size_limit(MAX_LINE_BYTES)  # of the whole process: the module has no other
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        rows = csv.reader(file, delimiter=separator)
        header = _next_row(rows)
        if not isinstance(header, list):
            raise BatchFileError(f"{path} has no row of column names")
        _check_columns(path, header, reading)
        while True:
            number = rows.line_num + 1
            row = _next_row(rows)
            if row is None:
                return
            if row:
                yield (
                    sum(map(len, row)) if isinstance(row, list) else 0,
                    _csv_row(row, header, number, reading),
                )


def _next_row(rows: Any) -> list[str] | csv.Error | None:
    """The next row, what is wrong with it, or None at the end."""
    try:
        return next(rows, None)
    except csv.Error as error:
        return error


def _csv_row(row: list[str] | csv.Error, header: Sequence[str], number: int, reading: Reading) -> Line:
    if isinstance(row, csv.Error):
        return bad_line(str(row).encode(), number, BadLineError("invalid_csv", f"is no row: {row}"))
    if len(row) != len(header):
        raw = repr(row).encode(errors="replace")
        problem = f"has {len(row)} fields, and the first row names {len(header)}"
        return bad_line(raw, number, BadLineError("invalid_csv", problem))
    return read_row(dict(zip(header, row, strict=True)), number, reading)


def _parquet_lines(path: Path, reading: Reading) -> Iterator[tuple[int, Line]]:
    """The rows, numbered from 1."""
    try:
        import polars as pl  # noqa: PLC0415 - an extra, and heavy
    except ImportError as error:
        raise MissingExtraError("Parquet needs polars: pip install 'aiocompl[data]'") from error
    number = 0
    try:
        table = pl.scan_parquet(path)
        columns = table.collect_schema().names()
        _check_columns(path, columns, reading)
        wanted = [name for name in columns if name in {*_needed(reading), "custom_id"}]
        for frame in table.select(wanted).collect_batches(chunk_size=_BLOCK_LINES, maintain_order=True):
            for row in frame.iter_rows(named=True):
                number += 1
                yield (
                    sum(len(value) for value in row.values() if isinstance(value, str)),
                    read_row(row, number, reading),
                )
    except pl.exceptions.PolarsError as error:
        raise BatchFileError(f"cannot read {path} as Parquet: {str(error).splitlines()[0]}") from error


def _needed(reading: Reading) -> list[str]:
    return [reading.column] if reading.template is None else reading.template.columns


def _check_columns(path: Path, columns: Sequence[str], reading: Reading) -> None:
    missing = [name for name in _needed(reading) if name not in columns]
    if missing:
        what = "the template needs" if reading.template is not None else "without a template it needs"
        raise BatchFileError(
            f"{path} has no column {missing[0]!r}, which {what}; it has {', '.join(map(repr, columns[:20]))}"
        )
