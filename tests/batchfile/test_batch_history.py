"""Whatever happens to a batch, and however often: each line has at most one result, and in the end exactly one."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from ledger import both, line, run, write_input

from aiocompl.batchfile.outputs import errors_path

if TYPE_CHECKING:
    from random import Random

LINES = [
    line("one", "a"),
    line("two"),
    b"nonsense\n",
    line("two"),
    b"\xef\xbb\xbf\r\n",
    line("four", "d"),
    line("two"),
    line("five"),
]


def sometimes(rng: Random, _: object) -> bool:
    return rng.random() < 0.4


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.integers(0, 4),
            st.integers(0, 400),
            st.booleans(),
            st.randoms(use_true_random=False),
        ),
        max_size=5,
    )
)
def test_any_history_ends_with_one_line_each(history: list[tuple[bool, int, int, bool, Random]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        source = write_input(Path(directory), LINES)
        output = source.with_name("out.jsonl")
        for retry_failed, at_most, torn, of_errors, rng in history:
            run(
                source,
                resume=True,
                retry_failed=retry_failed,
                at_most=at_most,
                fails=partial(sometimes, rng),
            )
            answers, failures = both(source)
            assert len({*answers, *failures}) == len(answers) + len(failures)
            path = errors_path(output) if of_errors else output
            if path.exists() and (data := path.read_bytes()):
                last = data.rstrip(b"\n").rfind(b"\n") + 1
                path.write_bytes(data[: max(last, len(data) - torn)])
        run(source, resume=True)
        run(source, retry_failed=True)
        answers, failures = both(source)
        assert len(answers) == len(set(answers)) == 6
        assert sorted(failures) == ["invalid-line-3", "invalid-line-5"]
