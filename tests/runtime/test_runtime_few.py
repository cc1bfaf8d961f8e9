"""What few calls come to: routes beyond those that are kept, parameters that are dropped beside chat, what a hook is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from runtime_kit import BODY, MESSAGES, ScriptedSupervisor

from aiocompl import BadRequestError
from aiocompl.runtime import children
from aiocompl.runtime.call import sort_keywords
from aiocompl.testing import Delivery, ScriptedTransport
from aiocompl.types.request import EmbeddingRequest, ModelsRequest, ModerationRequest, RerankRequest

if TYPE_CHECKING:
    from aiocompl.wire.messages import HTTPRequest

VECTORS = {"data": [{"index": 0, "embedding": [1.0]}], "model": "m"}
RANKS = {"id": "r", "results": [{"index": 0, "relevance_score": 0.5}]}
VERDICT = {"id": "v", "model": "m", "results": [{"flagged": False, "categories": {}, "category_scores": {}}]}
MODELS = {"object": "list", "data": [{"id": "m"}]}
ANSWERS = {"embeddings": VECTORS, "rerank": RANKS, "moderations": VERDICT, "models": MODELS}


def answer(request: HTTPRequest) -> Delivery:
    return Delivery.json(ANSWERS.get(request.url.rpartition("/")[2], BODY))


def scripted() -> tuple[ScriptedSupervisor, ScriptedTransport]:
    transport = ScriptedTransport(answer)
    return ScriptedSupervisor(lambda _: transport), transport


async def test_routes_that_are_forgotten_are_found_again_with_the_same_child(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(children, "_MAX_ROUTES", 2)
    supervisor, _ = scripted()
    async with supervisor:
        for number in (1, 2, 3, 4, 1):
            await supervisor.acompletion(f"openai/m{number}", MESSAGES, api_key="k")
            await supervisor.aembedding(f"openai/m{number}", "text", api_key="k")
            assert max(len(supervisor._routes), len(supervisor._operations)) <= 2
        assert len(supervisor.snapshot().endpoints) == 1


async def test_all_that_can_be_asked_is_asked_and_tells_the_hook_what_it_asked() -> None:
    supervisor, _ = scripted()
    told: list[dict[str, Any]] = []
    how: Any = {"api_key": "k", "logger_fn": told.append}
    async with supervisor:
        embedding = await supervisor.aembedding("openai/m", "text", **how)
        ranking = await supervisor.arerank("cohere/m", "query", ["a"], **how)
        verdict = await supervisor.amoderation("text", "openai/m", **how)
        models = await supervisor.amodels("openai", **how)
    assert embedding.data[0].embedding == [1.0]
    assert ranking.results[0].relevance_score == 0.5
    assert not verdict.results[0].flagged
    assert [model.id for model in models.data] == ["m"]
    asked = [step for step in told if step["log_event_type"] == "pre_api_call"]
    assert [step.get("input") for step in asked] == [["text"], None, ["text"], None]
    assert (asked[1]["query"], asked[1]["documents"]) == ("query", ["a"])


async def test_what_an_operation_does_not_take_is_dropped_and_reported() -> None:
    supervisor, transport = scripted()
    async with supervisor:
        options: Any = {"top_k": 3, "drop_params": True, "api_key": "k"}
        ranking = await supervisor.arerank("cohere/m", "query", ["a"], **options)
        assert ranking.call is not None
        assert ranking.call.dropped_params == ("top_k",)
    assert b"top_k" not in transport.records[0].request.body


def test_what_requests_asked() -> None:
    assert EmbeddingRequest(model="m", input=["a"]).asked() == {"input": ["a"]}
    assert ModerationRequest(model="m", input=["a"]).asked() == {"input": ["a"]}
    assert RerankRequest(model="m", query="q", documents=["a"]).asked() == {"query": "q", "documents": ["a"]}
    assert ModelsRequest().asked() == {}


def test_credentials_that_are_no_json_are_refused() -> None:
    with pytest.raises(BadRequestError, match="vertex_credentials cannot be written as JSON"):
        sort_keywords("m", [], keywords={"vertex_credentials": {"key": object()}})
