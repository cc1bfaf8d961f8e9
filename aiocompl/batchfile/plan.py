"""What there is to ask: the input, held against what the output holds already.

All of this blocks, in bounded pieces: it runs in threads, piece by piece.
"""

from __future__ import annotations

import os
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import attrs

from aiocompl.batchfile.index import ANSWERED, FAILED, PENDING, Index, key_of, name_of
from aiocompl.batchfile.outputs import AppendFile, Rewriting, errors_path, sync_directory
from aiocompl.batchfile.requests import BatchRequest, Reading
from aiocompl.batchfile.sources import check_input, read_blocks
from aiocompl.errors import BatchFileError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from aiocompl.batchfile.index import Entry
    from aiocompl.batchfile.results import Outcome
    from aiocompl.batchfile.sources import Line

T = TypeVar("T")

_PIECE: Final = 256
_SHOWN: Final = 80


@attrs.frozen(kw_only=True)
class Job:
    """What a batch is told of its files."""

    input: Path
    output: Path
    reading: Reading = attrs.field(factory=Reading)
    resume: bool = False
    retry_failed: bool = False
    limit: int | None = None
    """How many of the input's requests are asked, from its beginning; all if None."""


class Plan:
    """The files of a batch, taken and checked, and what of the input is to be asked.

    Run `prepare` to its end, then `blocks`; `close` it in any case.

    Args:
        job: What is wanted.

    Attributes:
        ready: Whether it is prepared, and the other counts are known.
        read: Lines of the input read so far.
        total: Lines of the input that are part of the run.
        pending: Those that have neither an answer nor an error yet.
        failed_before: Lines that the error file holds, and that are not asked again.
        invalid_before: Those of them that hold no request.
        output: The file of answers, to be written.
        errors: The file of failures, to be written.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._until: int | None = None
        """The last line that is part of the run, where that is not the input's last."""
        self._opened: list[AppendFile] = []
        self._index: Index | None = None
        self.ready = False
        self.read = self.total = self.pending = self.failed_before = self.invalid_before = 0

    def prepare(self) -> Generator[None, None, None]:
        """Take the files, read the input, and find out what is done; a piece of work between any two yields.

        Raises:
            BatchFileError: A file cannot be used, two lines have the same name, or the output is of another input.
            MissingExtraError: The input's format needs an extra.
        """
        check_input(self._job.input)
        self._open()
        yield
        self._index = index = Index(self.output.path)
        yield from self._fill(index)
        twice = index.seal()
        if twice is not None:
            raise BatchFileError(self._same_name(*twice))
        yield
        yield from self._match_answers(index)
        yield from self._match_failures(index)
        job = self._job
        self.total = index.count if job.limit is None else min(index.count, job.limit)
        self.pending = index.pending(self._until)
        sync_directory(self.output.path.parent)
        self.ready = True

    def blocks(self) -> Generator[list[Line], None, None]:
        """What is to be asked, read once more; each request has its name.

        Raises:
            BatchFileError: The input is not what it was.
        """
        assert self._index is not None  # noqa: S101 - prepared
        entries = self._index.entries()
        with closing(read_blocks(self._job.input, self._job.reading)) as blocks:
            for block in blocks:
                todo: list[Line] = []
                for item in block:
                    if self._until is not None and item.line > self._until:
                        yield todo
                        return
                    self._match(item, next(entries, None), todo)
                yield todo
        if self._until is None and (entry := next(entries, None)) is not None:
            raise self._changed(entry.line)

    def close(self) -> None:
        """Close all files; one that was made for a run that never began, or for failures that never came, goes.

        Idempotent.
        """
        if self._index is not None:
            self._index.close()
        for file in reversed(self._opened):
            file.close(keep=file is self._opened[0] and (self.ready or not file.made))

    @property
    def output(self) -> AppendFile:
        """The file of answers."""
        return self._opened[0]

    @property
    def errors(self) -> AppendFile:
        """The file of failures."""
        return self._opened[1]

    def _open(self) -> None:
        job = self._job
        output = Path(os.path.realpath(job.output))  # else a rewritten file would take a link's place
        errors = Path(os.path.realpath(errors_path(job.output)))
        for path in (output, errors):
            if path.exists() and path.samefile(job.input):
                raise BatchFileError(f"{path} is the input too: name another output")
        self._opened.append(AppendFile(output))
        self.output.lock()
        self._opened.append(AppendFile(errors))
        if not job.resume:
            for file in self._opened:
                if file.size:
                    raise BatchFileError(
                        f"{file.path} is there already: go on with it (--resume, resume=True), or name another output"
                    )
        for file in self._opened:
            file.mend()

    def _fill(self, index: Index) -> Iterator[None]:
        job = self._job
        with closing(read_blocks(job.input, job.reading)) as blocks:
            for block in blocks:
                if job.limit is not None and self._until is None and self.read + len(block) >= job.limit:
                    self._until = block[job.limit - self.read - 1].line
                index.add(block)
                self.read += len(block)
                yield
                if self._until is not None and not job.resume:
                    return  # there is no output that could hold more

    def _same_name(self, first: int, second: int) -> str:
        for block in read_blocks(self._job.input, self._job.reading):
            for item in block:
                if item.line == first:
                    return f"lines {first} and {second} of {self._job.input} have the same custom_id {_shown(item.custom_id)}"
        return f"lines {first} and {second} of {self._job.input} have the same custom_id"

    def _match_answers(self, index: Index) -> Iterator[None]:
        for piece in _pieces(self.output.outcomes()):
            done: set[int] = set()
            for number, _, outcome in piece:
                entry = self._entry(index, self.output, number, outcome)
                if entry.digest.hex() != outcome.digest:
                    raise self._foreign(self.output, number, outcome, entry)
                if entry.state == ANSWERED or entry.line in done:
                    raise BatchFileError(
                        f"{self.output.path} answers {_shown(outcome.custom_id)} twice, in line {number} again: "
                        "take one of them out"
                    )
                done.add(entry.line)
            index.mark(done, ANSWERED)
            yield

    def _match_failures(self, index: Index) -> Iterator[None]:
        if not self.errors.size:
            return
        rewriting, dropped = Rewriting(self.errors.path), False
        try:
            for piece in _pieces(self.errors.outcomes()):
                kept: dict[int, bytes] = {}
                for number, raw, outcome in piece:
                    line = self._failure(index, number, outcome)
                    if line is None or line in kept:
                        dropped = True
                    else:
                        kept[line] = raw
                        self.invalid_before += outcome.invalid
                rewriting.write(b"".join(kept.values()))
                index.mark(kept, FAILED)
                self.failed_before += len(kept)
                yield
            if dropped:
                rewriting.commit()
                path = self.errors.path
                self._opened.pop().close()
                self._opened.append(AppendFile(path))
        finally:
            rewriting.abandon()

    def _failure(self, index: Index, number: int, outcome: Outcome) -> int | None:
        """The line of the input that an earlier failure goes on standing for; None if it is superseded."""
        entry = index.find(outcome.custom_id)
        if outcome.invalid:  # asked nobody: where the line was mended it is simply gone
            same = entry is not None and entry.digest.hex() == outcome.digest and entry.state == PENDING
            return entry.line if entry is not None and same else None
        entry = self._entry(index, self.errors, number, outcome)
        if entry.state != PENDING or self._job.retry_failed:
            return None
        if entry.digest.hex() != outcome.digest:
            raise self._foreign(
                self.errors, number, outcome, entry, "ask it again (--retry-failed, retry_failed=True), or "
            )
        return entry.line

    def _entry(self, index: Index, file: AppendFile, number: int, outcome: Outcome) -> Entry:
        entry = index.find(outcome.custom_id)
        if entry is None:
            raise BatchFileError(
                f"{file.path} is of another input: {self._job.input} has no {_shown(outcome.custom_id)}, which its "
                f"line {number} is for; name another output"
            )
        return entry

    def _foreign(
        self, file: AppendFile, number: int, outcome: Outcome, entry: Entry, instead: str = ""
    ) -> BatchFileError:
        return BatchFileError(
            f"{file.path} is of another input, or of another model or other parameters: its line {number} is for "
            f"{_shown(outcome.custom_id)}, but line {entry.line} of {self._job.input} asks something else under this "
            f"name now; {instead}name another output"
        )

    def _match(self, item: Line, entry: Entry | None, todo: list[Line]) -> None:
        """Add an item to what is to be asked, if it is to be and is still the one that was read before."""
        if entry is None or entry.line != item.line or entry.digest != bytes.fromhex(item.digest):
            raise self._changed(item.line)
        name = name_of(item, entry.nth)
        if entry.key != key_of(name):
            raise self._changed(item.line)
        if entry.state == PENDING:
            todo.append(attrs.evolve(item, custom_id=name) if isinstance(item, BatchRequest) else item)

    def _changed(self, line: int) -> BatchFileError:
        return BatchFileError(
            f"{self._job.input} was changed while the batch ran, at line {line} or before; resume it with the input as "
            "it was, or name another output"
        )


def _pieces(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while piece := list(islice(iterator, _PIECE)):
        yield piece


def _shown(custom_id: str | None) -> str:
    text = repr(custom_id)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
