"""What the library costs over the bare HTTP exchange: `python benchmarks/overhead.py`.

Measured is the CPU time (user and system, all threads) of the client's process, per call and per streamed chunk, around
batches that were warmed up; not the wall time, which on loopback is mostly the server's. The baseline is the same
exchange in bare aiohttp. Each client lives in a process of its own, the server in another; within a round all take
turns, baseline and ours side by side and changing places, so that a busy machine disturbs all alike. Figures are
medians over the rounds; the quartiles beside a ratio are those of the ratios within each round.

The server (`_server.py`) sends each chunk of a stream as an HTTP chunk and a `send` of its own, in two ways: as fast as
it can, and one per turn of its event loop. What arrives together is then up to the kernel, alike for all.

The event loop is asyncio's own. With the extra `bench` installed, `--peers` adds other libraries. The exit code is 0 even
when a target is missed: a busy machine proves nothing, so the table says it and a person judges.

`--policies` measures something else: what calls of ours cost with every policy configured and nothing failing, against
plain ones.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout is what is measured

from benchmarks._clients import BASELINE, HEDGED, OURS, PEERS, POLICIES
from benchmarks._exchanges import EXCHANGE_KEYS, measure_exchanges, measure_in_flight, measure_policies
from benchmarks._imports import measure_imports
from benchmarks._report import as_json, as_markdown, as_table, environment_line, notes
from benchmarks._rows import Row

_RESULT: Final = Path(__file__).resolve().parent / "results" / "overhead.json"
_KEYS: Final = (*EXCHANGE_KEYS, "import", "inflight")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="CPU and memory of the library over bare aiohttp.")
    parser.add_argument("--rounds", type=int, default=9, help="how often each is measured (default 9)")
    parser.add_argument("--calls", type=int, default=2000, help="calls in a batch (default 2000)")
    parser.add_argument(
        "--only",
        nargs="+",
        default=[""],
        metavar="KEY",
        help=f"only these, or what starts so: {', '.join(_KEYS)}",
    )
    parser.add_argument(
        "--peers", action="store_true", help="also openai, litellm and any-llm-sdk (minutes more)"
    )
    parser.add_argument(
        "--policies", action="store_true", help="only calls with all policies configured, against plain ones"
    )
    parser.add_argument(
        "--json", type=Path, default=_RESULT, metavar="FILE", help="where to write every sample"
    )
    arguments = parser.parse_args(argv)
    arguments.keys = [key for key in _KEYS if any(_matches(key, only) for only in arguments.only)]
    if not arguments.keys:
        parser.error(f"nothing matches --only; there are: {', '.join(_KEYS)}")
    return arguments


def _matches(key: str, only: str) -> bool:
    """Tell whether `only` is the key or, where it is none itself, begins it: `call-1` is not `call-1000`."""
    return key == only if only in _KEYS else key.startswith(only)


def measure(keys: Sequence[str], names: Sequence[str], *, rounds: int, calls: int) -> list[Row]:
    """Measure what `keys` name; peers are left out of the calls in flight."""
    rows: list[Row] = []
    exchanges = [key for key in keys if key in EXCHANGE_KEYS]
    if exchanges:
        rows += measure_exchanges(names, exchanges, rounds=rounds, calls=calls)
    if "import" in keys:
        rows += measure_imports(names, rounds=rounds)
    if "inflight" in keys:
        rows += measure_in_flight([BASELINE, OURS])
    return rows


def _policies(arguments: argparse.Namespace) -> int:
    rows = measure_policies(rounds=arguments.rounds, calls=arguments.calls)
    names = [OURS, POLICIES, HEDGED]
    lines = [
        environment_line(names),
        "",
        *as_table(rows, [], title="CPU a call", baseline="plain"),
        *notes(rows),
    ]
    print("\n".join(lines))
    settings = {"rounds": arguments.rounds, "calls": arguments.calls}
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.with_stem("policies").write_bytes(as_json(rows, names, settings, benchmark="policies"))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the JSON; always 0."""
    arguments = _arguments(argv)
    if arguments.policies:
        return _policies(arguments)
    names = [BASELINE, OURS, *(PEERS if arguments.peers else ())]
    rows = measure(arguments.keys, names, rounds=arguments.rounds, calls=arguments.calls)
    print(as_markdown(rows, names))
    settings = {"rounds": arguments.rounds, "calls": arguments.calls}
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_bytes(as_json(rows, names, settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
