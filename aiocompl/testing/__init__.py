"""The test kit: a provider simulator, a scripted transport, and what they are scripted with.

In a pytest suite the fixtures `simulator` and `simulator_factory` are there as soon as aiocompl is installed::

    async def test_retry(simulator):
        simulator.script = [faults.rate_limited(retry_after=0), Answer(text="hello")]
        response = await acompletion(model="gpt-4o", api_base=simulator.base_url, api_key="any", messages=MESSAGES)
        assert response.choices[0].message.content == "hello"
        assert len(simulator.requests) == 2

Elsewhere `async with Simulator(...) as simulator` runs one on the loop, and ``aiocompl simulate`` one as a process.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiocompl.testing import faults
    from aiocompl.testing.answer import Answer, ToolCall, Usage
    from aiocompl.testing.asked import Asked, Problem, Received, Tool
    from aiocompl.testing.delivery import Delivery, Slice
    from aiocompl.testing.faults import Fault
    from aiocompl.testing.latency import Constant, Exponential, Latency, LogNormal, Uniform
    from aiocompl.testing.record import RequestRecord
    from aiocompl.testing.script import Mix, Reply
    from aiocompl.testing.serve import serve
    from aiocompl.testing.settling import settle
    from aiocompl.testing.simulator import Simulator
    from aiocompl.testing.transport import ScriptedTransport, TransportRecord

_HOMES = {
    "Answer": "answer",
    "Asked": "asked",
    "Constant": "latency",
    "Delivery": "delivery",
    "Exponential": "latency",
    "Fault": "faults",
    "Latency": "latency",
    "LogNormal": "latency",
    "Mix": "script",
    "Problem": "asked",
    "Received": "asked",
    "Reply": "script",
    "RequestRecord": "record",
    "ScriptedTransport": "transport",
    "Simulator": "simulator",
    "Slice": "delivery",
    "Tool": "asked",
    "ToolCall": "answer",
    "TransportRecord": "transport",
    "Uniform": "latency",
    "Usage": "answer",
    "faults": "faults",
    "serve": "serve",
    "settle": "settling",
}
"""Where each name lives. They load at first use, since pytest loads the plugin below here in every run."""


if not TYPE_CHECKING:  # a type checker that saw it would take any misspelt name for good

    def __getattr__(name: str) -> object:
        if (home := _HOMES.get(name)) is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = import_module(f"{__name__}.{home}")
        value = module if name == "faults" else getattr(module, name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(_HOMES)


__all__ = [
    "Answer",
    "Asked",
    "Constant",
    "Delivery",
    "Exponential",
    "Fault",
    "Latency",
    "LogNormal",
    "Mix",
    "Problem",
    "Received",
    "Reply",
    "RequestRecord",
    "ScriptedTransport",
    "Simulator",
    "Slice",
    "Tool",
    "ToolCall",
    "TransportRecord",
    "Uniform",
    "Usage",
    "faults",
    "serve",
    "settle",
]
