from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", autouse=True)
def _nothing_unclosed() -> Iterator[None]:
    """A socket, a session or a task that is lost makes a warning when it is collected, and warnings are errors."""
    yield
    gc.collect()
