"""Providers that are registered while a supervisor runs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import attrs
import pytest
from runtime_kit import BODY, MESSAGES, ScriptedSupervisor, plain

from aiocompl import NotFoundError, register_provider, unregister_provider
from aiocompl.codecs import registry
from aiocompl.codecs.dialects import DIALECTS
from aiocompl.codecs.openai import OpenAICodec
from aiocompl.codecs.routing import Kind, Target, resolve_operation
from aiocompl.testing import Delivery, ScriptedTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiocompl.wire.messages import HTTPRequest

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]


@pytest.fixture(autouse=True)
def _nothing_registered() -> Iterator[None]:
    yield
    registry._registered.clear()


def scripted() -> ScriptedSupervisor:
    return ScriptedSupervisor(lambda _: ScriptedTransport(plain()))


async def endpoint(supervisor: ScriptedSupervisor, model: str) -> str:
    call = (await supervisor.acompletion(model, MESSAGES)).call
    assert call is not None
    return call.endpoint


async def test_a_running_supervisor_knows_it_from_then_on() -> None:
    async with scripted() as supervisor:
        with pytest.raises(NotFoundError):
            await endpoint(supervisor, "acme/m")
        register_provider("acme", base_url="http://one.example")
        assert await endpoint(supervisor, "acme/m") == "http://one.example"


async def test_what_replaces_it_is_asked_for_new_names() -> None:
    register_provider("acme", base_url="http://one.example")
    async with scripted() as supervisor:
        assert await endpoint(supervisor, "acme/m") == "http://one.example"
        register_provider("acme", base_url="http://two.example", replace=True)
        assert await endpoint(supervisor, "acme/m") == "http://one.example"
        assert await endpoint(supervisor, "acme/n") == "http://two.example"
        unregister_provider("acme")
        assert await endpoint(supervisor, "acme/n") == "http://two.example"
        with pytest.raises(NotFoundError):
            await endpoint(supervisor, "acme/o")
    async with scripted() as supervisor:
        register_provider("acme", base_url="http://three.example")
        assert await endpoint(supervisor, "acme/m") == "http://three.example"


class Signed(OpenAICodec):
    """A codec of one's own that signs."""

    signs = True

    def sign(self, request: HTTPRequest, now: float) -> HTTPRequest:
        return attrs.evolve(request, headers={**request.headers, "X-Signature": "signed"})


VECTOR = {"data": [{"index": 0, "embedding": [1.0]}], "model": "m"}


@pytest.mark.parametrize("order", [("chat", "embeddings"), ("embeddings", "chat")], ids="-".join)
async def test_its_own_codec_signs_all_requests_whichever_comes_first(order: tuple[str, str]) -> None:
    register_provider("acme", base_url="http://acme.example", codec=Signed)
    transport = ScriptedTransport(
        lambda request: Delivery.json(VECTOR if request.url.endswith("embeddings") else BODY)
    )
    async with ScriptedSupervisor(lambda _: transport) as supervisor:
        for kind in order:
            if kind == "chat":
                await supervisor.acompletion("acme/m", MESSAGES)
            else:
                await supervisor.aembedding("acme/m", "text")
    assert [record.request.headers.get("X-Signature") for record in transport.records] == ["signed"] * 2


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_dialect_under_another_name_has_its_operations_or_says_no(dialect: str) -> None:
    register_provider("acme", base_url="http://acme.example", codec=dialect)
    kinds: tuple[Kind, ...] = ("embeddings", "rerank", "moderations", "models")
    for kind in kinds:
        with suppress(NotFoundError):  # it has none
            route = resolve_operation(kind, Target("acme" if kind == "models" else "acme/m"), {})
            assert route.endpoint.base_url == "http://acme.example"
