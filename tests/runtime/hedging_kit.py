"""What the tests of second attempts share: two deployments, and streams that are slow."""

from __future__ import annotations

from typing import Any

from groups_kit import Grouped, answer, deployment

from aiocompl.policy.hedge import HedgeBudget
from aiocompl.testing import Delivery, Slice

PLENTY = HedgeBudget(ratio=1.0, burst=100.0)
ROLE = b'data: {"id":"s","model":"m","choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n'
END = (
    b'data: {"id":"s","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b"data: [DONE]\n\n"
)


def spoken(text: str, *, after: float, then: bytes = END, ending: Any = "whole") -> Delivery:
    """A stream whose headers come at once and whose token comes later."""
    token = (
        b'data: {"id":"s","model":"m","choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % text.encode()
    )
    return Delivery.stream([Slice(ROLE, 0.0, 1), Slice(token, after, 1), Slice(then, 0.0, 2)], ending=ending)


def silent_stream() -> Delivery:
    return Delivery.stream([Slice(ROLE, 0.0, 1)], ending="silence")


def broken_stream(*, after: float) -> Delivery:
    return Delivery.stream([Slice(ROLE, 0.0, 1), Slice(b": still here\n\n", after, 0)], ending="drop")


class Hedging(Grouped):
    """Two deployments, of which `a` is asked first."""

    def __init__(self, a: Any, b: Any, **settings: Any) -> None:
        entries = [deployment("a", order=1), deployment("b", order=2)]
        given = {"model_list": entries, "hedge_budget": PLENTY, "num_retries": 0, **settings}
        super().__init__({"a": a, "b": b, "c": answer("c")}, **given)

    def assert_nothing_left(self) -> None:
        """Nobody is being asked, nobody counted."""
        snapshot = self.snapshot()
        assert (snapshot.in_flight, snapshot.queued) == (0, 0)
        assert [each.in_flight or 0 for each in snapshot.deployments] == [0] * len(snapshot.deployments)


def told(call: Any) -> list[tuple[str, str, str]]:
    """Of each attempt: who was asked, why, and what came of it."""
    return [
        (each.endpoint[7], each.kind, "answer" if each.error is None else type(each.error).__name__)
        for each in call.attempts
    ]
