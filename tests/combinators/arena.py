"""What the tests of races, fan-outs and batches share: models that answer as scripted, each at an address of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from aiocompl import Supervisor
from aiocompl._compat import override
from aiocompl.testing import Delivery, ScriptedTransport, Slice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.types.endpoint import Endpoint
    from aiocompl.wire.transport import Transport

MESSAGES: Any = [{"role": "user", "content": "Hello, who are you?"}]


def says(text: str | None, delay: float = 0.0, *, finish: str = "stop") -> Delivery:
    """A whole answer after some seconds."""
    message = {"role": "assistant", "content": text}
    body = {
        "id": "c1",
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    }
    return Delivery.json(body, delay=delay)


def refuses(status: int, delay: float = 0.0) -> Delivery:
    """An error after some seconds."""
    return Delivery.json({"error": {"message": f"status {status}"}}, status=status, delay=delay)


def event(text: str | None = None, **more: Any) -> bytes:
    delta = {} if text is None else {"content": text}
    body = {"id": "s1", "model": "m", "choices": [{"index": 0, "delta": delta, **more}]}
    return b"data: " + orjson.dumps(body) + b"\n\n"


def streams(
    *words: str, delay: float = 0.0, first: float = 0.0, between: float = 0.0, **more: Any
) -> Delivery:
    """A stream of words: headers after `delay`, the role at once, the first word after `first` more."""
    slices = [Slice(event(role="assistant"), 0.0, 1)]
    slices += [Slice(event(word), between if number else first, 1) for number, word in enumerate(words)]
    if not more:
        slices.append(Slice(event(finish_reason="stop") + b"data: [DONE]\n\n", 0.0, 2))
    return Delivery.stream(slices, delay=delay, **more)


class Arena(Supervisor):
    """A supervisor whose models m0, m1, ... answer as scripted, each at an address of its own."""

    def __init__(self, *steps: Any, **settings: Any) -> None:
        settings.setdefault("num_retries", 0)
        super().__init__(**settings)
        self.transports = [ScriptedTransport(step) for step in steps]
        self.models: list[Any] = [
            {"model": f"m{number}", "api_base": f"http://m{number}.invalid/v1"}
            for number in range(len(steps))
        ]

    @override
    def _make_transport(self, endpoint: Endpoint, headers: Mapping[str, str]) -> Transport:
        return self.transports[int(endpoint.base_url.removeprefix("http://m").partition(".")[0])]

    @property
    def asked(self) -> list[int]:
        """How often each model was asked."""
        return [len(transport.records) for transport in self.transports]

    def outcomes(self, number: int) -> list[str]:
        """How the exchanges with a model ended."""
        return [record.outcome for record in self.transports[number].records]

    def assert_nothing_open(self) -> None:
        """No slot is taken, nobody waits, no exchange is open."""
        snapshot = self.snapshot()
        assert (snapshot.in_flight, snapshot.queued) == (0, 0)
        assert [transport.in_flight for transport in self.transports] == [0] * len(self.transports)
