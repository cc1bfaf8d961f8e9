from __future__ import annotations

import os
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import orjson
import pytest
from ledger import READING, both, files, ids, line, run, write_input

from aiocompl.batchfile.outputs import AppendFile, Rewriting, errors_path
from aiocompl.batchfile.plan import Job, Plan
from aiocompl.batchfile.requests import Reading
from aiocompl.errors import BatchFileError, BatchOutputError

if TYPE_CHECKING:
    from pathlib import Path

ABC = [line("one", "a"), line("two", "b"), line("three", "c")]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_input(tmp_path, ABC)


def test_a_run_leaves_an_output_and_nothing_else(source: Path) -> None:
    plan = run(source)
    assert (plan.total, plan.pending, plan.read) == (3, 3, 3)
    assert both(source) == (["a", "b", "c"], [])
    assert files(source.parent) == ["in.jsonl", "out.jsonl"]


def test_failures_stand_in_a_file_of_their_own(source: Path) -> None:
    run(source, fails=lambda item: item.custom_id == "b")
    assert both(source) == (["a", "c"], ["b"])
    plan = run(source, resume=True)
    assert (plan.total, plan.pending, plan.failed_before) == (3, 0, 1)
    plan = run(source, retry_failed=True)
    assert (plan.pending, plan.failed_before) == (1, 0)
    assert both(source) == (["a", "c", "b"], [])
    assert files(source.parent) == ["in.jsonl", "out.jsonl"]


def test_an_output_that_is_there_is_left_alone(source: Path) -> None:
    run(source, at_most=1)
    before = source.with_name("out.jsonl").read_bytes()
    with pytest.raises(BatchFileError, match=r"out.jsonl is there already: go on with it \(--resume"):
        run(source)
    assert source.with_name("out.jsonl").read_bytes() == before


def test_failures_that_are_there_are_left_alone(source: Path) -> None:
    run(source, fails=lambda _: True)
    with pytest.raises(BatchFileError, match=r"out.errors.jsonl is there already"):
        run(source)


def test_a_resume_of_nothing_begins(source: Path) -> None:
    run(source, resume=True)
    assert both(source) == (["a", "b", "c"], [])


def test_a_limit_is_of_the_input_and_not_of_what_is_left(source: Path) -> None:
    plan = run(source, limit=2)
    assert (plan.total, plan.pending) == (2, 2)
    assert run(source, limit=2, resume=True).pending == 0
    assert run(source, resume=True).pending == 1
    assert run(source, limit=1, resume=True).pending == 0
    assert both(source) == (["a", "b", "c"], [])


def test_equal_lines_without_names_are_asked_each(tmp_path: Path) -> None:
    source = write_input(tmp_path, [line("x"), line("y"), line("x"), b"\n", line("x")])
    run(source, at_most=2)
    run(source, resume=True)
    names, _ = both(source)
    assert len(set(names)) == len(names) == 4
    first = names[0]
    assert {f"{first}-2", f"{first}-3"} < set(names)


def test_two_lines_of_one_name_are_refused_before_anything_is_asked(tmp_path: Path) -> None:
    source = write_input(tmp_path, [*ABC, b"\n", line("four", "b")])
    with pytest.raises(
        BatchFileError, match=r"lines 2 and 5 of .*in.jsonl have the same custom_id 'b'"
    ) as caught:
        run(source)
    assert "three" not in str(caught.value)
    assert files(tmp_path) == ["in.jsonl"]


def test_a_bad_line_is_reported_once(tmp_path: Path) -> None:
    source = write_input(tmp_path, [ABC[0], b"nonsense\n", ABC[2]])
    run(source)
    assert both(source) == (["a", "c"], ["invalid-line-2"])
    assert run(source, resume=True).pending == 0
    plan = run(source, retry_failed=True)
    assert (plan.pending, plan.invalid_before) == (0, 1)
    source.write_bytes(b"".join(ABC))
    assert run(source, resume=True).pending == 1
    assert both(source) == (["a", "c", "b"], [])


def test_an_output_of_another_input(tmp_path: Path, source: Path) -> None:
    run(source)
    write_input(tmp_path, ABC[:2])
    with pytest.raises(BatchFileError, match=r"has no 'c', which its line 3 is for; name another output"):
        run(source, resume=True)
    write_input(tmp_path, [*ABC[:2], line("other", "c")])
    with pytest.raises(
        BatchFileError, match=r"line 3 is for 'c', but line 3 of .* asks something else under this name now"
    ):
        run(source, resume=True)
    write_input(tmp_path, ABC)
    with pytest.raises(BatchFileError, match="of another model or other parameters"):
        run(source, resume=True, reading=Reading(defaults={"model": "other"}))


def test_failures_of_another_input(tmp_path: Path, source: Path) -> None:
    run(source, fails=lambda item: item.custom_id == "c")
    write_input(tmp_path, [*ABC[:2], line("mended", "c")])
    with pytest.raises(BatchFileError, match="ask it again"):
        run(source, resume=True)
    write_input(tmp_path, ABC[:2])
    with pytest.raises(BatchFileError, match=r"has no 'c', which its line 1 is for"):
        run(source, retry_failed=True)
    write_input(tmp_path, [*ABC[:2], line("mended", "c")])
    run(source, retry_failed=True)
    assert both(source) == (["a", "b", "c"], [])


def test_a_failure_beside_an_answer_gives_way(source: Path) -> None:
    run(source, fails=lambda item: item.custom_id == "b")
    errors = errors_path(source.with_name("out.jsonl"))
    failure = errors.read_bytes()
    run(source, retry_failed=True)
    errors.write_bytes(failure)
    run(source, resume=True)
    assert both(source) == (["a", "c", "b"], [])


def test_two_failures_of_one_line_become_one(source: Path) -> None:
    run(source, fails=lambda item: item.custom_id == "b")
    errors = errors_path(source.with_name("out.jsonl"))
    errors.write_bytes(errors.read_bytes() * 2)
    run(source, resume=True)
    assert both(source) == (["a", "c"], ["b"])


def test_two_answers_of_one_line_are_refused(source: Path) -> None:
    run(source)
    output = source.with_name("out.jsonl")
    output.write_bytes(output.read_bytes() * 2)
    with pytest.raises(BatchFileError, match="answers 'a' twice, in line 4 again"):
        run(source, resume=True)


@pytest.mark.parametrize("which", ["out.jsonl", "out.errors.jsonl"])
def test_a_file_cut_anywhere_is_mended(tmp_path: Path, which: str) -> None:
    source = write_input(tmp_path, ABC)
    failing = which != "out.jsonl"
    run(source, fails=lambda _: failing)
    path = source.with_name(which)
    whole = path.read_bytes()
    for cut in range(len(whole)):
        for name in ("out.jsonl", "out.errors.jsonl"):
            source.with_name(name).unlink(missing_ok=True)
        path.write_bytes(whole[:cut])
        plan = run(source, resume=True)
        assert plan.pending == 3 - len(whole[: cut + 1].splitlines(keepends=False)) + (
            0 if whole[cut : cut + 1] == b"\n" else 1
        )
        answers, failures = both(source)
        assert sorted(answers + failures) == ["a", "b", "c"], cut


def test_what_a_lost_power_leaves_is_cut_off(source: Path) -> None:
    run(source, at_most=2)
    output = source.with_name("out.jsonl")
    output.write_bytes(output.read_bytes() + b"\0" * 70_000)
    run(source, resume=True)
    assert both(source) == (["a", "b", "c"], [])


def test_a_long_last_line_is_found(tmp_path: Path) -> None:
    source = write_input(tmp_path, [line("x" * 200_000, name) for name in "abc"])
    run(source)
    output = source.with_name("out.jsonl")
    os.truncate(output, output.stat().st_size - 100)
    assert run(source, resume=True).pending == 1
    assert both(source) == (["a", "b", "c"], [])


@pytest.mark.parametrize("text", [b"My notes\nof today", b'{"id": "x"}\n', b"{}\n{}\n"])
def test_a_file_of_something_else_is_left_alone(source: Path, text: bytes) -> None:
    output = source.with_name("out.jsonl")
    output.write_bytes(text)
    with pytest.raises(BatchFileError, match="name another output"):
        run(source, resume=True)
    assert output.read_bytes() == text


def test_a_broken_line_in_the_middle_is_named(source: Path) -> None:
    run(source)
    output = source.with_name("out.jsonl")
    lines = output.read_bytes().splitlines(keepends=True)
    output.write_bytes(b"".join([lines[0], lines[1][:50] + b"\n", lines[2]]))
    with pytest.raises(BatchFileError, match=r"line 2 of .*out.jsonl is no line of a batch's output"):
        run(source, resume=True)


def test_two_runs_at_once(source: Path) -> None:
    output = source.with_name("out.jsonl")
    with closing(AppendFile(output)) as file:
        file.lock()
        if sys.platform != "win32":
            with pytest.raises(BatchFileError, match="another run is writing"):
                run(source)
    run(source)


def test_an_input_that_changes_is_noticed(source: Path) -> None:
    for changed in (
        ABC[:2],
        [*ABC, line("four", "d")],
        [ABC[1], ABC[0], ABC[2]],
        [*ABC[:2], line("three", "d")],
        [],
    ):
        write_input(source.parent, ABC)
        with closing(
            Plan(Job(input=source, output=source.with_name("other.jsonl"), reading=READING))
        ) as plan:
            for _ in plan.prepare():
                pass
            write_input(source.parent, changed)
            with pytest.raises(BatchFileError, match=r"in.jsonl was changed while the batch ran"):
                list(plan.blocks())


def test_an_input_that_vanishes(source: Path) -> None:
    with closing(Plan(Job(input=source, output=source.with_name("out.jsonl"), reading=READING))) as plan:
        for _ in plan.prepare():
            pass
        source.unlink()
        with pytest.raises(BatchFileError, match=r"cannot read .*in.jsonl: No such file"):
            list(plan.blocks())


def test_files_that_cannot_be(source: Path, tmp_path: Path) -> None:
    def refused(given: Path, output: Path) -> str:
        with closing(Plan(Job(input=given, output=output))) as plan, pytest.raises(BatchFileError) as caught:
            list(plan.prepare())
        return str(caught.value)

    there = source.with_name("out.jsonl")
    assert refused(tmp_path / "none.jsonl", there) == f"there is no file {tmp_path / 'none.jsonl'}"
    assert "is no file: a batch reads its input twice" in refused(tmp_path, there)
    assert "is the input too" in refused(source, source)
    assert "there is no directory" in refused(source, tmp_path / "none" / "out.jsonl")
    assert "Is a directory" in refused(source, tmp_path)
    assert "is no file" in refused(source, type(source)(os.devnull))
    assert files(tmp_path) == ["in.jsonl"]


def test_a_link_stays_one(source: Path, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    for name in ("out.jsonl", "out.errors.jsonl"):
        (tmp_path / name).symlink_to(tmp_path / "far" / name)
    run(source, fails=lambda item: item.custom_id == "b")
    run(source, retry_failed=True, fails=lambda _: True)
    assert (tmp_path / "out.errors.jsonl").is_symlink()
    assert both(source) == (["a", "c"], ["b"])
    assert ids(tmp_path / "far" / "out.errors.jsonl") == ["b"]


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "out.jsonl"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with closing(AppendFile(path)) as file:
        file.append(b"a" * 9 + b"\n")
        resource.setrlimit(resource.RLIMIT_FSIZE, (35, hard))
        try:
            with pytest.raises(BatchOutputError, match=r"cannot write .*out.jsonl any more: File too large"):
                file.append((b"b" * 9 + b"\n") * 3)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert path.read_bytes() == b"a" * 9 + b"\n" + (b"b" * 9 + b"\n") * 2
        file.append(b"c\n")
    assert path.read_bytes().endswith(b"\nc\n")


def test_a_rewriting_that_is_given_up_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"old\n")
    path.chmod(0o600)
    (tmp_path / ".x.jsonl.next").write_bytes(b"of a killed run")
    rewriting = Rewriting(path)
    rewriting.write(b"new\n")
    rewriting.abandon()
    assert (path.read_bytes(), files(tmp_path)) == (b"old\n", ["x.jsonl"])
    rewriting = Rewriting(path)
    rewriting.write(b"new\n")
    rewriting.commit()
    rewriting.abandon()
    assert (path.read_bytes(), files(tmp_path)) == (b"new\n", ["x.jsonl"])
    assert path.stat().st_mode & 0o777 == 0o600


def test_errors_stand_beside_the_output(tmp_path: Path) -> None:
    assert errors_path(tmp_path / "a.jsonl").name == "a.errors.jsonl"
    assert errors_path(tmp_path / "a").name == "a.errors.jsonl"


def test_the_error_file_says_which_line(tmp_path: Path) -> None:
    source = write_input(tmp_path, [b"\n", b"{\n"])
    run(source)
    (raw,) = (tmp_path / "out.errors.jsonl").read_bytes().splitlines()
    assert orjson.loads(raw)["error"]["line"] == 2
