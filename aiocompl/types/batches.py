"""What providers say of batches, in no provider's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.types.call import CallInfo


@attrs.define(eq=False, kw_only=True)
class BatchFile:
    """A file that was uploaded."""

    id: str
    call: CallInfo | None = None


@attrs.frozen(kw_only=True)
class BatchProblem:
    """Why a provider refuses a whole batch."""

    message: str
    code: str | None = None
    line: int | None = None
    """The line of the file that it is about, counted from 1; None for all of it."""


@attrs.define(eq=False, kw_only=True)
class BatchJob:
    """A batch as its provider sees it."""

    id: str
    status: str
    """In the provider's own word."""
    over: bool
    """Whether nothing more will happen: there are results, or problems."""
    total: int
    """Its requests; 0 where the provider does not say (yet)."""
    succeeded: int
    failed: int
    """Errored, expired and cancelled ones together."""
    mark: str | None = None
    """What it was created with, where the provider keeps such things."""
    file: str | None = None
    """The file that its requests were uploaded as."""
    results: tuple[str, ...] = ()
    """What is to be downloaded for its results, one after the other; see `BatchDownload`."""
    problems: tuple[BatchProblem, ...] = ()
    call: CallInfo | None = None


@attrs.define(eq=False, kw_only=True)
class BatchPage:
    """A page of the list of batches, the newest first."""

    data: Sequence[BatchJob]
    next_page: str | None
    call: CallInfo | None = None


@attrs.frozen(kw_only=True)
class BatchLine:
    """The result of one request as it was downloaded, not yet decoded."""

    choices: ClassVar[tuple[()]] = ()
    """It comes out of a stream, and holds no token."""

    usage: ClassVar[None] = None
    """Nor a count of them."""

    custom_id: str
    data: Mapping[str, Any] = attrs.field(repr=False)
