"""What came of a stream that was read from one source after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiocompl.types.completion import Usage
from aiocompl.types.merge import sum_usage

if TYPE_CHECKING:
    from aiocompl.runtime.stream import Receipt
    from aiocompl.types.chunk import ChatCompletionChunk


class Parts:
    """What came of one stream after the other. It knows nothing of the stream that is read."""

    def __init__(self, receipt: Receipt) -> None:
        self._receipt = receipt
        self._spent: list[tuple[Usage, bool]] = []  # by those that broke
        self._kept: list[ChatCompletionChunk] | None = (
            None  # what the reader has got, where it is not all of one
        )
        self._forgotten = False
        self.broken = False
        """An error was the end of it all."""

    @property
    def finished(self) -> bool:
        """Whether the whole answer has come."""
        return self._receipt.finished and not self.broken

    def go_on(self, receipt: Receipt, kept: list[ChatCompletionChunk] | None) -> None:
        """Another stream goes on; `kept` is what the reader has got up to here."""
        self._spent.append(self._receipt.spent())
        self._receipt = receipt
        self._kept = kept
        if self._forgotten:
            receipt.forget()

    def keep(self, chunks: list[ChatCompletionChunk]) -> None:
        """The reader gets more, besides what was kept."""
        if self._kept is not None:
            self._kept += chunks

    def restart(self) -> None:
        """What the reader has got before does not count any more."""
        self._kept = None

    def chunks(self) -> list[ChatCompletionChunk]:
        """What the reader has got, and the usage; see `Receipt`."""
        if self._kept is None:
            return self._receipt.chunks()
        counted = self._receipt.chunks() if self.finished else []
        return [*self._kept, *(chunk for chunk in counted if not chunk.choices and chunk.usage is not None)]

    def forget(self) -> None:
        """Keep nothing from now on but the count of it."""
        self._forgotten = True
        self._kept = None
        self._receipt.forget()

    def spent(self) -> tuple[Usage, bool]:
        """The tokens that all streams used, those that broke included; see `Receipt`."""
        spent = [*self._spent, self._receipt.spent()]
        return sum_usage([usage for usage, _ in spent]) or Usage(), any(estimated for _, estimated in spent)
