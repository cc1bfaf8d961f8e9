"""The fixture itself: whoever rests on it should not have to doubt it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from redis_server import RedisServer


def ping(server: RedisServer) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(64)


def test_it_comes_and_goes_and_comes_back(redis_server: RedisServer) -> None:
    assert ping(redis_server) == b"+PONG\r\n"
    redis_server.freeze()
    redis_server.thaw()
    redis_server.stop()
    redis_server.stop()
    with pytest.raises(ConnectionRefusedError):
        ping(redis_server)
    redis_server.start()
    assert ping(redis_server) == b"+PONG\r\n"


def test_a_port_that_is_taken(redis_server: RedisServer) -> None:
    other = type(redis_server)(redis_server._folder, redis_server.port)
    with pytest.raises(OSError, match="did not start"):
        other.start()
