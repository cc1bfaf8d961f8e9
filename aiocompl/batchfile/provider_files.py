"""The desk of a provider's batches: requests out of a plan, results into its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiocompl.batchfile.requests import BadLine, BatchRequest
from aiocompl.batchfile.results import answer_line, bad_line_line, error_line
from aiocompl.batchfile.threads import in_thread
from aiocompl.errors import AiocomplError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from aiocompl.batchfile.outputs import AppendFile
    from aiocompl.batchfile.plan import Plan
    from aiocompl.batchfile.sources import Line
    from aiocompl.batchfile.tally import Tally
    from aiocompl.types.completion import ChatCompletion

_TOGETHER: Final = 1024 * 1024
"""How many bytes wait before they are written. What a killed process has not written is downloaded again."""


class FilesDesk:
    """See `Desk`.

    Args:
        plan: What there is to ask; prepared.
        tally: Counts what comes.
    """

    def __init__(self, plan: Plan, tally: Tally) -> None:
        self.invalid = 0
        """Lines that hold no request."""
        self._plan = plan
        self._tally = tally
        self._done = bytearray()  # by line: whether it has come to its end in this run
        self._waiting: dict[AppendFile, list[bytes]] = {plan.output: [], plan.errors: []}
        self._held = 0

    async def pending(self, first: int) -> AsyncGenerator[list[BatchRequest], None]:
        """What is to be asked; see `Desk`. Lines that hold no request are written as failures on the way."""
        blocks = self._plan.blocks()
        try:
            while (block := await in_thread(_next, blocks)) is not None:
                requests: list[BatchRequest] = []
                for item in block:
                    if self._is_done(item.line):
                        continue
                    if isinstance(item, BadLine):
                        await self._put_bad(item)
                    elif item.line >= first:
                        requests.append(item)
                yield requests
        finally:
            await in_thread(blocks.close)

    async def put(self, item: BatchRequest, result: ChatCompletion | AiocomplError) -> None:
        """Write a result; see `Desk`."""
        custom_id, digest = item.custom_id or "", item.digest
        if not isinstance(result, AiocomplError):
            try:
                line = answer_line(custom_id, digest, result)
            except TypeError as error:
                result = AiocomplError(f"the answer cannot be written as JSON: {error}")
            else:
                self._tally.count(result)
                await self._write(self._plan.output, item.line, line)
                return
        self._tally.failed += 1
        await self._write(self._plan.errors, item.line, error_line(custom_id, digest, result, line=item.line))

    async def flush(self) -> None:
        """Write all, and have it on the disk; see `Desk`."""
        await self._write_waiting()
        for file in self._waiting:
            await in_thread(file.sync)

    async def _put_bad(self, item: BadLine) -> None:
        self.invalid += 1
        self._tally.failed += 1
        await self._write(self._plan.errors, item.line, bad_line_line(item))

    async def _write(self, file: AppendFile, number: int, line: bytes) -> None:
        self._done.extend(bytes(max(0, number + 1 - len(self._done))))
        self._done[number] = 1
        self._waiting[file].append(line)
        self._held += len(line)
        if self._held >= _TOGETHER:
            await self._write_waiting()

    async def _write_waiting(self) -> None:
        self._held = 0
        for file, lines in self._waiting.items():
            if lines:
                data = b"".join(lines)
                lines.clear()
                await in_thread(file.append, data)

    def _is_done(self, number: int) -> bool:
        return number < len(self._done) and bool(self._done[number])


def _next(blocks: Iterator[list[Line]]) -> list[Line] | None:
    return next(blocks, None)
