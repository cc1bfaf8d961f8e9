"""Bare prompts to simulated SageMaker endpoints, as older containers take them; and asked by us."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from native_readers import payloads_of

from aiocompl import Supervisor
from aiocompl.testing import Answer, Simulator

if TYPE_CHECKING:
    from bare_client import Client

PATH = "/endpoints/e/invocations"
STREAM = f"{PATH}-response-stream"


async def post(client: Client, simulator: Simulator, path: str, **body: Any) -> tuple[int, bytes]:
    async with client.session.post(simulator.url + path, json=body) as response:
        return response.status, await response.read()


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, {"generated_text": "Hi you"}),
        ({"return_full_text": True}, {"generated_text": "Well?Hi you"}),
        (
            {"details": True},
            {
                "generated_text": "Hi you",
                "details": {
                    "finish_reason": "eos_token",
                    "generated_tokens": 2,
                    "input_length": 13,
                    "seed": None,
                    "prefill": [],
                    "tokens": [],
                },
            },
        ),
    ],
)
async def test_whole(
    client: Client, simulator: Simulator, parameters: dict[str, Any], expected: dict[str, Any]
) -> None:
    simulator.script = Answer(text="Hi you")
    status, body = await post(client, simulator, PATH, inputs="Well?", parameters=parameters)
    assert status == 200
    if "details" in expected:
        expected["details"]["input_length"] = orjson.loads(body)[0]["details"]["input_length"]
        assert expected["details"]["input_length"] > 0
    assert orjson.loads(body) == [expected]
    assert simulator.requests[0].model == "e"


async def test_streamed(client: Client, simulator: Simulator) -> None:
    simulator.script = Answer(text="Hi you", logprobs=(-0.5,), finish_reason="length")
    _, body = await post(client, simulator, STREAM, inputs="Well?")
    *tokens, last = payloads_of(body)
    assert [(each["token"]["text"], each["generated_text"]) for each in tokens] == [
        ("Hi", None),
        (" you", None),
    ]
    assert tokens[0]["token"]["logprob"] == -0.5
    assert (last["token"]["special"], last["generated_text"]) == (True, "Hi you")
    assert (last["details"]["finish_reason"], last["details"]["generated_tokens"]) == ("length", 2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"inputs": ""}, "cannot be empty"),
        ({"inputs": [[{"role": "user", "content": "x"}]]}, "must be a string"),
        ({"parameters": {"temperature": 0}}, "strictly positive"),
        ({"parameters": {"top_p": 1}}, "> 0.0 and < 1.0"),
        ({"parameters": {"max_new_tokens": 0}}, "strictly positive"),
    ],
)
async def test_refused(client: Client, simulator: Simulator, change: dict[str, Any], words: str) -> None:
    status, body = await post(client, simulator, PATH, **{"inputs": "Well?", **change})
    assert status == 424
    assert words in orjson.loads(body)["OriginalMessage"]


async def test_by_us() -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How are you?"}]
    async with Simulator(dialect="sagemaker") as simulator, Supervisor(num_retries=0) as supervisor:
        place: dict[str, Any] = {"api_base": simulator.base_url, "api_key": "made-up", "temperature": 0.5}
        simulator.script = Answer(text="Fine, thank you.")
        whole = await supervisor.acompletion("sagemaker/inputs/e", messages, **place)
        stream = await supervisor.acompletion("sagemaker/inputs/e", messages, stream=True, **place)
        streamed = await stream.response()
        assert [record.body["inputs"] for record in simulator.requests] == ["Be brief.\n\nHow are you?"] * 2
    for answer in (whole, streamed):
        assert answer.choices[0].message.content == "Fine, thank you."
    assert streamed.choices[0].finish_reason == "stop"
