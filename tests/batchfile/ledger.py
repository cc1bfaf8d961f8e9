"""A batch without anybody to ask: plans, written by hand."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import orjson

from aiocompl.batchfile.outputs import errors_path
from aiocompl.batchfile.plan import Job, Plan
from aiocompl.batchfile.requests import BadLine, BatchRequest, Reading
from aiocompl.batchfile.results import bad_line_line, body_line, error_line
from aiocompl.errors import APIConnectionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

READING = Reading(defaults={"model": "m"})


def line(text: str, custom_id: str | None = None) -> bytes:
    """A line of an input."""
    data: dict[str, Any] = {"messages": [{"role": "user", "content": text}]}
    return orjson.dumps(data if custom_id is None else {"custom_id": custom_id, **data}) + b"\n"


def write_input(directory: Path, lines: Iterable[bytes]) -> Path:
    """An input of these lines."""
    path = directory / "in.jsonl"
    path.write_bytes(b"".join(lines))
    return path


def answer_of(item: BatchRequest) -> bytes:
    """The line of an answer."""
    content = item.body["messages"][0]["content"]
    body = {"choices": [{"message": {"role": "assistant", "content": f"You said: {content}"}}]}
    return body_line(item.custom_id or "", item.digest, body)


def failure_of(item: BatchRequest) -> bytes:
    """The line of a failure."""
    return error_line(item.custom_id or "", item.digest, APIConnectionError("gone"), line=item.line)


def run(
    source: Path,
    *,
    resume: bool = False,
    retry_failed: bool = False,
    limit: int | None = None,
    reading: Reading = READING,
    fails: Callable[[BatchRequest], bool] = lambda _: False,
    at_most: int | None = None,
) -> Plan:
    """Do as a run does, and stop after some lines."""
    output = source.with_name("out.jsonl")
    job = Job(
        input=source,
        output=output,
        reading=reading,
        resume=resume or retry_failed,
        retry_failed=retry_failed,
        limit=limit,
    )
    with closing(Plan(job)) as plan:
        for _ in plan.prepare():
            pass
        items = [item for block in plan.blocks() for item in block]
        assert len(items) == plan.pending
        for item in items[:at_most]:
            if isinstance(item, BadLine):
                plan.errors.append(bad_line_line(item))
            elif fails(item):
                plan.errors.append(failure_of(item))
            else:
                plan.output.append(answer_of(item))
    return plan


def ids(path: Path) -> list[str]:
    """The names that a file has lines for, in its order; none if it is not there."""
    if not path.exists():
        return []
    return [orjson.loads(raw)["custom_id"] for raw in path.read_bytes().splitlines()]


def both(source: Path) -> tuple[list[str], list[str]]:
    """The names that the output has lines for, and those that the error file has."""
    output = source.with_name("out.jsonl")
    return ids(output), ids(errors_path(output))


def files(directory: Path) -> list[str]:
    """What is in a directory."""
    return sorted(path.name for path in directory.iterdir())
