from __future__ import annotations

import asyncio
import re
import signal
import sys
from typing import Any

import orjson
import pytest
from cli_process import command, finish, start

from aiocompl.cli.models import context_length
from aiocompl.types.model_list import ModelInfo

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(sys.platform == "win32", reason="ends by a POSIX signal"),
]


async def test_models_of_a_simulator_in_another_process() -> None:
    process = await start("simulate", "--port", "0", "--api-key", "sk-1", "-m", "one", "-m", "two")
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        found = re.search(r"http://\S+/v1", line)
        assert found is not None, line
        base, key = ("--api-base", found.group()), {"ANTHROPIC_API_KEY": "sk-1", "OPENAI_API_KEY": "sk-1"}
        table, as_json, refused, bare = await asyncio.gather(
            command("models", "claude", *base, env=key),
            command("models", "openai", *base, "--json", env=key),
            command("models", "openai", *base, env={"OPENAI_API_KEY": "sk-wrong"}),
            command("models", *base),
        )
    finally:
        process.send_signal(signal.SIGINT)
    await finish(process)
    assert table.status == as_json.status == 0
    assert table.out == (
        "MODEL          CREATED     CONTEXT\n"
        "anthropic/one  2026-01-01   200000\n"
        "anthropic/two  2026-01-01   200000\n"
    )
    assert table.err.endswith("note: 2 models\n")  # asyncio's debug mode may find loading the dialect slow
    assert [model["id"] for model in orjson.loads(as_json.out)["data"]] == ["one", "two"]
    assert (refused.status, refused.out) == (3, "")
    assert "sk-wrong" not in refused.err
    assert (bare.status, bare.out) == (3, "")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("nobody",), 4, "no provider is called 'nobody'"),
        (("perplexity", "--api-base", "http://127.0.0.1:9"), 4, "not known to have a list of models"),
        (("anthropic",), 3, "set the environment variable ANTHROPIC_API_KEY"),
        ((), 2, "where is the server?"),
        (("openai", "--timeout", "-1"), 3, "no API key"),
        (("x", "--api-base", "http://127.0.0.1:9/v1", "--timeout", "-1"), 2, "timeout must be"),
    ],
)
async def test_what_cannot_be_listed(arguments: tuple[str, ...], status: int, said: str) -> None:
    done = await command("models", *arguments)
    assert (done.status, done.out) == (status, "")
    assert done.err.startswith("error: ")
    assert said in " ".join(done.err.split())


@pytest.mark.parametrize(
    ("said", "length"),
    [
        ({"context_length": 8192.0}, 8192),
        ({"inputTokenLimit": 9}, 9),
        ({"limits": {"max_input_tokens": 7}}, 7),
        ({"meta": {"n_ctx_train": 4096}, "max_model_len": 2048}, 2048),
        ({"context_length": None, "context_window": 5}, 5),
        ({"context_length": True}, None),
        ({"context_length": 0}, None),
        ({}, None),
    ],
)
def test_the_context_length_has_many_names(said: dict[str, Any], length: int | None) -> None:
    assert context_length(ModelInfo.model_validate({"id": "m", **said})) == length
