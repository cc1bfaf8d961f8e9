"""What the simulator answers beside chat: reranking, moderation, and pages of lists of models.

Nothing here is a model: a document's score is the share of the query's words that stand in it, and a text is harmful
that has one of a few words. So answers are the same in every run, and tests can say what they expect.

Source: https://docs.cohere.com/reference/rerank, https://docs.voyageai.com (rerank), https://jina.ai/reranker,
https://docs.nvidia.com/nim (reranking), https://huggingface.github.io/text-embeddings-inference,
https://developers.openai.com/api/docs (moderation), the AWS SDK's description of Rerank, and recorded traffic (2026-11).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from aiocompl.testing.delivery import Delivery
from aiocompl.testing.dialects import parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.testing.asked import Received

TRIGGERS: Final[Mapping[str, str]] = {
    "kill": "violence",
    "hate": "hate",
    "harass": "harassment",
    "porn": "sexual",
    "suicide": "self-harm",
    "bomb": "illicit",
}
"""Words that make a text harmful, and the category of each."""

_CATEGORIES: Final = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
_HARMFUL: Final = 0.97
_HARMLESS: Final = 0.0001
_WORDS: Final = re.compile(r"\w+")
_VOYAGES: Final = re.compile(r"rerank-(lite-)?\d[\d.]*(-lite)?")
"""The names of Voyage's models: but for `top_k` and `truncation`, nothing else tells its requests from those of others."""


def ranked(query: str, texts: Sequence[str], top: int | None = None) -> list[tuple[int, float]]:
    """Indices and scores by the share of the query's words that each document holds, ties in their order."""
    words = set(_WORDS.findall(query.lower()))
    scores = [
        round(len(words & set(_WORDS.findall(text.lower()))) / len(words), 6) if words else 0.0
        for text in texts
    ]
    return sorted(enumerate(scores), key=lambda item: -item[1])[:top]


def compatible(received: Received, models: Sequence[str] | None) -> Delivery | None:
    """The answer to a request for reranking or moderation in OpenAI's dialect or one beside it; None for others."""
    path = received.path
    if path.endswith("/moderations"):
        return Delivery.json(_moderation(received, _body(received, models)))
    if path.endswith("/rerank"):
        body = _body(received, models if b'"texts"' not in received.body else None)
        return Delivery.json(_texts_ranked(body) if "texts" in body else _reranked(received, body))
    if path.endswith(("/ranking", "/reranking")):
        return Delivery.json(_passages_ranked(received, _body(received, models)))
    return None


def cohere(received: Received, models: Sequence[str] | None) -> Delivery | None:
    """The answer to a request for Cohere's reranking or list of models; None for others."""
    version = {"/v1/rerank": "1", "/v2/rerank": "2"}.get(received.path)
    if version is not None:
        body = _body(received, models)
        results = _results(body, documents=version == "1")
        meta = {"api_version": {"version": version}, "billed_units": {"search_units": 1}}
        return Delivery.json({"id": parts.uuid(received.number), "results": results, "meta": meta})
    if received.path == "/v1/models":
        parts.need_method("GET", received)
        names, following = page(
            received, models or ("command-a-03-2025",), size="page_size", start="page_token"
        )
        rows = [
            {"name": name, "endpoints": ["chat"], "finetuned": False, "context_length": 256000.0}
            for name in names
        ]
        return Delivery.json({"models": rows, "next_page_token": following or ""})
    return None


def bedrock(received: Received, models: Sequence[str] | None) -> Delivery | None:
    """The answer to a request for Bedrock's reranking or list of models; None for others."""
    if received.path.endswith("/foundation-models"):
        parts.need_method("GET", received)
        arn = "arn:aws:bedrock:us-east-1::foundation-model/"
        rows = [
            {
                "modelArn": f"{arn}{name}",
                "modelId": name,
                "modelName": name,
                "providerName": name.partition(".")[0],
                "inputModalities": ["TEXT"],
                "outputModalities": ["TEXT"],
                "responseStreamingSupported": True,
                "inferenceTypesSupported": ["ON_DEMAND"],
                "modelLifecycle": {"status": "ACTIVE"},
            }
            for name in models or ("anthropic.claude-sonnet-4-5-20250929-v1:0",)
        ]
        return Delivery.json({"modelSummaries": rows})
    if received.path.endswith("/rerank"):
        return Delivery.json({"results": _sources_ranked(_body(received, None))})
    return None


def page(
    received: Received, names: Sequence[str], *, size: str, start: str
) -> tuple[Sequence[str], str | None]:
    """The names on the page that a request asks for, and the last of them where there is another page.

    Args:
        received: The request.
        names: All names.
        size: The parameter that says how many are on a page.
        start: The parameter that says after which name the page begins.
    """
    query = parts.query(received)
    after = query.get(start)
    if after and after not in names:
        raise parts.refused(f"{start} is not valid", param=start)
    first = names.index(after) + 1 if after else 0
    shown = names[first : first + int(query.get(size) or 1000)]
    more = first + len(shown) < len(names)
    return shown, shown[-1] if more and shown else None


def _body(received: Received, models: Sequence[str] | None) -> dict[str, Any]:
    parts.need_method("POST", received)
    body = parts.parsed(received.body, "The body is not a valid JSON object.")
    if models is not None and body.get("model") not in models:
        raise parts.refused(f"The model `{body.get('model')}` does not exist.", status=404, kind="not_found")
    return body


def _documents(values: object) -> list[str]:
    """The texts of documents: texts, or objects with one."""
    if not isinstance(values, list) or not values:
        raise parts.refused("documents must not be empty", param="documents")
    return [value if isinstance(value, str) else str(value["text"]) for value in values]


def _results(body: Mapping[str, Any], *, documents: bool, top: str = "top_n") -> list[dict[str, Any]]:
    texts = _documents(body.get("documents"))
    results: list[dict[str, Any]] = [
        {"index": index, "relevance_score": score}
        for index, score in ranked(body["query"], texts, body.get(top))
    ]
    if documents and body.get("return_documents"):
        for result in results:
            result["document"] = {"text": texts[result["index"]]}
    return results


def _reranked(received: Received, body: Mapping[str, Any]) -> dict[str, Any]:
    usage = {"total_tokens": parts.prompt_tokens(received)}
    if "top_k" in body or "truncation" in body or _VOYAGES.fullmatch(body["model"]):
        rows = _results(body, documents=True, top="top_k")
        for row in rows:
            if "document" in row:
                row["document"] = row["document"]["text"]
        return {"object": "list", "data": rows, "model": body["model"], "usage": usage}
    results = _results(body, documents=True)
    return {"id": f"rerank-{received.number:08d}", "model": body["model"], "results": results, "usage": usage}


def _texts_ranked(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    texts = _documents(body["texts"])
    return [
        {"index": index, "score": score} | ({"text": texts[index]} if body.get("return_text") else {})
        for index, score in ranked(body["query"], texts)
    ]


def _passages_ranked(received: Received, body: Mapping[str, Any]) -> dict[str, Any]:
    places = ranked(body["query"]["text"], _documents(body.get("passages")), body.get("top_k"))
    rankings = [{"index": index, "logit": score} for index, score in places]
    return {"rankings": rankings, "usage": {"total_tokens": parts.prompt_tokens(received)}}


def _sources_ranked(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    configuration = body["rerankingConfiguration"]["bedrockRerankingConfiguration"]
    if not configuration["modelConfiguration"]["modelArn"].startswith("arn:"):
        raise parts.refused("The provided model identifier is invalid.")
    sources = [source["inlineDocumentSource"] for source in body["sources"]]
    texts = [
        source["textDocument"]["text"] if source["type"] == "TEXT" else str(source["jsonDocument"])
        for source in sources
    ]
    places = ranked(body["queries"][0]["textQuery"]["text"], texts, configuration.get("numberOfResults"))
    return [{"index": index, "relevanceScore": score} for index, score in places]


def _moderation(received: Received, body: Mapping[str, Any]) -> dict[str, Any]:
    given = body.get("input")
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, list) or not given:
        raise parts.refused("input must not be empty", param="input")
    mistral = "mistral" in body["model"]
    if isinstance(given[0], str):
        results = [_judgement(text, ["text"], flagged=not mistral) for text in given]
    else:
        content: list[Any] = given
        kinds = sorted({part["type"].removesuffix("_url") for part in content}, reverse=True)
        results = [_judgement(parts.texts(content), kinds, flagged=True)]
    return {"id": f"modr-{received.number:08d}", "model": body["model"], "results": results}


def _judgement(text: str, kinds: list[str], *, flagged: bool) -> dict[str, Any]:
    applying = {category for word, category in TRIGGERS.items() if word in text.lower()}
    categories = {category: category in applying for category in _CATEGORIES}
    scores = {category: _HARMFUL if applies else _HARMLESS for category, applies in categories.items()}
    judged = {"categories": categories, "category_scores": scores}
    if not flagged:  # Mistral's shape
        return judged
    applied = {category: list(kinds) for category in _CATEGORIES}
    return {"flagged": bool(applying), **judged, "category_applied_input_types": applied}
