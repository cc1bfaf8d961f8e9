from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from runtime_kit import ScriptedSupervisor

from aiocompl import APIResponseValidationError, BadRequestError, InternalServerError
from aiocompl.testing import Delivery, ScriptedTransport

if TYPE_CHECKING:
    from aiocompl.wire.messages import HTTPRequest

BASE: Any = {"api_base": "http://test.invalid/v1beta", "api_key": "k"}


def page_of(request: HTTPRequest) -> int:
    return int(parse_qs(urlsplit(request.url).query).get("pageToken", ["0"])[0])


async def test_a_list_without_an_end_ends_in_an_error() -> None:
    transport = ScriptedTransport(
        lambda request: Delivery.json({"models": [], "nextPageToken": str(page_of(request) + 1)})
    )
    async with ScriptedSupervisor(lambda _: transport) as supervisor:
        with pytest.raises(APIResponseValidationError, match="has no end"):
            await supervisor.amodels("gemini", **BASE)
    assert len(transport.records) < 1010


async def test_a_page_that_fails_fails_the_list() -> None:
    def script(request: HTTPRequest) -> Delivery:
        page = page_of(request)
        if page == 2:
            return Delivery.json({"error": {"message": "broken"}}, status=500)
        return Delivery.json({"models": [{"name": f"models/m{page}"}], "nextPageToken": str(page + 1)})

    transport = ScriptedTransport(script)
    async with ScriptedSupervisor(lambda _: transport, num_retries=0) as supervisor:
        with pytest.raises(InternalServerError):
            await supervisor.amodels("gemini", **BASE)
        assert supervisor.snapshot().in_flight == 0
    assert [page_of(record.request) for record in transport.records] == [0, 1, 2]


async def test_query_and_documents_are_checked_before_any_io() -> None:
    transport = ScriptedTransport(lambda _: Delivery.json({}))
    async with ScriptedSupervisor(lambda _: transport) as supervisor:
        for query, documents, param in (
            (7, ["a"], "query"),
            ("q", "a", "documents"),
            ("q", [7], r"documents\[0\]"),
        ):
            with pytest.raises(BadRequestError, match=param):
                await supervisor.arerank("custom/m", query, documents, **BASE)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert transport.records == []


@pytest.mark.looptime
async def test_draining_waits_for_all_pages(looptime: Any) -> None:
    def script(request: HTTPRequest) -> Delivery:
        page = page_of(request)
        more = {} if page == 2 else {"nextPageToken": str(page + 1)}
        return Delivery.json({"models": [{"name": f"models/m{page}"}], **more}, delay=1)

    transport = ScriptedTransport(script)
    async with ScriptedSupervisor(lambda _: transport) as supervisor:
        listing = asyncio.create_task(supervisor.amodels("gemini", **BASE))
        await asyncio.sleep(0.5)
        await supervisor.drain()
        models = await listing
    assert [model.id for model in models.data] == ["m0", "m1", "m2"]
    assert models.call is not None
    assert (looptime, models.call.total) == (3, 3)
    assert [part.total for part in models.call.parts] == [1, 2, 3]
