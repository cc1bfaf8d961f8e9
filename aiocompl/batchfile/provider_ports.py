"""What the work with a provider's batches reads from, writes to and tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.errors import AiocomplError
    from aiocompl.types.completion import ChatCompletion


class Item(Protocol):
    """A request of the input."""

    @property
    def line(self) -> int:
        """Where it stands, counted from 1; grows from item to item."""
        ...

    @property
    def body(self) -> Mapping[str, Any]:
        """OpenAI's body."""
        ...


ItemT = TypeVar("ItemT", bound=Item)
ItemT_contra = TypeVar("ItemT_contra", bound=Item, contravariant=True)


class Sink(Protocol[ItemT_contra]):
    """Where the results go."""

    def wants(self, item: ItemT_contra) -> bool:
        """Whether the item is to be asked, and has not come to its end yet."""
        ...

    def answered(self, item: ItemT_contra, answer: ChatCompletion) -> None:
        """Write an answer."""
        ...

    def failed(self, item: ItemT_contra, error: AiocomplError) -> None:
        """Write an error."""
        ...

    def flush(self) -> None:
        """Have all that was written on the disk when this returns."""
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
