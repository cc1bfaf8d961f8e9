from __future__ import annotations

import os
import select
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aiocompl.errors import LocalModelError
from aiocompl.local.weights import locate, pull

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def weights() -> Path:
    """The default weights, fetched once into the user's cache."""
    pytest.importorskip("xllamacpp", reason="needs the extra `local`")
    try:
        return locate()
    except LocalModelError:
        try:
            return pull()
        except LocalModelError as error:
            pytest.skip(str(error))


@pytest.fixture
def watch() -> Callable[[int], Any]:
    """Make ``with watch(pid) as gone``; ``gone(seconds)`` says whether the process ends within them."""
    if sys.platform != "linux":
        pytest.skip("watches processes by pidfd")
    return _watch


@contextmanager
def _watch(pid: int) -> Iterator[Callable[[float], bool]]:
    descriptor = os.pidfd_open(pid)
    try:
        yield lambda seconds: bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


@pytest.fixture
def servers() -> Callable[[], set[int]]:
    """Return the identifiers of this process's children that are local servers, zombies included."""
    if sys.platform != "linux":
        pytest.skip("reads /proc")
    return _servers


def _servers() -> set[int]:
    children = {
        int(pid)
        for listing in Path("/proc/self/task").glob("*/children")
        for pid in listing.read_text().split()
    }
    return {pid for pid in children if _is_server(pid)}


def _is_server(pid: int) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return False
    return not command or b"aiocompl.local" in command  # a zombie has no command line left
