"""The simulator's embeddings: what they hold, which requests are refused, and how scripts apply to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import pytest

from aiocompl.testing import Answer, Latency, Reply, Usage, faults
from aiocompl.testing.dialects import make_dialect
from aiocompl.testing.dialects.embeddings.common import packed, small, vector

if TYPE_CHECKING:
    from aiocompl.testing import Asked, Simulator
    from aiocompl.testing.plugin import SimulatorFactory

NOVA = {"embeddingPurpose": "GENERIC_INDEX", "text": {"truncationMode": "END", "value": "a"}}
VERTEX = "/v1/projects/p/locations/l/publishers/google/models"
WATSONX = "/ml/v1/text/embeddings"
HF = "/hf-inference/models/a/b/pipeline/feature-extraction"


async def post(
    simulator: Simulator, path: str, body: Any, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(simulator.url + path, data=orjson.dumps(body), headers=headers) as response,
    ):
        return response.status, orjson.loads(await response.read())


def test_vectors_are_made_from_the_text() -> None:
    one, other = vector("a", None), vector("b", None)
    assert one == vector("a", None) != other
    assert len(one) == 8
    assert len(vector("a", 300)) == 300
    assert sum(number * number for number in one) == pytest.approx(1)
    assert all(-127 <= number <= 127 for number in small(one))


async def test_a_script_sees_the_texts_and_decides(simulator: Simulator) -> None:
    seen: list[Asked] = []

    def script(asked: Asked) -> Reply:
        seen.append(asked)
        return Reply(
            answer=Answer(usage=Usage(prompt_tokens=77, completion_tokens=0)), headers={"x-mine": "1"}
        )

    simulator.script = script
    _, made = await post(simulator, "/v1/embeddings", {"model": "m", "input": ["a", "b"], "dimensions": 2})
    assert made["usage"] == {"prompt_tokens": 77, "total_tokens": 77}
    assert [item["embedding"] for item in made["data"]] == [vector("a", 2), vector("b", 2)]
    assert (seen[0].inputs, seen[0].dimensions, seen[0].text) == (("a", "b"), 2, "b")
    assert simulator.requests[0].model == "m"


async def test_faults_and_latency_apply(simulator: Simulator) -> None:
    simulator.script = [faults.server_error(), faults.rate_limited(retry_after=2), Latency()]
    statuses = [(await post(simulator, "/v2/embed", {"model": "m"}))[0]]
    good = {"model": "embed-v4.0", "texts": ["a"], "input_type": "clustering"}
    statuses += [(await post(simulator, "/v2/embed", good))[0] for _ in range(3)]
    assert statuses == [400, 500, 429, 200]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/embeddings", {"model": "text-embedding-3-small", "input": ["a"], "encoding_format": "base64"}),
        ("/openai/deployments/d/embeddings?api-version=1", {"input": "a", "encoding_format": "base64"}),
        ("/v1/embeddings", {"model": "voyage-3", "input": "a", "encoding_format": "base64"}),
        ("/v1/embeddings", {"model": "jina-embeddings-v3", "input": "a", "embedding_type": "base64"}),
    ],
)
async def test_base64_holds_the_same_numbers(simulator: Simulator, path: str, body: Any) -> None:
    status, made = await post(simulator, path, body)
    assert status == 200
    assert made["data"][0]["embedding"] == packed(vector("a", None))


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/embeddings", {"input": "a"}, 400),
        ("/v1/embeddings", {"model": "m"}, 400),
        ("/v1/embeddings", {"model": "m", "input": [1.5]}, 400),
        ("/v1/embeddings", {"model": "m", "input": [[1, "a"]]}, 400),
        ("/v1/embeddings", {"model": "m", "input": ["a", ""]}, 400),
        ("/v1/embeddings", {"model": "m", "input": "a", "dimensions": True}, 400),
        ("/v1/embeddings", {"model": "m", "input": "a", "encoding_format": "hex"}, 400),
        ("/v1/embeddings", {"model": "text-embedding-3-small", "input": "a", "input_type": "query"}, 400),
        ("/v1/embeddings", {"model": "text-embedding-3-small", "input": ["a"] * 2049}, 400),
        ("/v1/embeddings", {"model": "mistral-embed", "input": "a", "user": "u"}, 422),
        ("/v1/embeddings", {"model": "mistral-embed", "input": ["a"] * 257}, 400),
        ("/v1/embeddings", {"model": "voyage-3", "input": "a", "encoding_format": "float"}, 400),
        ("/v1/embeddings", {"model": "voyage-3", "input": [[1, 2]]}, 400),
        ("/v2/embed", {"model": "embed-v4.0", "texts": ["a"]}, 400),
        ("/v2/embed", {"texts": ["a"], "input_type": "clustering"}, 422),
        ("/v2/embed", {"model": "m", "texts": ["a"], "input_type": "clustering", "user": "u"}, 422),
        ("/v2/embed", {"model": "m", "texts": [""], "input_type": "clustering"}, 400),
        ("/v2/embed", {"model": "m", "texts": ["a"], "input_type": "clustering", "truncate": True}, 400),
        (
            "/v2/embed",
            {"model": "m", "texts": ["a"], "input_type": "clustering", "embedding_types": ["x"]},
            400,
        ),
        (
            "/v2/embed",
            {"model": "m", "texts": ["a"], "input_type": "clustering", "output_dimension": 256},
            400,
        ),
        (
            "/v2/embed",
            {"model": "embed-v4.0", "texts": ["a"], "input_type": "image", "output_dimension": 7},
            400,
        ),
        ("/v1beta/models/m:batchEmbedContents", {}, 400),
        ("/v1beta/models/m:batchEmbedContents", {"requests": [{"model": "models/x"}]}, 400),
        ("/v1beta/models/m:batchEmbedContents", {"requests": [{"content": {"parts": [{"text": ""}]}}]}, 400),
        (
            "/v1beta/models/m:batchEmbedContents",
            {"requests": [{"content": {"parts": [{"text": "a"}]}}] * 101},
            400,
        ),
        (f"{VERTEX}/text-embedding-005:predict", {"instances": [{"content": "a"}] * 251}, 400),
        (f"{VERTEX}/gemini-embedding-001:predict", {"instances": [{"content": "a"}] * 2}, 400),
        (f"{VERTEX}/text-embedding-005:predict", {"instances": [{"content": "a", "task_type": "X"}]}, 400),
        ("/api/embed", {"model": "m", "input": 1}, 400),
        ("/api/embed", {"input": "a"}, 400),
        ("/api/embed", {"model": "m", "input": "a", "truncate": "END"}, 400),
        (HF, {"inputs": ["a"] * 33}, 400),
        (HF, {"inputs": [1]}, 400),
        (HF, {"inputs": ["a"], "user": "u"}, 422),
        (f"{WATSONX}?version=1", {"model_id": "m", "inputs": ["a"]}, 400),
        (f"{WATSONX}?version=1", {"inputs": ["a"], "project_id": "p"}, 400),
        (f"{WATSONX}?version=1", {"model_id": "m", "inputs": ["a"], "project_id": "p", "user": "u"}, 400),
        (WATSONX, {"model_id": "m", "inputs": ["a"], "project_id": "p"}, 400),
        ("/model/amazon.titan-embed-text-v1/invoke", {"inputText": "a", "dimensions": 256}, 400),
        ("/model/amazon.titan-embed-text-v2:0/invoke", {"inputText": "a", "dimensions": 300}, 400),
        ("/model/amazon.titan-embed-text-v2:0/invoke", {"inputText": ""}, 400),
        ("/model/nova-embed/invoke", {"taskType": "SINGLE_EMBEDDING"}, 400),
        ("/model/nova-embed/invoke", {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": {}}, 400),
        (
            "/model/nova-embed/invoke",
            {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": {**NOVA, "text": {"value": "a"}}},
            400,
        ),
        ("/model/somebody.embed/invoke", {"inputText": "a"}, 400),
    ],
)
async def test_what_the_provider_would_refuse_is_refused(
    simulator: Simulator, path: str, body: Any, status: int
) -> None:
    found, made = await post(simulator, path, body)
    assert found == status
    assert made.keys() & {"error", "errors", "message"}


@pytest.mark.parametrize(
    ("path", "body", "model"),
    [
        ("/v1/embeddings", {"model": "m", "input": "a"}, "m"),
        ("/v2/embed", {"model": "m", "texts": ["a"], "input_type": "clustering"}, "m"),
        ("/v1beta/models/m:embedContent", {"content": {"parts": [{"text": "a"}]}}, "m"),
        ("/api/embed", {"model": "m", "input": "a"}, "m"),
        (HF, {"inputs": "a"}, "a/b"),
        (f"{WATSONX}?version=1", {"model_id": "m", "inputs": ["a"], "space_id": "s"}, "m"),
        ("/model/titan-embed/invoke", {"inputText": "a"}, "titan-embed"),
    ],
)
async def test_keys_and_models_are_looked_at(
    simulator_factory: SimulatorFactory, path: str, body: Any, model: str
) -> None:
    simulator = await simulator_factory(api_key="right", models=[model])
    keys = {"authorization": "Bearer right", "x-goog-api-key": "right"}
    assert (await post(simulator, path, body, keys))[0] == 200
    assert (await post(simulator, path, body))[0] in {401, 403}
    other = await simulator_factory(models=["another"])
    assert (await post(other, path, body))[0] in {400, 404}


async def test_one_text_alone_is_one_vector_at_hugging_face(simulator: Simulator) -> None:
    assert await post(simulator, HF, {"inputs": "a"}) == (200, vector("a", None))


async def test_compatible_paths_of_native_providers_are_openais(simulator_factory: SimulatorFactory) -> None:
    for dialect in ("feature_extraction", "watsonx"):
        simulator = await simulator_factory(dialect=make_dialect(dialect))
        status, made = await post(simulator, "/v1/embeddings", {"model": "m", "input": "a"})
        assert (status, made["data"][0]["embedding"]) == (200, vector("a", None))
        chat = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        assert (await post(simulator, "/v1/chat/completions", chat))[0] == 200
