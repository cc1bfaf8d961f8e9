from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cli_process import command

from aiocompl.testing import faults

if TYPE_CHECKING:
    from aiocompl.testing import Simulator
    from aiocompl.testing.faults import Fault

pytestmark = pytest.mark.real_time

CASES = [
    (faults.context_length(), 2, "shorten the prompt"),
    (faults.Status(status=422), 2, None),
    (faults.Status(status=401), 3, "`aiocompl providers` shows"),
    (faults.Status(status=403), 3, "the provider's console"),
    (faults.Status(status=404), 4, "PROVIDER/MODEL"),
    (faults.rate_limited(), 5, "--retries N"),
    (faults.quota_exhausted(), 5, "billing"),
    (faults.Reset(), 7, "is the network up"),
    (faults.server_error(), 8, "try again later"),
    (faults.html_page(), 8, "try again later"),
    (faults.Malformed(), 8, "speak OpenAI's API"),
]


@pytest.mark.parametrize(("fault", "status", "hint"), CASES, ids=[repr(fault) for fault, *_ in CASES])
async def test_each_class_of_error_has_its_status_and_its_line(
    simulator: Simulator, fault: Fault, status: int, hint: str | None
) -> None:
    simulator.script = fault
    done = await command("chat", "-m", "sim", "--api-base", simulator.base_url, "--retries", "0", "hi")
    assert (done.status, done.out) == (status, "")
    error, *rest = done.err.splitlines()
    assert error.startswith("error: custom/sim: ")
    if hint is None:
        assert rest == []
    else:
        assert len(rest) == 1
        assert rest[0].startswith("hint: ")
        assert hint in rest[0]


async def test_a_timeout(simulator: Simulator) -> None:
    simulator.script = faults.Silence()
    done = await command("chat", "-m", "sim", "--api-base", simulator.base_url, "--timeout", "0.2", "hi")
    assert (done.status, done.out) == (6, "")
    assert done.err.splitlines()[1] == "hint: give it more time with --timeout SECONDS"


@pytest.mark.parametrize("clean", [False, True])
async def test_a_cut_stream_ends_its_line_and_says_so(simulator: Simulator, clean: bool) -> None:
    simulator.script = faults.Cut(after_events=3, clean=clean)
    done = await command("chat", "-m", "sim", "--api-base", simulator.base_url, "--stream", "hello", "there")
    assert (done.status, done.out) == (7, "You said:\n")
    note, error, hint = done.err.splitlines()
    assert note == "note: the answer broke off here"
    assert error.startswith("error: custom/sim: ")
    assert hint.startswith("hint: ")


async def test_a_missing_key_names_its_variable() -> None:
    done = await command("chat", "-m", "gpt-4o", "hi")
    assert (done.status, done.out) == (3, "")
    assert "OPENAI_API_KEY" in done.err


async def test_an_unknown_provider_has_a_near_one() -> None:
    done = await command("chat", "-m", "groqq/x", "hi")
    assert (done.status, done.out) == (4, "")
    assert "did you mean 'groq'?" in done.err


async def test_no_model_says_what_to_do() -> None:
    done = await command("chat", "hi")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("error: no model is chosen")
    assert "AIOCOMPL_MODEL" in done.err
    assert "--pull" in done.err


async def test_a_server_of_ones_own_needs_a_model() -> None:
    done = await command("chat", "--api-base", "http://127.0.0.1:9/v1", "hi")
    assert done == (2, "", "error: which model of that server?\nhint: name it with -m MODEL\n")


async def test_pull_is_for_the_local_model() -> None:
    done = await command("chat", "--pull", "-m", "gpt-4o", "hi")
    assert done.status == 2
    assert done.err.startswith("error: --pull fetches the model 'local', but the one to ask is 'gpt-4o'\n")


async def test_missing_weights_say_how_to_get_them() -> None:
    pytest.importorskip("xllamacpp", reason="needs the extra `local`")
    done = await command("chat", "-m", "local", "hi")
    assert (done.status, done.out) == (9, "")
    assert "aiocompl local pull" in done.err
