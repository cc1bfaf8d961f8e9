"""Puts a planned delivery on a connection, slice by slice, at its times."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Final

from aiohttp import web

if TYPE_CHECKING:
    from aiocompl.testing.delivery import Delivery
    from aiocompl.testing.record import RequestRecord

_LINGER_NONE: Final = struct.pack("ii", 1, 0)  # close() sends RST


async def play(delivery: Delivery, request: web.BaseRequest, record: RequestRecord) -> web.StreamResponse:
    """Deliver an answer and note in `record` what was sent.

    It ends by being cancelled wherever the connection ends first: aiohttp cancels the handler of a lost connection.

    Raises:
        ConnectionError: The client closed the connection while a slice was being written.
    """
    due = record.started + delivery.delay
    await _until(due)
    if not delivery.opened:
        await _end(delivery, request, record)
    if delivery.length is not None and delivery.ending == "whole" and len(delivery.slices) == 1:
        return await _play_whole(delivery, request, record)
    response = web.StreamResponse(status=delivery.status, headers=delivery.headers)
    if delivery.length is not None:
        response.content_length = delivery.length
    await response.prepare(request)
    record.status = delivery.status
    for data, delay, events in delivery.slices:
        if delay:
            due += delay
            await _until(due)
        await response.write(data)
        record.bytes_sent += len(data)
        record.events_sent += events
    if delivery.ending in ("whole", "close"):
        await response.write_eof()
    if delivery.ending != "whole":
        await _end(delivery, request, record)
    record.finish("answered", _now())
    return response


async def _play_whole(
    delivery: Delivery, request: web.BaseRequest, record: RequestRecord
) -> web.StreamResponse:
    """Headers and body in one write."""
    body = delivery.slices[0].data
    response = web.Response(status=delivery.status, headers=delivery.headers, body=body)
    await response.prepare(request)
    await response.write_eof()
    record.status = delivery.status
    record.bytes_sent = len(body)
    record.finish("answered", _now())
    return response


async def _end(delivery: Delivery, request: web.BaseRequest, record: RequestRecord) -> None:
    """Bring about any ending but the whole one; does not return."""
    transport = request.transport
    if delivery.ending != "silence" and transport is not None:
        record.finish("answered" if delivery.ending == "close" else "broken", _now())
        if delivery.ending == "reset":
            reset(transport)
        else:
            transport.close()
    await asyncio.Event().wait()


def reset(transport: asyncio.Transport) -> None:
    """Close the connection with RST; what was not sent yet is lost."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
    transport.abort()


async def _until(due: float) -> None:
    """Wait for an instant of the loop's clock, so that small delays do not add up to a large error."""
    wait = due - _now()
    if wait > 0:
        await asyncio.sleep(wait)


def _now() -> float:
    return asyncio.get_running_loop().time()
