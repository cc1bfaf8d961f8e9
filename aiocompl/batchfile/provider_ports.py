"""What the work with a provider's batches reads from, writes to and tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import attrs

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from aiocompl.errors import AiocomplError
    from aiocompl.types.completion import ChatCompletion


class Item(Protocol):
    """A request of the input; see `BatchRequest`."""

    @property
    def line(self) -> int:
        """Where it stands, counted from 1; grows from item to item."""
        ...

    @property
    def body(self) -> Mapping[str, Any]:
        """OpenAI's body."""
        ...

    @property
    def digest(self) -> str:
        """The hash of the body, in hexadecimal digits."""
        ...


ItemT = TypeVar("ItemT", bound=Item)


class Desk(Protocol[ItemT]):
    """Where requests come from and results go."""

    def pending(self, first: int) -> AsyncGenerator[Sequence[ItemT], None]:
        """What is to be asked and has no result yet, from a line on, in the order of the lines, block by block.

        Asked for several times. Closing it gives back what it holds.
        """
        ...

    async def put(self, item: ItemT, result: ChatCompletion | AiocomplError) -> None:
        """Write the result of a request: it is not pending any more. Cancelled: it is written or not, never torn."""
        ...

    async def flush(self) -> None:
        """Have all that was put on the disk when this returns."""
        ...


@attrs.frozen(kw_only=True)
class Pace:
    """How often the provider is asked how a batch stands; in seconds. Its ``Retry-After`` goes before it."""

    first: float = 5.0
    growth: float = 1.5
    longest: float = 60.0


@attrs.frozen(kw_only=True)
class ProviderNews:
    """How things stand at the provider."""

    event: str
    """What has happened: ``"begun"``, ``"found"``, ``"looked"``, ``"collected"``, ``"not_ours"``, ``"refused"``,
    ``"trouble"``, ``"cancelling"``."""
    batch: str
    """The batch it is about."""
    word: str
    """The provider's own word for how that stands, or what the trouble is."""
    batches: int
    """All batches of this output, those collected included."""
    collected: int
    requests: int
    """In all batches."""
    succeeded: int
    """As the provider counts them."""
    failed: int
