"""What the tests of model groups share: endpoints by name, each with a script of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from runtime_kit import BODY, MESSAGES, ScriptedSupervisor

from aiocompl.testing import Delivery, ScriptedTransport

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiocompl.types.endpoint import Endpoint

Steps = Delivery | list[Delivery]


def answer(text: str = "yes", delay: float = 0.0, **more: Any) -> Delivery:
    """A whole answer."""
    message = {"role": "assistant", "content": text}
    body = BODY | {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]} | more
    return Delivery.json(body, delay=delay)


def refused(status: int, delay: float = 0.0, headers: dict[str, str] | None = None, **error: Any) -> Delivery:
    """An error status."""
    body = {"error": {"message": f"status {status}", **error}}
    delivery = Delivery.json(body, status=status, delay=delay)
    return attrs.evolve(delivery, headers={**delivery.headers, **(headers or {})})


TOO_LONG = refused(400, code="context_length_exceeded")
FILTERED = refused(400, code="content_filter")
SILENT = Delivery(opened=False, ending="silence")


class Grouped(ScriptedSupervisor):
    """A supervisor with model groups; each host has a script, the last step of which it repeats."""

    def __init__(self, hosts: dict[str, Steps], **settings: Any) -> None:
        self.hosts = hosts
        self.asked: list[str] = []
        self.transports: list[ScriptedTransport] = []
        super().__init__(self._scripted, **settings)

    def _scripted(self, endpoint: Endpoint) -> ScriptedTransport:
        host = endpoint.base_url.removeprefix("http://").removesuffix("/v1")
        steps = self.hosts[host]
        left = list(steps) if isinstance(steps, list) else [steps]

        def step(_: object) -> Delivery:
            self.asked.append(host)
            return left.pop(0) if len(left) > 1 else left[0]

        transport = ScriptedTransport(step)
        self.transports.append(transport)
        return transport

    async def ask(self, model: str = "chat", **options: Any) -> Any:
        """Ask a group."""
        return await self.acompletion(model, MESSAGES, **options)

    @property
    def bodies(self) -> list[bytes]:
        """What was sent, by the order of the endpoints' first calls."""
        return [record.request.body for transport in self.transports for record in transport.records]


def deployment(host: str, group: str = "chat", **params: Any) -> dict[str, Any]:
    """An entry of a model_list."""
    given = {"model": "custom/m", "api_base": f"http://{host}/v1", "api_key": f"sk-{host}", **params}
    return {"model_name": group, "litellm_params": given}


def deployments(*hosts: str) -> Iterable[dict[str, Any]]:
    """Some of one group."""
    return [deployment(host) for host in hosts]
