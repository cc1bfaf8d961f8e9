"""How many requests an endpoint may have in flight, found out from its latencies and its refusals.

More requests in flight raise the throughput up to the endpoint's capacity; from there on they wait for each other, and
only the latency grows. The limit looks for that knee. By Little's law the requests that wait there are the rate of
answers times what an answer takes longer than where nobody waits (its *excess* over the *baseline*), as in TCP Vegas.
So one window of answers says how far above the knee the limit is, and streams, which hold their slots for longer than
they take to begin, count properly. Each decision waits for as many answers as their noise asks for.

That answers take longer may also be their own doing: longer prompts, a slower model. So a cut is a *trial*: where
latency does not fall as a queue's would, there was no queue; the limit goes back and the baseline moves. From time to
time a trial is made without need (a *probe*), which keeps the baseline true.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

import attrs

from aiocompl.policy.latencies import Baseline, Pace, Window

if TYPE_CHECKING:
    from collections.abc import Hashable

_FIRST_LOOK: Final = 8
"""Answers in a window at least, or one for each request in flight: a whole generation."""

_LAST_LOOK: Final = 128
"""Answers in a window at most, or two for each request in flight; what is not clear by then is left."""

_PROBE_LOOK: Final = 32
"""Answers in the window of a probe at least: all others are compared with it."""

_SIGMAS: Final = 2.0
"""Standard errors by which a window must differ before the limit is cut; half of them are enough to grow."""

_USED: Final = 0.75
"""The limit counts as used from this share of it on."""

_HARDLY_USED: Final = 0.25
"""What is in flight below this share of the limit says nothing of it."""

_TELLING: Final = 0.8
"""A trial tells something where requests in flight fell to this share."""

_AS_A_QUEUE: Final = 0.4
"""Latency that fell by this share of what a queue would make of it was a queue's."""

_BELOW_KNEE: Final = 0.9
"""Up to this share of the knee nobody waits: the baseline is learnt there."""

_SLOW_STEP: Final = 0.05
_FAST_STEP: Final = 0.5
"""The shares by which the limit grows: the first after a cut, doubled each time, up to the other."""

_EAGERNESS: Final = 0.25
"""Growing asks for no closer look than at this share of the step."""

_SETTLING: Final = 1.5
"""Answers, for each request in flight, until a change of the limit shows."""

_UNSURE: Final = 8
"""After so many windows an unclear one is followed by a probe."""

_ENOUGH: Final = 3.0
"""Refusals that are no chance any more."""

_GIVEN_UP: Final = 4.0
"""A call that was given up counts as so many usual ones at most: one that hangs for ever says little of the others."""

_LONGEST_PAUSE: Final = 8

_INSTANT: Final = 1e-6
"""What was sent this soon after a change was sent before it."""


@attrs.frozen(kw_only=True)
class AdaptivePolicy:
    """Bounds and manners of a limit on requests in flight that finds itself.

    Raises:
        ValueError: The bounds are out of order, or a share is none.
    """

    min_limit: int = 1
    """It never falls below."""

    max_limit: int = 1000
    """It never grows beyond."""

    initial: int = 16
    """Where it begins."""

    queue: float = 0.05
    """How many requests may wait at the endpoint, as a share of those in flight, before the limit is cut."""

    backoff: float = 0.85
    """What refusals (429, 503) leave of the limit."""

    stray: float = 0.05
    """Refusals for each answer that are taken for chance: providers refuse for other reasons, too."""

    probe_every: int = 20
    """After so many windows the limit is lowered for one, to see how fast answers are where none waits."""

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.min_limit <= self.initial <= self.max_limit:
            raise ValueError(
                "an adaptive limit needs 1 <= min_limit <= initial <= max_limit, "
                f"not {self.min_limit}, {self.initial}, {self.max_limit}"
            )
        if not (0 < self.backoff < 1 and 0 < self.queue < 1 and 0 <= self.stray < 1):
            raise ValueError("backoff, queue and stray are shares between 0 and 1")
        if self.probe_every < 1:
            raise ValueError("probe_every is a number of windows from 1 up")


@attrs.frozen
class _Trial:
    """How it was before the limit was cut."""

    limit: int
    in_flight: float
    excess: float
    rate: float
    is_probe: bool


@attrs.frozen
class _Finding:
    """What a window says: the excess, what it is compared with, and how sure that is."""

    window: Window
    excess: float
    doubt: float
    """What the excess may be off by."""
    least: float
    """An excess below this is none."""
    most: float
    """An excess above this is one."""
    trial: _Trial | None = None
    """The trial that it is the result of."""

    @property
    def is_unclear(self) -> bool:
        """Whether more answers would say more."""
        last = _PROBE_LOOK if self.trial is not None and self.trial.is_probe else _LAST_LOOK
        if self.window.count >= max(last, 2.0 * self.window.in_flight):
            return False
        return self.is_unsure and not self.is_too_long

    @property
    def is_unsure(self) -> bool:
        """Whether requests may wait at the endpoint."""
        return self.excess + 0.5 * self.doubt > self.least

    @property
    def is_too_long(self) -> bool:
        """Whether requests wait at the endpoint for sure."""
        return self.excess - self.doubt > self.most

    @property
    def is_shorter(self) -> bool:
        """Whether answers come faster for sure than they ever should."""
        return self.excess + self.doubt < 0.0


@attrs.define(eq=False)
class AdaptiveLimit:
    """One endpoint's limit. It is told of every answer and of every refusal; times are in seconds."""

    policy: AdaptivePolicy
    limit: int = attrs.field(init=False)
    """Requests that may be in flight now."""
    _window: Window = attrs.field(init=False)
    _look: int = attrs.field(init=False)  # answers in the window before it is looked at
    _baseline: Baseline = attrs.field(factory=Baseline, init=False)
    _pace: Pace = attrs.field(factory=Pace, init=False)
    _trial: _Trial | None = attrs.field(default=None, init=False)
    _changed: float = attrs.field(default=-inf, init=False)  # when the limit was set
    _step: float = attrs.field(default=1.0, init=False)  # the share by which it grows next
    _knee: float = attrs.field(default=inf, init=False)  # where it was cut to last
    _good: float = attrs.field(default=inf, init=False)  # where it last grew from
    _proven: int = attrs.field(init=False)  # what it was at the last answer to a request sent under it
    _refusals: float = attrs.field(default=0.0, init=False)  # of what was sent under it, less the stray ones
    _patience: int = attrs.field(default=1, init=False)  # windows without growth after the next refusal
    _pause: int = attrs.field(default=0, init=False)  # windows without growth still to come
    _age: int = attrs.field(default=0, init=False)  # windows since the last probe

    def __attrs_post_init__(self) -> None:
        self.limit = self._proven = self.policy.initial
        self._open(self.limit)

    def sample(self, latency: float, in_flight: int, now: float, kind: Hashable = None) -> None:
        """A call was answered.

        Args:
            latency: Seconds from its sending to the answer; of a stream, to its beginning.
            in_flight: Requests in flight at its end, itself included.
            now: The present.
            kind: Tells calls apart whose latencies cannot be compared: streams from whole answers, models.
        """
        if now - latency > self._changed + _INSTANT:
            self._proven = self.limit
            if self._refusals > 0.0:
                self._refusals = max(0.0, self._refusals - self.policy.stray)
        window = self._window
        window.add(latency, in_flight, self._pace.gap(latency, now), kind)
        if window.count >= self._look:
            self._decide(window, now)

    def gave_up(self, latency: float, in_flight: int, now: float, kind: Hashable = None) -> None:
        """A call was given up unanswered: it would have taken longer still, which counts where it is long already."""
        usual = self._baseline.usual(kind)
        if latency > usual:
            self.sample(min(latency, _GIVEN_UP * usual), in_flight, now, kind)

    def refused(self, latency: float, in_flight: int, now: float) -> None:
        """A call was refused, it seems because there are too many: a few in a row cut the limit.

        Only what was sent under the present limit speaks against it. Until something sent under it is answered it is cut
        to half at most: where everything is refused, another limit would not help.
        """
        if now - latency <= self._changed + _INSTANT:
            return
        self._refusals += 1.0
        if self._refusals < _ENOUGH:
            return
        target = self._good if self._good < self.limit else self.policy.backoff * self.limit
        lowest = max(self.policy.min_limit, (self._proven + 1) // 2)
        if self.limit <= lowest:
            return
        self._trial = None
        self._pause, self._patience = self._patience, min(_LONGEST_PAUSE, 2 * self._patience)
        self._lower(max(int(target), lowest), in_flight, now)
        self._good = min(self._good, self.limit)

    def _decide(self, window: Window, now: float) -> None:
        """Change the limit if a window says something, else wait for more."""
        finding = self._finding(window)
        if finding is None:
            self._baseline.learn_new(window)
            self._probe(window, 0.0, now)
        elif finding.is_unclear:
            self._look = 2 * window.count
        elif finding.trial is not None:
            self._judge(finding, finding.trial, now)
        else:
            self._act(finding, now)

    def _finding(self, window: Window) -> _Finding | None:
        """Compare a window with the baseline; None where that knows nothing of such calls yet."""
        measured = self._baseline.excess(window.kinds)
        if measured is None:
            return None
        excess, error = measured
        doubt, trial = _SIGMAS * error, self._trial
        if trial is not None and window.in_flight <= _TELLING * trial.in_flight:
            threshold = self._threshold(trial, window)
            if trial.is_probe:  # there was no queue unless that is plain
                threshold -= 0.5 * doubt
            return _Finding(window, excess, doubt, threshold, threshold, trial)
        return self._plain_finding(window, excess, doubt)

    def _plain_finding(self, window: Window, excess: float, doubt: float) -> _Finding:
        most = max(0.5, self.policy.queue * window.in_flight) / window.rate
        least = max(most, _EAGERNESS * self._step * window.in_flight / window.rate)
        return _Finding(window, excess, doubt, least, most)

    def _threshold(self, trial: _Trial, window: Window) -> float:
        """The excess that is left where a queue has become shorter by as many as there are fewer in flight.

        What was answered while the limit changed was sent before: it shows how long the queue was in the end.
        """
        earlier = self._baseline.excess(window.earlier)
        before = trial.excess if earlier is None else max(trial.excess, earlier[0])
        fewer = trial.in_flight - window.in_flight
        return before - _AS_A_QUEUE * fewer / max(trial.rate, window.rate)

    def _judge(self, finding: _Finding, trial: _Trial, now: float) -> None:
        """Has latency fallen as a queue's would?"""
        self._trial = None
        window = finding.window
        if finding.excess > finding.most:  # it has not: answers take as long as they take
            self._learn(finding, moved=not trial.is_probe or finding.is_shorter)
            self._set(trial.limit, window.in_flight, now)
        elif trial.is_probe and finding.is_shorter:  # a queue was in the baseline, and more of it may be
            self._learn(finding, moved=True)
            share = 0.5
            if self._knee < inf:
                share, self._knee, self._step = 0.75, window.in_flight, 0.25
            self._probe(window, 0.0, now, share)
        else:
            self._act(self._plain_finding(window, finding.excess, finding.doubt), now)

    def _act(self, finding: _Finding, now: float) -> None:
        """Cut the limit, let it grow, have a closer look, or leave it."""
        window = finding.window
        if finding.is_too_long:
            self._cut(finding, now)
            return
        self._trial = None
        if finding.excess + 1.5 * finding.doubt < 0.0:
            self._learn(finding, moved=True)
        elif window.in_flight <= _BELOW_KNEE * self._knee:
            self._baseline.learn(window)
        else:
            self._baseline.learn_new(window)
        self._age += 1
        self._pause = max(0, self._pause - 1)
        if window.in_flight < _USED * self.limit:
            self._open()
        elif self._age >= self._patient_for(finding):
            self._probe(window, finding.excess, now, 0.75)
            self._look = max(self._look, _PROBE_LOOK)
        elif self._pause or finding.excess > finding.least:
            self._open()
        else:
            self._grow(window, now)

    def _patient_for(self, finding: _Finding) -> int:
        """How many windows a probe is to follow another at the earliest."""
        every = self.policy.probe_every
        if not finding.is_unsure:
            return every
        return 1 if self._baseline.is_poorer(finding.window) else min(_UNSURE, every)

    def _cut(self, finding: _Finding, now: float) -> None:
        """As many as wait are too many."""
        window = finding.window
        if self.limit <= self.policy.min_limit:  # it is not ours that they wait for
            self._learn(finding, moved=True)
            self._open()
        elif window.in_flight < _HARDLY_USED * self.limit:
            self._open()
        else:
            if self._trial is None:
                self._trial = _Trial(
                    self.limit, window.in_flight, finding.excess, window.rate, is_probe=False
                )
            waiting = (finding.excess - 0.5 * finding.doubt) * window.rate
            target = max(round(max(0.0, window.in_flight - waiting)), self.limit // 2, self.policy.min_limit)
            self._lower(min(target, self.limit - 1), window.in_flight, now)

    def _learn(self, finding: _Finding, *, moved: bool) -> None:
        """Take a window into the baseline; where that has moved, for as much as all before it, or instead."""
        far = abs(finding.excess) > 2.0 * finding.doubt
        self._baseline.learn(finding.window, anew=moved and far, half=moved or far)

    def _probe(self, window: Window, excess: float, now: float, share: float = 0.5) -> None:
        """Lower the limit to see what latency does."""
        self._age = 0
        lowered = max(self.policy.min_limit, min(self.limit - 1, int(share * self.limit)))
        if lowered < self.limit and window.in_flight >= _USED * self.limit:
            self._trial = _Trial(self.limit, window.in_flight, excess, window.rate, is_probe=True)
            self._set(lowered, window.in_flight, now)
        else:
            self._open()

    def _grow(self, window: Window, now: float) -> None:
        if window.in_flight > self._knee / _TELLING:
            self._patience = 1  # what was refused there is not refused any more
        self._good = self.limit
        grown = self.limit + max(1, int(self._step * self.limit))
        self._step = min(max(_FAST_STEP, self._step), 2.0 * self._step)
        self._set(min(grown, self.policy.max_limit), window.in_flight, now)

    def _lower(self, limit: int, in_flight: float, now: float) -> None:
        self._knee, self._step = limit, _SLOW_STEP
        self._set(limit, in_flight, now)

    def _set(self, limit: int, in_flight: float, now: float) -> None:
        if limit == self.limit:
            self._open()
            return
        self.limit = limit
        self._changed = now
        self._refusals = 0.0
        self._open(int(_SETTLING * in_flight))

    def _open(self, skip: int = 0) -> None:
        """Begin a window, after so many answers."""
        self._window = Window(skip)
        self._look = max(_FIRST_LOOK, self.limit)
