"""One address stands for every provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from natives import NATIVES

from aiocompl.testing import Answer, Received, Simulator, faults
from aiocompl.testing.dialects import DIALECTS, make_dialect
from aiocompl.testing.dialects.choice import Choice

if TYPE_CHECKING:
    from bare_client import Client

PATHS = [
    ("/v1/chat/completions", "openai"),
    ("/v1/models", "openai"),
    ("/openai/v1/chat/completions", "openai"),  # Groq's; Azure's where the header is
    ("/groq.com/openai/v1/chat/completions", "groq"),
    ("/mistral/v1/chat/completions", "mistral"),
    ("/api/v1/chat/completions", "openai"),
    ("/v1/projects/p/locations/l/endpoints/openapi/chat/completions", "vertex_openai"),
    ("/v1/projects/p/locations/l/publishers/mistralai/models/m:rawPredict", "vertex_openai"),
    ("/client/v4/accounts/a/ai/run/@cf/meta/llama", "cloudflare"),
    ("/client/v4/accounts/a/ai/v1/chat/completions", "openai"),
    ("/serving-endpoints/chat/completions", "databricks"),
    ("/serving-endpoints/e/invocations", "databricks"),
    ("/groq/openai/v1/chat/completions", "huggingface"),
    ("/together/v1/chat/completions", "huggingface"),
    ("/hf-inference/models/o/m/v1/chat/completions", "tgi"),
    ("/api/v2/cortex/v1/messages", "anthropic"),
    ("/nothing", "openai"),
    ("/openai/deployments/gpt-4o/chat/completions", "azure"),
    ("/v1/responses", "responses"),
    ("/openai/v1/responses", "responses"),
    ("/v1/messages", "anthropic"),
    ("/anthropic/v1/messages", "anthropic"),
    ("/v1/projects/p/locations/l/publishers/anthropic/models/claude:streamRawPredict", "anthropic"),
    ("/v2/chat", "cohere"),
    ("/v1/chat", "cohere_v1"),
    ("/v1beta/models/gemini-2.5-flash:generateContent", "gemini"),
    ("/v1/models/gemini-2.5-flash:generateContent", "gemini"),
    ("/v1beta/models/gemini-2.5-flash:streamGenerateContent", "gemini_array"),
    ("/v1beta1/projects/p/locations/l/publishers/google/models/gemini:generateContent", "vertex"),
    ("/v1/publishers/google/models/gemini:generateContent", "vertex"),
    ("/v1/predictions", "replicate"),
    ("/v1/predictions/p1/cancel", "replicate"),
    ("/v1/models/owner/name/predictions", "replicate"),
    ("/v1/deployments/owner/name/predictions", "replicate"),
    ("/v1/streams/p1", "replicate"),
    ("/api/chat", "ollama"),
    ("/endpoints/my-endpoint/invocations", "sagemaker"),
    ("/endpoints/my-endpoint/invocations-response-stream", "sagemaker"),
    ("/model/us.anthropic.claude-v1:0/converse", "bedrock"),
    ("/v1/model/us.anthropic.claude-v1:0/converse", "bedrock"),
    ("/model/arn:aws:bedrock:us-east-1:0:inference-profile/us.claude/converse-stream", "bedrock"),
]


def received(path: str, **how: Any) -> Received:
    return Received(**{"number": 1, "method": "POST", "path": path, "headers": {}, "body": b"", **how})


@pytest.mark.parametrize(("path", "name"), PATHS)
def test_the_path_says_which(path: str, name: str) -> None:
    assert type(Choice("openai").of(received(path))) is type(make_dialect(name))


def test_headers_and_the_query_say_the_rest() -> None:
    choice = Choice("openai")
    azure = received("/openai/v1/chat/completions", headers={"api-key": "k"})
    assert type(choice.of(azure)) is type(make_dialect("azure"))
    models = received("/v1/models", method="GET", headers={"anthropic-version": "2023-06-01"})
    assert type(choice.of(models)) is type(make_dialect("anthropic"))
    sse = received("/v1beta/models/gemini:streamGenerateContent", query="alt=sse")
    assert type(choice.of(sse)) is type(make_dialect("gemini"))


async def test_one_simulator_speaks_them_all(client: Client, simulator: Simulator) -> None:
    simulator.script = lambda asked: Answer(text=f"{asked.text}, {asked.model}")
    for native in NATIVES:
        said = await native.ask(client.session, simulator, text=native.name)
        assert said.text.startswith(f"{native.name}, ")
        assert (await native.stream(client.session, simulator, text=native.name)).text == said.text
    assert (await client.ask(simulator, "openai"))["choices"][0]["message"]["content"] == "openai, gpt-4o"
    assert [request.number for request in simulator.requests] == list(range(1, 2 * len(NATIVES) + 2))
    assert all(request.outcome == "answered" for request in simulator.requests)


async def test_a_script_goes_on_from_dialect_to_dialect(client: Client, simulator: Simulator) -> None:
    simulator.script = [faults.rate_limited(), Answer(text="then")]
    anthropic, cohere = (native for native in NATIVES if native.name in ("anthropic", "cohere"))
    assert (await anthropic.post(client.session, simulator))[0] == 429
    assert (await cohere.ask(client.session, simulator)).text == "then"


async def test_model_lists(client: Client, simulator: Simulator) -> None:
    async def listed(path: str, **headers: str) -> Any:
        async with client.session.get(simulator.url + path, headers=headers) as response:
            assert response.status == 200
            return orjson.loads(await response.read())

    assert (await listed("/v1/models"))["object"] == "list"
    anthropic = await listed("/v1/models", **{"anthropic-version": "2023-06-01"})
    assert anthropic["first_id"] == anthropic["data"][0]["id"]
    assert (await listed("/v1beta/models"))["models"][0]["name"].startswith("models/gemini")
    assert (await listed("/api/tags"))["models"][0]["name"] == "llama3.2:latest"


@pytest.mark.parametrize("name", DIALECTS)
async def test_an_object_is_the_only_dialect(client: Client, name: str) -> None:
    async with Simulator(dialect=make_dialect(name)) as simulator:
        assert simulator.base_url.startswith(simulator.url)
        assert (await client.status(simulator)) in (200, 400, 404)
        async with client.session.post(f"{simulator.url}/no/such/path", json={}) as response:
            assert response.status in (400, 404)


def test_an_unknown_dialect() -> None:
    with pytest.raises(ValueError, match="speaks no dialect 'klingon'; it speaks anthropic"):
        Simulator(dialect="klingon")
