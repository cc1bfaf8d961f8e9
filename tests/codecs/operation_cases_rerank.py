"""Reranking and moderation of every dialect, written from the providers' documentation."""

from __future__ import annotations

from typing import Any

from operation_case import TEXT, Case, moderate, rerank

RESULTS = [{"index": 0, "relevance_score": 0.1}, {"index": 1, "relevance_score": 0.9, "unforeseen": 1}]
ORDERED: list[dict[str, Any]] = [
    {"index": 1, "relevance_score": 0.9, "unforeseen": 1},
    {"index": 0, "relevance_score": 0.1},
]
BODY = {"model": "m", "query": TEXT, "documents": ["no", "yes"]}
WITH_TEXTS = [
    {"index": 1, "relevance_score": 0.9, "document": {"text": "yes"}, "unforeseen": 1},
    {"index": 0, "relevance_score": 0.1, "document": {"text": "no"}},
]
META = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
BEST = [{"index": 1, "relevance_score": 0.9}]
USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 57}


def compatible(model: str, url: str, *, sends: bool) -> Case:
    return Case(
        kind="rerank",
        model=model,
        request=rerank(top_n=2, return_documents=True),
        sent=("POST", url, {**BODY, "top_n": 2} | ({"return_documents": True} if sends else {})),
        answer={"id": "r1", "model": "m-1", "results": RESULTS, "usage": {"total_tokens": 57}},
        means={"id": "r1", "model": "m-1", "results": WITH_TEXTS, "usage": USAGE},
    )


RERANKS = [
    Case(
        kind="rerank",
        model="cohere/m",
        request=rerank(top_n=2, return_documents=True, max_tokens_per_doc=9),
        sent=(
            "POST",
            "https://api.cohere.com/v2/rerank",
            {**BODY, "top_n": 2, "max_tokens_per_doc": 9},
        ),
        answer={"id": "r1", "results": RESULTS, "meta": META},
        means={"id": "r1", "model": "", "results": WITH_TEXTS, "meta": META},
    ),
    Case(
        kind="rerank",
        model="cohere/v1/m",
        request=rerank(return_documents=True, rank_fields=["text"], max_chunks_per_doc=3),
        sent=(
            "POST",
            "https://api.cohere.com/v1/rerank",
            {**BODY, "return_documents": True, "rank_fields": ["text"], "max_chunks_per_doc": 3},
        ),
        answer={"id": "r1", "results": RESULTS, "meta": META},
        means={"id": "r1", "model": "", "results": WITH_TEXTS, "meta": META},
    ),
    Case(
        kind="rerank",
        model="voyage/m",
        request=rerank(top_n=1, truncation=True),
        sent=("POST", "https://api.voyageai.com/v1/rerank", {**BODY, "top_k": 1, "truncation": True}),
        answer={
            "object": "list",
            "data": RESULTS[1:],
            "model": "m",
            "usage": {"total_tokens": 57},
        },
        means={"id": "", "model": "m", "results": ORDERED[:1], "usage": USAGE, "object": "list"},
    ),
    compatible("custom/m", "http://127.0.0.1:9/v1/rerank", sends=True),
    Case(
        kind="rerank",
        model="sglang/m",
        request=rerank(),
        sent=("POST", "http://localhost:30000/v1/rerank", BODY),
        answer=[{"index": 0, "score": 0.1, "document": "no"}, {"index": 1, "score": 0.9, "unforeseen": 1}],
        means={
            "id": "",
            "model": "",
            "results": [
                {"index": 1, "relevance_score": 0.9, "unforeseen": 1},
                {"index": 0, "relevance_score": 0.1, "document": {"text": "no"}},
            ],
        },
    ),
    Case(
        kind="rerank",
        model="nvidia_nim/nvidia/m-3_2",
        request=rerank(top_n=1, truncate="END"),
        sent=(
            "POST",
            "https://ai.api.nvidia.com/v1/retrieval/nvidia/m-3_2/reranking",
            {
                "model": "nvidia/m-3.2",
                "query": {"text": TEXT},
                "passages": [{"text": "no"}, {"text": "yes"}],
                "top_k": 1,
                "truncate": "END",
            },
        ),
        answer={"rankings": [{"index": 1, "logit": 3.5}], "usage": {"total_tokens": 57}, "unforeseen": 1},
        means={
            "id": "",
            "model": "",
            "results": [{"index": 1, "relevance_score": 3.5}],
            "usage": USAGE,
            "unforeseen": 1,
        },
    ),
    Case(
        kind="rerank",
        model="deepinfra/Qwen/m",
        request=rerank(top_n=1),
        sent=(
            "POST",
            "https://api.deepinfra.com/v1/inference/Qwen/m",
            {"queries": [TEXT, TEXT], "documents": ["no", "yes"]},
        ),
        answer={"scores": [0.1, 0.9], "input_tokens": 42, "unforeseen": 1},
        means={
            "id": "",
            "model": "",
            "results": BEST,
            "usage": {"prompt_tokens": 42, "completion_tokens": 0, "total_tokens": 42},
            "input_tokens": 42,
            "unforeseen": 1,
        },
    ),
    Case(
        kind="rerank",
        model="tei/m",
        request=rerank(return_documents=True, raw_scores=False),
        sent=(
            "POST",
            "http://localhost:8080/rerank",
            {"query": TEXT, "texts": ["no", "yes"], "return_text": True, "raw_scores": False},
        ),
        answer=[{"index": 1, "score": 0.9, "text": "yes", "unforeseen": 1}, {"index": 0, "score": 0.1}],
        means={"id": "", "model": "", "results": WITH_TEXTS},
    ),
    Case(
        kind="rerank",
        model="bedrock/cohere.rerank-v3-5:0",
        request=rerank(top_n=1),
        sent=(
            "POST",
            "https://bedrock-agent-runtime.us-east-1.amazonaws.com/rerank",
            {
                "queries": [{"type": "TEXT", "textQuery": {"text": TEXT}}],
                "sources": [
                    {
                        "type": "INLINE",
                        "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}},
                    }
                    for text in ("no", "yes")
                ],
                "rerankingConfiguration": {
                    "type": "BEDROCK_RERANKING_MODEL",
                    "bedrockRerankingConfiguration": {
                        "modelConfiguration": {
                            "modelArn": "arn:aws:bedrock:us-east-1::foundation-model/cohere.rerank-v3-5:0"
                        },
                        "numberOfResults": 1,
                    },
                },
            },
        ),
        answer={"results": [{"index": 1, "relevanceScore": 0.9, "unforeseen": 1}]},
        means={"id": "", "model": "", "results": ORDERED[:1]},
    ),
]

JUDGED = {"flagged": True, "categories": {"hate": True}, "category_scores": {"hate": 0.9}}

FIREWORKS = Case(
    kind="rerank",
    model="fireworks/m",
    request=rerank(top_n=2),
    sent=("POST", "https://api.fireworks.ai/inference/v1/rerank", {**BODY, "top_n": 2}),
    answer={"object": "list", "model": "m-1", "data": RESULTS},
    means={"id": "", "model": "m-1", "results": ORDERED, "object": "list"},
)

RERANK_ROWS = [
    FIREWORKS,
    compatible("jina/m", "https://api.jina.ai/v1/rerank", sends=True),
    compatible("litellm_proxy/m", "http://localhost:4000/rerank", sends=True),
    compatible("llamacpp/m", "http://127.0.0.1:8080/v1/rerank", sends=False),
    compatible("novita/m", "https://api.novita.ai/openai/v1/rerank", sends=False),
    compatible("openrouter/m", "https://openrouter.ai/api/v1/rerank", sends=False),
    compatible("siliconflow/m", "https://api.siliconflow.cn/v1/rerank", sends=True),
    compatible("together/m", "https://api.together.ai/v1/rerank", sends=True),
    compatible("vllm/m", "http://localhost:8000/v1/rerank", sends=False),
    compatible("xinference/m", "http://127.0.0.1:9997/v1/rerank", sends=True),
    compatible("zhipu/m", "https://open.bigmodel.cn/api/paas/v4/rerank", sends=True),
]
"""Vendors who speak a dialect that stands above."""

MODERATIONS = [
    Case(
        kind="moderations",
        model=model,
        request=moderate(TEXT),
        sent=("POST", url, {"model": "m-latest", "input": [TEXT]}),
        answer={"id": "modr-1", "model": "m-1", "results": [{**judged, "unforeseen": 1}]},
        means={"id": "modr-1", "model": "m-1", "results": [{**JUDGED, "unforeseen": 1}]},
    )
    for model, url, judged in (
        ("openai/m-latest", "https://api.openai.com/v1/moderations", JUDGED),
        ("custom/m-latest", "http://127.0.0.1:9/v1/moderations", JUDGED),
        (
            "mistral/m-latest",
            "https://api.mistral.ai/v1/moderations",
            {key: value for key, value in JUDGED.items() if key != "flagged"},
        ),
    )
]
