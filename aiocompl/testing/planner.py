"""From a request to what is delivered: reads, asks the script, lets things go wrong. Touches neither clock nor socket."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, NamedTuple

import attrs

from aiocompl.testing.asked import Asked, Problem, ProblemError
from aiocompl.testing.delivery import Delivery, Slice
from aiocompl.testing.dialects.base import JobDialect
from aiocompl.testing.dialects.batches import BatchAsked, Made
from aiocompl.testing.echo import echo
from aiocompl.testing.latency import Constant, Latency
from aiocompl.testing.script import Script, as_function, as_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aiocompl.testing.answer import Answer
    from aiocompl.testing.asked import Received
    from aiocompl.testing.dialects.base import Dialect, Event
    from aiocompl.testing.script import Reply


class Plan(NamedTuple):
    """What a request asked, where it was a question to a model, and what it gets."""

    asked: Asked | None
    delivery: Delivery


class Planner:
    """Decides, in the order of the requests, what each gets; the same under the same seed.

    Args:
        choose: Gives the wire format of a request.
        script: What happens to each request.
        latency: How long answers take where the script says nothing about it.
        seed: Where the draw of latencies begins.
    """

    def __init__(
        self, choose: Callable[[Received], Dialect], script: Script, latency: Latency, seed: int
    ) -> None:
        self._choose = choose
        self._latency = latency
        self._chance = Random(seed)  # noqa: S311 - repeatable on purpose
        self.set_script(script)

    def set_script(self, script: Script) -> None:
        """Take another script from the next request on."""
        self._behave = as_function(script)

    def plan(self, received: Received) -> Plan:
        """Decide what a request gets. An exception of the script goes through."""
        dialect = self._choose(received)
        headers = dialect.headers(received.number)
        try:
            asked = _read(dialect, received)
        except ProblemError as error:
            body = dialect.error_body(error.problem)
            headers = {**headers, **dialect.error_headers(error.problem)}
            return Plan(None, Delivery.whole(body, status=error.problem.status, headers=headers))
        if isinstance(asked, BatchAsked):
            asked = asked.begin([self._made(dialect, each, received) for each in asked.requests])
        if isinstance(asked, Delivery):
            return Plan(None, attrs.evolve(asked, headers={**headers, **asked.headers}))
        return Plan(asked, self._answered(dialect, asked, received, headers))

    def _answered(
        self, dialect: Dialect, asked: Asked, received: Received, headers: Mapping[str, str]
    ) -> Delivery:
        behaviour = self._behave(asked)
        if isinstance(behaviour, Delivery):
            return behaviour
        reply = as_reply(behaviour)
        headers = {**headers, **asked.answer_headers, **reply.headers}
        if isinstance(dialect, JobDialect):
            either = (attrs.evolve(asked, stream=stream) for stream in (False, True))
            whole, stream = (self._spoilt(dialect, each, reply, headers) for each in either)
            return dialect.begin(asked, received, whole, stream)
        return self._spoilt(dialect, asked, reply, headers)

    def _spoilt(self, dialect: Dialect, asked: Asked, reply: Reply, headers: Mapping[str, str]) -> Delivery:
        delivery = self._delivery(dialect, asked, reply, headers)
        for fault in reply.faults:
            delivery = fault.spoil(delivery, dialect)
        return delivery

    def _made(self, dialect: Dialect, request: Asked | Problem, received: Received) -> Made:
        """What a request of a batch comes to."""
        if isinstance(request, Problem):
            return Made(delay=0.0, status=request.status, body=dialect.error_body(request))
        delivery = self._answered(dialect, request, received, {})
        whole = delivery.opened and delivery.ending in ("whole", "close")
        return Made(delay=delivery.delay, status=delivery.status if whole else 0, body=delivery.body())

    def _delivery(self, dialect: Dialect, asked: Asked, reply: Reply, headers: Mapping[str, str]) -> Delivery:
        answers = _answers(asked, reply)
        latency = reply.latency or self._latency
        if not asked.stream:
            tokens = max(answer.completion_tokens() for answer in answers)
            delay = latency.whole(tokens, self._chance)
            return Delivery.whole(dialect.body(asked, answers), headers=headers, delay=delay)
        events = dialect.events(asked, answers)
        delay, slices = self._in_time(events, latency)
        return Delivery(headers={"content-type": dialect.stream_type, **headers}, delay=delay, slices=slices)

    def _in_time(self, events: list[Event], latency: Latency) -> tuple[float, tuple[Slice, ...]]:
        """The delay of the headers, and the events with theirs: tokens wait, the others come with what they follow."""
        chance = self._chance
        headers = latency.headers.sample(chance)
        wait = max(0.0, latency.first_token.sample(chance) - headers)
        between = latency.between_tokens
        steady = between.seconds if isinstance(between, Constant) else None
        slices = []
        for frame, token in events:
            if not token:
                slices.append(Slice(frame, 0.0, 1))
                continue
            slices.append(Slice(frame, wait, 1))
            wait = between.sample(chance) if steady is None else steady
        return headers, tuple(slices)


def _read(dialect: Dialect, received: Received) -> Asked | BatchAsked | Delivery:
    """Read a request; one too odd for the dialect's own checks is refused too, like any other bad one."""
    try:
        return dialect.read(received)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        message = f"The request has a value of the wrong type: {type(error).__name__}: {error}"
        raise ProblemError(Problem(status=400, kind="invalid_request", message=message)) from error


def _answers(asked: Asked, reply: Reply) -> Sequence[Answer]:
    if reply.choices:
        return reply.choices
    if reply.answer is not None:
        return (reply.answer,) * asked.choices
    return [echo(asked, choice) for choice in range(asked.choices)]
