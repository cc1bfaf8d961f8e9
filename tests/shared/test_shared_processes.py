"""Two real processes with one limit: what the upstream sees is what the limit allows. A short run of the demonstration."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from redis_server import BINARY

pytestmark = pytest.mark.real_time

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "benchmarks" / "shared_limits.py"


@pytest.mark.skipif(BINARY is None, reason="needs redis-server (Debian's package of that name)")
@pytest.mark.parametrize("outage", [0, 1])
def test_the_upstream_sees_no_more_than_the_limit(outage: int) -> None:
    command = [sys.executable, str(SCRIPT), "--seconds=5", "--window=4", "--rpm=1200", f"--outage={outage}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=55)
    found = re.search(r"the most in any 4 s: (\d+), allowed: (\d+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    most, allowed = map(int, found.groups())
    # in so short a run a process may not have heard of the other when Redis is lost; and a busy machine delivers late
    assert most <= allowed * (1.25 if outage else 1.02), done.stdout
    assert done.stdout.count("shared.lost 1, shared.rejoined 1") == 2 * outage
    saw = int(done.stdout.split("saw: ")[1].split("\n")[0])
    assert saw > 80, "and does not stand still: of 159 that may pass"
