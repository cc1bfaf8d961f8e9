"""Files worked off by a simulated provider's batches, over real sockets."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from aiocompl import Supervisor
from aiocompl.batchfile.provider_ports import Pace
from aiocompl.batchfile.provider_run import cancel_provider_batch, run_provider_batch_file
from aiocompl.batchfile.provider_state import state_path
from aiocompl.batchfile.run import run_batch_file
from aiocompl.errors import BadRequestError, BatchFileError, NotFoundError
from aiocompl.testing import Latency, Simulator, faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiocompl.batchfile.provider_ports import ProviderNews
    from aiocompl.testing.asked import Asked

MODELS = ["openai/gpt-4o", "anthropic/claude-sonnet-4-5", "groq/llama", "custom/m", "azure/m"]
LONG = Latency(first_token=3600)
each_model = pytest.mark.parametrize("model", MODELS)
PACE = Pace(first=0.01, longest=0.02)


def behave(asked: Asked) -> Any:
    return faults.context_length() if asked.text == "bad" else None


class World:
    """A simulated provider, a supervisor, and a directory."""

    def __init__(self, simulator: Simulator, supervisor: Supervisor, directory: Path) -> None:
        self.simulator = simulator
        self.supervisor = supervisor
        self.input = directory / "in.jsonl"
        self.output = directory / "out.jsonl"
        self.errors = directory / "out.errors.jsonl"
        self.news: list[ProviderNews] = []

    def write(self, *texts: str, **more: Any) -> None:
        """Put requests into the input."""
        lines = [
            {"custom_id": f"{text} ü", "body": {"messages": [{"role": "user", "content": text}], **more}}
            for text in texts
        ]
        self.input.write_bytes(
            b"".join(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in lines)
        )

    async def run(self, model: str | None = "openai/gpt-4o", **options: Any) -> Any:
        return await run_provider_batch_file(
            self.input,
            self.output,
            model=model,
            supervisor=self.supervisor,
            pace=PACE,
            on_news=self.news.append,
            **self.where(model),
            **options,
        )

    def where(self, model: str | None = None) -> dict[str, Any]:
        """Where the provider of a model is, and the key."""
        path = "" if model == "azure/m" else "/v1"
        return {"api_base": self.simulator.url + path, "api_key": "right"}

    def answers(self) -> dict[str, Any]:
        """The output, by name."""
        lines = [orjson.loads(line) for line in self.output.read_bytes().splitlines()]
        assert len({line["custom_id"] for line in lines}) == len(lines)
        return {line["custom_id"]: line for line in lines}

    @property
    def begun(self) -> int:
        return sum(
            record.method == "POST" and record.path.endswith("/batches") for record in self.simulator.requests
        )


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with Simulator(behave, api_key="right") as simulator, Supervisor(num_retries=0) as supervisor:
        yield World(simulator, supervisor, tmp_path)


@each_model
async def test_the_output_is_that_of_the_direct_way(world: World, model: str) -> None:
    world.write("a", "bad", "b", max_tokens=9)
    summary = await world.run(model)
    assert (summary.total, summary.answered, summary.failed, summary.left) == (3, 2, 1, 0)
    assert summary.prompt_tokens > 0
    assert world.begun == 1
    direct = world.output.with_name("direct.jsonl")
    await run_batch_file(world.input, direct, model=model, supervisor=world.supervisor, **world.where(model))
    expected = {line["custom_id"]: line for line in map(orjson.loads, direct.read_bytes().splitlines())}
    for name, line in world.answers().items():
        body, other = line["response"]["body"], expected[name]["response"]["body"]
        assert line["id"] == expected[name]["id"]
        assert body["choices"] == other["choices"]
        assert body["object"] == "chat.completion"
        assert line["error"] is None
    (failed,) = map(orjson.loads, world.errors.read_bytes().splitlines())
    assert failed["custom_id"] == "bad ü"
    assert failed["response"]["status_code"] == 400
    assert failed["error"]["line"] == 2


async def test_a_resume_asks_what_is_new_and_what_failed_if_told(world: World) -> None:
    world.write("a", "bad")
    await world.run()
    with pytest.raises(BatchFileError, match="is there already"):
        await world.run()
    assert (await world.run(resume=True)).answered == 0
    assert world.begun == 1
    world.simulator.script = None
    summary = await world.run(retry_failed=True)
    assert (summary.answered, summary.skipped) == (1, 1)
    assert world.begun == 2
    assert list(world.answers()) == ["a ü", "bad ü"]
    assert not world.errors.exists()


async def test_the_model_may_stand_in_the_lines(world: World) -> None:
    world.write("a", "b", model="openai/gpt-4o")
    assert (await world.run(None)).answered == 2


async def test_the_providers_own_name_of_the_model_will_do(world: World) -> None:
    world.write("a", model="gpt-4o")
    assert (await world.run("openai/gpt-4o")).answered == 1


async def test_one_model_at_a_time(world: World) -> None:
    world.write("a", model="openai/other")
    assert (await world.run("openai/gpt-4o")).failed == 1
    assert b"names another model" in world.errors.read_bytes()
    assert world.begun == 0


async def test_lines_that_hold_no_request_are_written_once(world: World) -> None:
    world.write("a", "b")
    world.input.write_bytes(b"{\n" + world.input.read_bytes() + b"[]\n")
    summary = await world.run()
    assert (summary.answered, summary.failed, summary.invalid) == (2, 2, 2)
    assert len(world.errors.read_bytes().splitlines()) == 2


async def test_nothing_to_ask(world: World) -> None:
    world.input.write_bytes(b"")
    assert (await world.run()).total == 0
    assert (await world.run(None, resume=True)).total == 0
    assert world.simulator.requests == []


async def test_only_the_first_few(world: World) -> None:
    world.write("a", "b", "c")
    assert (await world.run(limit=2)).answered == 2
    assert (await world.run(resume=True)).answered == 1
    with pytest.raises(BadRequestError, match="limit"):
        await world.run(limit=0)


async def test_prompts_from_a_template(world: World) -> None:
    world.input = world.input.with_suffix(".csv")
    world.input.write_text("text\nred\nblue\n")
    await world.run(template="Say {text}")
    said = [line["response"]["body"]["choices"][0]["message"]["content"] for line in world.answers().values()]
    assert sorted(said) == ["You said: Say blue", "You said: Say red"]


async def test_who_has_no_batches(world: World) -> None:
    world.write("a")
    with pytest.raises(NotFoundError, match="not known to have batches"):
        await world.run("cohere/command-a-03-2025")


async def test_it_may_be_left_and_picked_up(tmp_path: Path) -> None:
    async with (
        Simulator(latency=LONG) as simulator,
        Supervisor(num_retries=0) as supervisor,
    ):
        world = World(simulator, supervisor, tmp_path)
        world.write("a", "b")
        stop = asyncio.Event()
        run = asyncio.create_task(world.run(stop_event=stop))
        await simulator.wait_requests(3)
        stop.set()
        left = await run
        assert (left.stopped, left.left, left.answered) == ("stop", 2, 0)
        late = await world.run(resume=True, timeout=0.05)
        assert (late.stopped, late.left) == ("timeout", 2)
        with pytest.raises(BatchFileError, match="works on this output already"):
            await world.run()
        with pytest.raises(BatchFileError, match="openai works on"):
            await run_batch_file(world.input, world.output, model="m", supervisor=supervisor, resume=True)
        await cancel_provider_batch(world.output, supervisor=supervisor, **world.where())
        done = await world.run(resume=True)
        assert (done.stopped, done.failed, done.left, world.begun) == ("", 2, 0, 1)


async def test_cancelling_the_task_leaves_nothing_behind(tmp_path: Path) -> None:
    async with Simulator(latency=LONG) as simulator, Supervisor(num_retries=0) as supervisor:
        world = World(simulator, supervisor, tmp_path)
        world.write("a")
        run = asyncio.create_task(world.run())
        await simulator.wait_requests(3)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert [task for task in asyncio.all_tasks() if "provider batch" in task.get_name()] == []


@each_model
async def test_cancelling_the_batch(tmp_path: Path, model: str) -> None:
    async with Simulator(latency=LONG) as simulator, Supervisor(num_retries=0) as supervisor:
        world = World(simulator, supervisor, tmp_path)
        world.write("a", "b")
        stop = asyncio.Event()
        run = asyncio.create_task(world.run(model, stop_event=stop))
        await simulator.wait_until(lambda: len(world.news) > 1)
        with pytest.raises(BatchFileError, match="another run"):
            await cancel_provider_batch(world.output, supervisor=supervisor, **world.where(model))
        stop.set()
        await run
        news: list[ProviderNews] = []
        count = await cancel_provider_batch(
            world.output, supervisor=supervisor, on_news=news.append, **world.where(model)
        )
        assert (count, [each.event for each in news]) == (1, ["cancelling"])
        summary = await world.run(model, resume=True)
        assert (summary.failed, summary.left) == (2, 0)
        assert world.errors.read_bytes().count(b"batch_cancelled") == 2


async def test_a_key_goes_nowhere_that_only_the_file_says(tmp_path: Path) -> None:
    async with Simulator(latency=LONG) as simulator, Supervisor(num_retries=0) as supervisor:
        world = World(simulator, supervisor, tmp_path)
        world.write("a")
        stop = asyncio.Event()
        run = asyncio.create_task(world.run(stop_event=stop))
        await simulator.wait_until(lambda: len(world.news) > 1)
        stop.set()
        await run
        seen = len(simulator.requests)
        with pytest.raises(BatchFileError, match="resume with the same model and address"):
            await cancel_provider_batch(world.output, supervisor=supervisor, api_key="k")
        assert len(simulator.requests) == seen


async def test_cancelling_where_nothing_is(world: World) -> None:
    with pytest.raises(BatchFileError, match="no provider works on"):
        await cancel_provider_batch(world.output, supervisor=world.supervisor)


async def test_the_state_of_an_output_that_is_no_more_is_forgotten(world: World) -> None:
    world.write("a")
    await world.run()
    world.output.unlink()
    await world.run()
    assert world.begun == 2
    assert len(orjson.loads(state_path(world.output).read_bytes())["parts"]) == 1


async def test_a_key_must_belong_somewhere(world: World) -> None:
    world.write("a", model="m")
    with pytest.raises(BadRequestError, match="whose key"):
        await run_provider_batch_file(world.input, world.output, supervisor=world.supervisor, api_key="k")
