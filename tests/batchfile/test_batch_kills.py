from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import orjson
import pytest
from ledger import both, files, line, write_input

from aiocompl import Supervisor, run_batch_file
from aiocompl.testing import Latency, Mix, Reply

if TYPE_CHECKING:
    from aiocompl.testing import Simulator
    from aiocompl.testing.asked import Asked
    from aiocompl.testing.script import Behaviour

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and fork"),
]

LINES = 4000
KILLS = 50


async def test_killed_at_fifty_moments_each_line_has_one_answer(tmp_path: Path, simulator: Simulator) -> None:
    chance, faulty = Random(2), Mix.of_faults(0.1, seed=2)

    def script(asked: Asked) -> Behaviour:
        fault = faulty(asked)
        return fault if fault is not None else Reply(latency=Latency(first_token=chance.uniform(0.0, 0.02)))

    simulator.script = script
    source = write_input(tmp_path, [line(f"number {number}", f"q{number}") for number in range(LINES)])
    output = tmp_path / "out.jsonl"
    killer = await asyncio.create_subprocess_exec(
        *(sys.executable, str(Path(__file__).with_name("killed_batch.py"))),
        *(str(source), str(output), simulator.base_url, str(KILLS), "1"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, said = await killer.communicate()
    assert (killer.returncode, said) == (0, b"")
    assert int(printed) >= KILLS - 5, printed
    simulator.script = None
    async with Supervisor() as supervisor:
        finish = partial(
            run_batch_file, source, output, supervisor=supervisor, model="sim", api_base=simulator.base_url
        )
        await finish(resume=True)
        answers, failures = both(source)
        assert sorted(answers + failures) == sorted(f"q{number}" for number in range(LINES))
        await finish(retry_failed=True)
    answers, failures = both(source)
    assert (len(answers), len(set(answers)), failures) == (LINES, LINES, [])
    for raw in output.read_bytes().splitlines():
        item = orjson.loads(raw)
        said_of = item["response"]["body"]["choices"][0]["message"]["content"]
        assert said_of == f"You said: number {item['custom_id'][1:]}"
    assert files(tmp_path) == ["in.jsonl", "out.jsonl"]
