"""Providers that are registered while a supervisor runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from runtime_kit import MESSAGES, ScriptedSupervisor, plain

from aiocompl import NotFoundError, register_provider, unregister_provider
from aiocompl.codecs import registry
from aiocompl.testing import ScriptedTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

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
