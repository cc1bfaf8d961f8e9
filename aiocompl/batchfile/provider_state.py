"""What is known of batches that a provider works on, in a small JSON file beside the output: it survives any crash.

An intent is written before a batch is begun, its id right after. So whatever happens in between, the next run knows
that there may be a batch, and looks for it before it begins another.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs
import orjson

from aiocompl.errors import BatchFileError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_VERSION: Final = 1

DIGEST_LENGTH: Final = 16
"""How much of a request's hash goes along."""

PartStatus = Literal["beginning", "running", "collected"]
"""How far a batch is: it may or may not exist; it exists; all its results are in the output."""


@attrs.define(eq=False, kw_only=True)
class Part:
    """One batch, and which lines of the input are in it: those from `first` to `last` that were to be asked then."""

    mark: str
    """Tells it from all others; its requests are named after it."""
    first: int
    last: int
    count: int
    """The requests in it."""
    status: PartStatus = "beginning"
    file: str = ""
    """The file that its requests were uploaded as."""
    after: str | None = None
    """The newest batch before it, where marks are not kept."""
    batch: str = ""
    """Its id, once it is known."""
    certain: bool = True
    """False where a batch was found that may be this one; its results will tell."""
    rejected: list[str] = attrs.field(factory=list)
    """Batches that were found and turned out to be others."""
    word: str = ""
    """The provider's own word for how it stands."""
    succeeded: int = 0
    failed: int = 0

    def line_of(self, name: str) -> tuple[int, str] | None:
        """The line that a request of the batch stands in, and how its hash begins; None if it is not of this batch."""
        mark, _, rest = name.partition("-")
        line, _, digest = rest.partition("-")
        if mark != self.mark or not line.isascii() or not line.isdecimal():
            return None
        return int(line), digest


@attrs.define(eq=False, kw_only=True)
class BatchState:
    """All batches of one output file."""

    path: Path
    provider: str
    base_url: str
    model: str
    """Its name at the provider."""
    named: str
    """Its name as the caller gave it."""
    parts: list[Part] = attrs.field(factory=list)

    @classmethod
    def load(cls, path: Path) -> BatchState | None:
        """Read the file; None where there is none.

        Raises:
            BatchFileError: It is not what is written here.
            OSError: It cannot be read.
        """
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return _read(path, orjson.loads(raw))
        except (KeyError, TypeError, ValueError) as error:
            raise BatchFileError(
                f"{path} does not tell of batches as this version writes it ({type(error).__name__}: {error})"
            ) from error

    def check(self, *, provider: str, base_url: str, model: str) -> None:
        """Hold it to what is asked now.

        Raises:
            BatchFileError: Its batches are somewhere else.
        """
        if (self.provider, self.base_url, self.model) != (provider, base_url, model):
            raise BatchFileError(
                f"{self.path} tells of batches of {self.provider}/{self.model} at {self.base_url}, not of "
                f"{provider}/{model} at {base_url}: resume with the same model and address, or take another output"
            )

    def save(self) -> None:
        """Write the file, wholly or not at all, and on the disk when this returns.

        Raises:
            OSError: It cannot be written.
        """
        data = {
            "version": _VERSION,
            "provider": self.provider,
            "base_url": self.base_url,
            "model": self.model,
            "named": self.named,
            "parts": [attrs.asdict(part) for part in self.parts],
        }
        fresh = self.path.with_name(f"{self.path.name}.new")
        with fresh.open("wb") as file:
            file.write(orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        if os.name == "posix":
            directory = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)

    @property
    def live(self) -> list[Part]:
        """The batches whose results are still to come."""
        return [part for part in self.parts if part.status != "collected"]

    def claims(self, line: int) -> bool:
        """Whether a line is, or may be, in a batch whose results are still to come."""
        return any(part.first <= line <= part.last for part in self.live)


def request_id(mark: str, line: int, digest: str) -> str:
    """What a request is called in the batch with this mark; fits the narrowest rules for such names.

    It holds the beginning of the request's hash, so that an answer is never taken for that of another.
    """
    return f"{mark}-{line}-{digest[:DIGEST_LENGTH]}"


def state_path(output: Path) -> Path:
    """Where it is told what the provider works on for this output."""
    return output.with_name(f"{output.name}.batch.json")


def refuse_live(output: Path) -> None:
    """Refuse an output that a provider works on, to whoever would ask the same requests otherwise.

    Raises:
        BatchFileError: One does.
    """
    state = BatchState.load(state_path(output))
    if state is not None and state.live:
        raise BatchFileError(
            f"{state.provider} works on {output} ({len(state.live)} batches): go on with that (--via provider "
            f"--resume), or cancel it first (aiocompl batch --cancel -o {output}) and collect what it has"
        )


def _read(path: Path, data: Mapping[str, Any]) -> BatchState:
    if data["version"] != _VERSION:
        raise ValueError(f"version {data['version']}")
    return BatchState(
        path=path,
        provider=data["provider"],
        base_url=data["base_url"],
        model=data["model"],
        named=data["named"],
        parts=[Part(**part) for part in data["parts"]],
    )
