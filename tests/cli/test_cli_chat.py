from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import orjson
import pytest
from cli_process import command

from aiocompl import ChatCompletion, ChatCompletionChunk, ChatCompletionMessage, stream_chunk_builder
from aiocompl.cli.ask import text_of
from aiocompl.testing import Answer, faults

if TYPE_CHECKING:
    from aiocompl.testing import Simulator

pytestmark = pytest.mark.real_time


def at(simulator: Simulator, model: str = "sim") -> tuple[str, ...]:
    return "chat", "-m", model, "--api-base", simulator.base_url


@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
async def test_the_answer_and_nothing_else_is_on_stdout(simulator: Simulator, how: str) -> None:
    simulator.script = "Zwölf 🦆\nswim by."
    done = await command(*at(simulator), how, "What", "swims?")
    assert done == (0, "Zwölf 🦆\nswim by.\n", "")
    body = simulator.requests[0].body
    assert body["messages"] == [{"role": "user", "content": "What swims?"}]
    assert body.get("stream", False) is (how == "--stream")


async def test_an_answer_that_ends_its_line_gets_no_second_newline(simulator: Simulator) -> None:
    simulator.script = "done\n"
    assert await command(*at(simulator), "--stream", "hi") == (0, "done\n", "")


async def test_what_is_piped_in_is_the_prompt_and_the_whole_answer_comes_at_once(
    simulator: Simulator,
) -> None:
    assert await command(*at(simulator), stdin="grüße\n".encode()) == (0, "You said: grüße\n", "")
    assert not simulator.requests[0].body.get("stream")


async def test_a_dash_stands_for_what_is_piped_in(simulator: Simulator) -> None:
    done = await command(*at(simulator), "Sum", "up:", "-", "Be brief.", stdin=b"line 1\nline 2\n")
    assert done.status == 0
    content = simulator.requests[0].body["messages"][0]["content"]
    assert content == "Sum up:\n\nline 1\nline 2\n\nBe brief."


async def test_options_reach_the_provider(simulator: Simulator) -> None:
    options = ("--system", "Be kind.", "--max-tokens", "7", "--temperature", "0.25", "--timeout", "50")
    assert (await command(*at(simulator), *options, "hi")).status == 0
    body = simulator.requests[0].body
    assert body["messages"][0] == {"role": "system", "content": "Be kind."}
    assert 7 in (body.get("max_tokens"), body.get("max_completion_tokens"))
    assert body["temperature"] == 0.25
    assert "timeout" not in body


async def test_the_model_comes_from_the_environment(simulator: Simulator) -> None:
    done = await command("chat", "--api-base", simulator.base_url, "hi", env={"AIOCOMPL_MODEL": "from-env"})
    assert done.status == 0
    assert simulator.requests[0].model == "from-env"


async def test_json_is_the_whole_response(simulator: Simulator) -> None:
    simulator.script = "hello"
    done = await command(*at(simulator), "--json", "hi")
    assert (done.status, done.err) == (0, "")
    response = ChatCompletion.model_validate(orjson.loads(done.out))
    assert response.choices[0].message.content == "hello"
    assert response.usage is not None


async def test_json_and_stream_are_a_chunk_a_line(simulator: Simulator) -> None:
    simulator.script = "hello there, you"
    done = await command(*at(simulator), "--json", "--stream", "hi")
    assert (done.status, done.err) == (0, "")
    chunks = [ChatCompletionChunk.model_validate(orjson.loads(line)) for line in done.out.splitlines()]
    assert len(chunks) > 3
    assert stream_chunk_builder(chunks).choices[0].message.content == "hello there, you"


@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
async def test_verbose_says_on_stderr_how_it_went(simulator: Simulator, how: str) -> None:
    simulator.script = [faults.rate_limited(retry_after=0), "hello"]
    done = await command(*at(simulator), how, "--verbose", "hi")
    assert (done.status, done.out) == (0, "hello\n")
    note, *rows = done.err.splitlines()
    assert note.startswith("note: attempt 1 failed, the next one comes in 0.0 s: ")
    told = {row[:12].strip(): row[12:].strip() for row in rows}
    assert told["provider"] == "custom"
    assert told["endpoint"] == simulator.base_url
    assert told["model"] == "sim"
    assert told["attempts"] == "2"
    assert told["tokens"].endswith(" together")
    assert told["finished by"] == "stop"
    assert {"queued", "total", "request id"} <= set(told)
    assert ("first token" in told) is (how == "--stream")


async def test_verbose_does_without_the_tokens_where_a_provider_cannot_count_them(
    simulator: Simulator,
) -> None:
    done = await command(
        *at(simulator, "mistral/any"), "--stream", "-v", "hi", env={"MISTRAL_API_KEY": "sk-made-up"}
    )
    assert (done.status, done.out) == (0, "You said: hi\n")
    assert "stream_options" not in simulator.requests[0].body
    assert "not told" in done.err
    assert "sk-made-up" not in done.err


async def test_an_answer_that_was_cut_or_is_empty_is_noted(simulator: Simulator) -> None:
    simulator.script = [Answer(text="no end of", finish_reason="length"), Answer(text="")]
    done = await command(*at(simulator), "hi")
    assert done.out == "no end of\n"
    assert done.err == "note: the answer was cut at the limit of tokens; --max-tokens N allows more\n"
    assert await command(*at(simulator), "hi") == (0, "", "note: the answer is empty\n")


async def test_a_refusal_is_an_answer(simulator: Simulator) -> None:
    simulator.script = Answer(text=None, refusal="I would rather not.")
    assert await command(*at(simulator), "--stream", "hi") == (0, "I would rather not.\n", "")


async def test_wrong_prompts_are_refused_before_anything_is_sent(simulator: Simulator) -> None:
    for stdin, words in ((b"", ()), (b"", (" ",)), (b"\xff", ())):
        done = await command(*at(simulator), *words, stdin=stdin)
        assert (done.status, done.out) == (2, "")
        assert done.err.startswith(
            ("error: the prompt is empty\n", "error: what is piped in is no UTF-8 text")
        )
    assert simulator.requests == []


@pytest.mark.skipif(sys.platform != "linux", reason="arguments are bytes there")
async def test_an_argument_that_is_no_text_is_refused() -> None:
    done = await command("chat", "-m", "sim", "\udcff")
    assert done == (2, "", "error: the prompt is no text in this terminal's encoding\n")


def test_blocks_of_content_are_read_as_text() -> None:
    blocks = [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]
    assert text_of(ChatCompletionMessage(content=blocks)) == "ab"
    assert text_of(ChatCompletionMessage(content=None)) == ""
