"""Models that are asked at once, as they get on: what ``race``, ``compare`` and ``demo`` draw."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiocompl.cli.entrants import Entrant
    from aiocompl.combinators.report import Contestant, RaceReport
    from aiocompl.types.call import CallInfo
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.completion import Usage

State = Literal[
    "waiting",
    "running",
    "retrying",
    "answering",
    "answered",
    "won",
    "lost",
    "refused",
    "failed",
    "not started",
]

_STATES: Final[dict[str, State]] = {"never_started": "not started"}
"""Outcomes of a contestant that are called otherwise here."""


@attrs.define(eq=False, kw_only=True)
class Lane:
    """One of them; times are seconds after the start of all."""

    label: str
    state: State = "waiting"
    attempt: int = 0
    """Which attempt it is in, counted from 1."""

    began: float | None = None
    ended: float | None = None
    first_token: float | None = None
    """Seconds from its own start to its first token."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    estimated: bool = False
    """The tokens are ours: nobody told any."""

    cost: float | None = None
    error: Exception | None = None
    call: CallInfo | None = None

    def elapsed(self, now: float) -> float | None:
        """Seconds from its start to its end, or until now; None before its start."""
        if self.began is None:
            return None
        return (now if self.ended is None else self.ended) - self.began

    def count(self, usage: Usage, *, estimated: bool = False) -> None:
        """Take down its tokens; of an estimate those of the prompt alone."""
        self.prompt_tokens = usage.prompt_tokens
        self.completion_tokens = None if estimated else usage.completion_tokens
        self.estimated = estimated


class Lanes:
    """All of them, from now on. Made on the loop whose clock they go by."""

    def __init__(self, entrants: Sequence[Entrant]) -> None:
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self._entrants = tuple(entrants)
        self.lanes = tuple(Lane(label=entrant.label) for entrant in entrants)
        self.won_at: float | None = None
        """When one won, by the loop's clock."""

    def now(self) -> float:
        """Seconds since the start; safe in any thread."""
        return self._clock() - self._began

    def entries(self, *, stream: bool) -> list[dict[str, Any]]:
        """Who takes part, as the combinators take it: watched, and streams told to count tokens."""
        entries = [entrant.entry(self._watch(index)) for index, entrant in enumerate(self._entrants)]
        if stream:
            for entry in entries:
                entry["stream_options"] = {"include_usage": True}
        return entries

    def _watch(self, index: int) -> Callable[[dict[str, Any]], object]:
        """What is to be told of the attempts of one of them: its `logger_fn`."""
        lane = self.lanes[index]

        def told(details: dict[str, Any]) -> None:
            if details["log_event_type"] == "pre_api_call":
                lane.began = self.now() if lane.began is None else lane.began
                lane.attempt = details["attempt"]
                lane.state = "running"
            elif details.get("error") is not None and details.get("retry_in") is not None:
                lane.state = "retrying"
            elif (answer := details.get("response")) is not None:
                lane.call = answer.call

        return told

    def note(self, contestant: Contestant) -> None:
        """Take down how one of them ended: for `on_result`."""
        lane = self.lanes[contestant.index]
        if contestant.outcome == "won" and self.won_at is None:
            self.won_at = self._clock()
        lane.state = _STATES.get(contestant.outcome, contestant.outcome)  # type: ignore[arg-type] # the others are the same
        lane.error = contestant.error
        lane.first_token = contestant.first_token
        if contestant.started is not None and contestant.elapsed is not None:
            lane.began = contestant.started
            lane.ended = contestant.started + contestant.elapsed
        if contestant.usage is not None:
            lane.count(contestant.usage, estimated=contestant.estimated)

    def take(self, index: int, chunk: ChatCompletionChunk) -> None:
        """Take down a chunk of one of them, of whose answer a chunk is worth a token until it is counted."""
        lane = self.lanes[index]
        if chunk.usage is not None:
            lane.count(chunk.usage)
        if any(choice.delta.content for choice in chunk.choices) and chunk.usage is None:
            lane.state = "answering"
            lane.estimated = True
            lane.completion_tokens = (lane.completion_tokens or 0) + 1
        if any(choice.finish_reason for choice in chunk.choices):
            lane.state, lane.ended = "answered", self.now()

    def fail(self, index: int, error: Exception) -> None:
        """Take down that one of them failed."""
        lane = self.lanes[index]
        lane.state, lane.error, lane.ended = "failed", error, self.now()

    def close(self, index: int) -> None:
        """Take down what the stream of one of them took, now that it is over."""
        lane = self.lanes[index]
        if lane.call is not None and lane.began is not None:
            lane.first_token = lane.call.first_token
            if lane.call.total is not None:
                lane.ended = lane.began + lane.call.total

    def settle(self, report: RaceReport) -> None:
        """Take down how the race ended."""
        for contestant in report.contestants:
            self.note(contestant)

    def price(self, report: RaceReport) -> None:
        """Take down what each spent. Blocks: the table of prices takes a while to load."""
        for lane, contestant in zip(self.lanes, report.contestants, strict=True):
            lane.cost = contestant.cost
