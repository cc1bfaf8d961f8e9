from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger import line

from aiocompl.batchfile import requests, sources
from aiocompl.batchfile.requests import BadLine, BatchRequest, Reading
from aiocompl.batchfile.sources import check_input, read_blocks
from aiocompl.batchfile.template import Template
from aiocompl.errors import BatchFileError, MissingExtraError

if TYPE_CHECKING:
    from pathlib import Path

READING = Reading(defaults={"model": "m"})


def read(path: Path, reading: Reading = READING) -> list[tuple[int, str]]:
    """Each line's number, and its prompt or what is wrong with it."""
    return [
        (item.line, item.body["messages"][0]["content"] if isinstance(item, BatchRequest) else item.code)
        for block in read_blocks(path, reading)
        for item in block
    ]


def test_lines_of_json(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(
        b"\xef\xbb\xbf" + line("a").replace(b"\n", b"\r\n") + b"\n\r\n" + b"x\n" + line("b").rstrip()
    )
    assert read(path) == [(1, "a"), (4, "invalid_json"), (5, "b")]


def test_a_line_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_LINE_BYTES", 1000)
    path = tmp_path / "in.jsonl"
    path.write_bytes(line("a") + line("x" * 5000) + line("b") + line("y" * 5000).rstrip())
    assert read(path) == [(1, "a"), (2, "line_too_long"), (3, "b"), (4, "line_too_long")]


def test_blocks_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"".join(line(str(number)) for number in range(600)))
    assert [len(block) for block in read_blocks(path, READING)] == [256, 256, 88]
    path.write_bytes(b"".join(line("x" * 600_000) for _ in range(5)))
    assert [len(block) for block in read_blocks(path, READING)] == [2, 2, 1]
    path.write_bytes(b"")
    assert list(read_blocks(path, READING)) == []


def test_rows_of_csv(tmp_path: Path) -> None:
    path = tmp_path / "in.CSV"
    path.write_bytes(
        b'\xef\xbb\xbfprompt,n\r\n"two\nlines",1\r\n\r\n007,2\r\ncaf\xe9,3\r\nshort\r\na,b,c\r\n,4\r\n'
    )
    assert read(path) == [
        (2, "two\nlines"),
        (5, "007"),
        (6, "invalid_json"),
        (7, "invalid_csv"),
        (8, "invalid_csv"),
        (9, "missing_prompt"),
    ]


def test_tabs(tmp_path: Path) -> None:
    path = tmp_path / "in.tsv"
    path.write_text("custom_id\ttext\tlanguage\nx\tone, two\tDutch\n")
    reading = Reading(defaults={"model": "m"}, template=Template.parse("{text} in {language}"))
    assert read(path, reading) == [(2, "one, two in Dutch")]


def test_a_field_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_LINE_BYTES", 1000)
    path = tmp_path / "in.csv"
    path.write_text(f"prompt\na\n{'x' * 5000}\nb\n")
    limit = csv.field_size_limit()
    try:
        assert read(path) == [(2, "a"), (3, "invalid_csv"), (4, "b")]
    finally:
        csv.field_size_limit(limit)


@pytest.mark.parametrize(
    ("text", "reading", "match"),
    [
        ("", READING, "has no row of column names"),
        ("a,b\n1,2\n", READING, "has no column 'prompt', which without a template it needs; it has 'a', 'b'"),
        (
            "a,b\n1,2\n",
            Reading(template=Template.parse("{a}{c}")),
            "has no column 'c', which the template needs",
        ),
    ],
)
def test_a_table_without_its_columns(tmp_path: Path, text: str, reading: Reading, match: str) -> None:
    path = tmp_path / "in.csv"
    path.write_text(text)
    with pytest.raises(BatchFileError, match=match):
        read(path, reading)


@settings(deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["in.jsonl", "in.csv"]))
def test_any_bytes_are_lines_and_bad_lines(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str
) -> None:
    path = tmp_path_factory.mktemp("any") / name
    path.write_bytes(data if name == "in.jsonl" else b"prompt,x\n" + data)
    items = [item for block in read_blocks(path, READING) for item in block]
    assert all(isinstance(item, (BatchRequest, BadLine)) for item in items)
    assert len({item.line for item in items}) == len(items)


def parquet(path: Path, columns: dict[str, list[Any]]) -> Path:
    polars = pytest.importorskip("polars")
    polars.DataFrame(columns).write_parquet(path, row_group_size=100)
    return path


def test_rows_of_parquet(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "in.parquet", {"prompt": ["a", None, "c"], "custom_id": [1, 2, 3], "x": [1.5, 2.5, None]}
    )
    assert read(path) == [(1, "a"), (2, "missing_prompt"), (3, "c")]
    reading = Reading(defaults={"model": "m"}, template=Template.parse("{prompt}-{x}"))
    assert read(path, reading) == [(1, "a-1.5"), (2, "-2.5"), (3, "c-")]


def test_parquet_comes_in_order_and_in_blocks(tmp_path: Path) -> None:
    path = parquet(tmp_path / "in.pq", {"prompt": [str(number) for number in range(1000)]})
    assert read(path) == [(number + 1, str(number)) for number in range(1000)]
    assert max(len(block) for block in read_blocks(path, READING)) <= 256


def test_parquet_that_is_none(tmp_path: Path) -> None:
    pytest.importorskip("polars")
    path = tmp_path / "in.parquet"
    path.write_bytes(b"nonsense")
    with pytest.raises(BatchFileError, match=r"cannot read .*in.parquet as Parquet"):
        read(path)
    parquet(path, {"other": ["a"]})
    with pytest.raises(BatchFileError, match="has no column 'prompt'"):
        read(path)


def test_parquet_without_polars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'aiocompl\[data\]'"):
        read(tmp_path / "in.parquet")


def test_what_cannot_be_read_twice(tmp_path: Path) -> None:
    with pytest.raises(BatchFileError, match="there is no file"):
        check_input(tmp_path / "none")
    with pytest.raises(BatchFileError, match="reads its input twice"):
        check_input(tmp_path)
    with pytest.raises(BatchFileError, match="cannot read"):
        read(tmp_path / "none")


def test_the_limit_of_a_line_is_what_the_documentation_says() -> None:
    assert requests.MAX_LINE_BYTES == 64 * 2**20
