from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from redis_server import BINARY, RedisServer, redis_server, started  # noqa: F401 - a fixture among them

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def one_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that the tests of a file use one after another, none of which harms it."""
    if BINARY is None:
        pytest.skip("needs redis-server (Debian's package of that name)")
    server = started(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()
