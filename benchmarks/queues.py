"""What waiting costs: `python benchmarks/queues.py`. Needs no network.

CPU time of this process per item, in us, with 100,000 items in line (`--items`): put all, then take all. Items have one
of so many priorities each, drawn at random. The baseline is an `OrderedDict`, which has no priorities but can also take
an item back from its middle. Below: what a call pays for its turn where nobody waits, with limits on requests and
tokens, and with a limit on what is in flight alone.

The exit code is 0 even when a target is missed: a busy machine proves nothing, so the table says it and a person judges.
"""

import argparse
import asyncio
import gc
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout is what is measured

from aiocompl.policy.fair_queue import FairQueue
from aiocompl.policy.limits import Cost, Limiter, RateLimitPolicy
from aiocompl.runtime.inbox import Inbox
from aiocompl.runtime.turnstile import Turnstile
from benchmarks._report import as_json, as_markdown
from benchmarks._rows import Row, Target

_RESULT: Final = Path(__file__).resolve().parent / "results" / "queues.json"
_BASELINE: Final = "OrderedDict"
_OURS: Final = "queue"
_TARGET: Final = Target(most=5.0)
_PASS_TARGET: Final = Target(most=10.0)
"""A twentieth of what a call costs in all."""
_PRIORITIES: Final = (1, 3, 100)
_STEPS: Final = ("enqueue", "dequeue", "withdraw")


def _row(key: str, title: str, target: Target = _TARGET) -> Row:
    return Row(key=key, title=title, unit="us", target=target, digits=2, baseline=_BASELINE, ours=_OURS)


def _timed(work: Callable[[], object], items: int) -> float:
    """Return the CPU time of some work in us per item."""
    gc.collect()
    gc.disable()
    try:
        begun = time.process_time()
        work()
        return (time.process_time() - begun) / items * 1e6
    finally:
        gc.enable()


def _measure_queue(rows: dict[str, Row], key: str, items: list[object], priorities: list[int]) -> None:
    pairs = list(zip(items, priorities, strict=True))
    queue: FairQueue[object] = FairQueue()

    def put() -> None:
        for item, priority in pairs:
            queue.put(item, priority)

    def take() -> None:
        while queue.pop() is not None:
            pass

    def withdraw() -> None:
        for item in items:
            queue.withdraw(item)

    for step, work in zip(_STEPS, (put, take, withdraw), strict=True):
        if step == "withdraw":
            put()
        rows[f"{step}.{key}"].add(_OURS, _timed(work, len(items)))


def _measure_inbox(rows: dict[str, Row], items: list[object], priorities: list[int]) -> None:
    pairs = list(zip(items, priorities, strict=True))
    inbox: Inbox[object] = Inbox(len(items))

    def put() -> None:
        for item, priority in pairs:
            inbox.offer(item, priority)

    def take() -> None:
        while inbox.pop() is not None:
            pass

    rows["enqueue.inbox"].add(_OURS, _timed(put, len(items)))
    rows["dequeue.inbox"].add(_OURS, _timed(take, len(items)))


def _put_all(queue: OrderedDict[object, None], items: list[object]) -> None:
    for item in items:
        queue[item] = None


def _take_all(queue: OrderedDict[object, None], _: list[object]) -> None:
    while queue:
        queue.popitem(last=False)


def _withdraw_all(queue: OrderedDict[object, None], items: list[object]) -> None:
    for item in items:
        del queue[item]


def _measure_baseline(rows: dict[str, Row], items: list[object]) -> None:
    queue: OrderedDict[object, None] = OrderedDict()
    for step, work in zip(_STEPS, (_put_all, _take_all, _withdraw_all), strict=True):
        if step == "withdraw":
            _put_all(queue, items)
        spent = _timed(partial(work, queue, items), len(items))
        for key, row in rows.items():
            if key.startswith(f"{step}."):
                row.add(_BASELINE, spent)


async def _measure_turnstile(rows: dict[str, Row], count: int) -> None:
    """Nobody waits: a pass is taken and given back, with limits that are never reached."""
    policy = RateLimitPolicy(rpm=1e9, tpm=1e12)
    for key, limiter in (("slots", None), ("limits", Limiter(policy))):
        turnstile = Turnstile(limiter, 1000, asyncio.get_running_loop())
        reserved, used = Cost(1, 100, 256), Cost(1, 100, 20)

        def call(turnstile: Turnstile = turnstile, reserved: Cost = reserved, used: Cost = used) -> None:
            for _ in range(count):
                if (passed := turnstile.enter_nowait(reserved)) is not None:
                    passed.leave(used)

        rows[f"turnstile.{key}"].add(_OURS, _timed(call, count))


def measure(*, rounds: int, items: int) -> list[Row]:
    """Measure everything, taking turns so that a busy machine disturbs all alike."""
    rows: dict[str, Row] = {}
    for step in _STEPS:
        for count in _PRIORITIES:
            rows[f"{step}.{count}"] = _row(f"{step}.{count}", f"{step}, priorities: {count}")
    for step in _STEPS[:2]:
        rows[f"{step}.inbox"] = _row(f"{step}.inbox", f"{step}, inbox, priorities: 3")
    rows["turnstile.slots"] = _row("turnstile.slots", "pass, limit on what is in flight", _PASS_TARGET)
    rows["turnstile.limits"] = _row("turnstile.limits", "pass, rpm and tpm besides", _PASS_TARGET)
    rng = Random(1)
    things = [object() for _ in range(items)]
    drawn = {count: [rng.randrange(count) for _ in things] for count in _PRIORITIES}
    for _ in range(rounds):
        _measure_baseline(rows, things)
        for count, priorities in drawn.items():
            _measure_queue(rows, str(count), things, priorities)
        _measure_inbox(rows, things, drawn[3])
        asyncio.run(_measure_turnstile(rows, items // 10))
    return list(rows.values())


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What waiting costs.")
    parser.add_argument("--rounds", type=int, default=9, help="how often each is measured (default 9)")
    parser.add_argument("--items", type=int, default=100_000, help="items in line (default 100000)")
    parser.add_argument(
        "--json", type=Path, default=_RESULT, metavar="FILE", help="where to write every sample"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the JSON; always 0."""
    arguments = _arguments(argv)
    rows = measure(rounds=arguments.rounds, items=arguments.items)
    print(as_markdown(rows, (), title="CPU per item", baseline=_BASELINE, ours=_OURS))
    settings = {"rounds": arguments.rounds, "items": arguments.items}
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_bytes(as_json(rows, (), settings, benchmark="queues"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
