"""What races, fan-outs and batches cost: `python benchmarks/combinators.py`.

Each client lives in a process of its own, the server in another; within a round all take turns, changing places, so
that a busy machine disturbs all alike. Figures are medians over the rounds, CPU is user and system time of the client's
process.

Races and fan-outs: the quickest contestant's server answers after 20 ms, each other's 50 ms later than the one before.
They are compared with calls of our own to the quickest. A race's CPU is what it takes beyond one such call, and may be
that of as many calls as there are contestants and 5 % more: a loser costs a call that comes to nothing and, as its
connection is closed, a new connection each time. Time is counted beyond the time that the server really waited, of
which it keeps a record. A loser's connection is seen closed by the server, counted from the winner's answer. "By hand"
are `asyncio.wait`, `cancel` and `gather` over bare aiohttp.

Batches: the server answers at once; the baseline is a loop over bare aiohttp with a semaphore and a task for each
prompt. Memory is the peak above what the process had before, connections included.

With the extra `bench` installed, `--peers` adds LiteLLM's `batch_completion*`, a tenth of the rounds' counts. The exit
code is 0 even when a target is missed: a busy machine proves nothing, so the table says it and a person judges.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout is what is measured

from benchmarks._clients import BASELINE, OURS
from benchmarks._many import BY_HAND, measure_batches, measure_contests, measure_memory
from benchmarks._many_clients import LITELLM
from benchmarks._report import as_json, as_table, environment_line, notes

_RESULT: Final = Path(__file__).resolve().parent / "results" / "combinators.json"
_PARTS: Final = ("contests", "batch", "memory")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What races, fan-outs and batches cost.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (default 5)")
    parser.add_argument("--races", type=int, default=100, help="races of a kind in a round (default 100)")
    parser.add_argument("--prompts", type=int, default=100_000, help="prompts in a batch (default 100000)")
    parser.add_argument("--concurrency", type=int, default=100, help="prompts at a time (default 100)")
    parser.add_argument("--only", nargs="+", default=_PARTS, choices=_PARTS, help="only these")
    parser.add_argument("--peers", action="store_true", help="also litellm (minutes more)")
    parser.add_argument(
        "--json", type=Path, default=_RESULT, metavar="FILE", help="where to write every sample"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the tables, write the JSON; always 0."""
    arguments = _arguments(argv)
    peers = [LITELLM] if arguments.peers else []
    names = [BASELINE, OURS, *peers]
    size = {"prompts": arguments.prompts, "concurrency": arguments.concurrency}
    contests = []
    batches = []
    if "contests" in arguments.only:
        contests += measure_contests(names, rounds=arguments.rounds, count=arguments.races)
    if "batch" in arguments.only:
        batches += measure_batches(names, rounds=arguments.rounds, **size)
    if "memory" in arguments.only:
        batches += measure_memory([BASELINE, OURS], **size)
    lines = [environment_line(names)]
    if contests:
        lines += ["", *as_table(contests, [BY_HAND, *peers], title="contests", baseline="calls of our own")]
    if batches:
        lines += ["", *as_table(batches, peers, title="batches", baseline=BASELINE)]
    print("\n".join([*lines, *notes([*contests, *batches])]))
    settings = {"rounds": arguments.rounds, "races": arguments.races, **size}
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_bytes(as_json([*contests, *batches], names, settings, benchmark="combinators"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
