"""Lists of models of every dialect, written from the providers' documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from operation_case import Case, models

if TYPE_CHECKING:
    from aiocompl.types.model import JSON


def listed(
    provider: str,
    url: str,
    answer: Any,
    model: JSON,
    *,
    page: str | None = None,
    api_version: str | None = None,
    **beside: Any,
) -> Case:
    """A list of one model; `beside` stands beside it in the answer and is kept."""
    return Case(
        kind="models",
        model=provider,
        api_version=api_version,
        request=models(page),
        sent=("GET", url, None),
        answer=answer,
        means={"object": "list", "data": [{"object": "model", **model}], **beside},
    )


OPENAI = {"id": "m", "object": "model", "created": 1715367049, "owned_by": "system", "unforeseen": 1}

MODELS = [
    listed("openai", "https://api.openai.com/v1/models", {"object": "list", "data": [OPENAI]}, OPENAI),
    listed("custom", "http://127.0.0.1:9/v1/models", {"data": [OPENAI]}, OPENAI),
    listed("mistral", "https://api.mistral.ai/v1/models", {"data": [OPENAI]}, OPENAI),
    listed(
        "openrouter",
        "https://openrouter.ai/api/v1/models",
        {
            "data": [
                {
                    "id": "a/m",
                    "created": 1,
                    "pricing": {"prompt": "0.1"},
                    "context_length": 9,
                    "unforeseen": 1,
                }
            ]
        },
        {"id": "a/m", "created": 1, "pricing": {"prompt": "0.1"}, "context_length": 9, "unforeseen": 1},
    ),
    listed(
        "writer",
        "https://api.writer.com/v1/models",
        {"models": [{"id": "m", "name": "M", "unforeseen": 1}]},
        {"id": "m", "name": "M", "unforeseen": 1},
    ),
    listed(
        "together",
        "https://api.together.ai/v1/models",
        [{"id": "a/m", "object": "model", "created": 1, "organization": "A", "unforeseen": 1}],
        {"id": "a/m", "created": 1, "owned_by": "A", "organization": "A", "unforeseen": 1},
    ),
    listed(
        "github",
        "https://models.github.ai/catalog/models",
        [{"id": "a/m", "name": "M", "publisher": "A", "unforeseen": 1}],
        {"id": "a/m", "owned_by": "A", "name": "M", "publisher": "A", "unforeseen": 1},
    ),
    listed(
        "azure",
        "https://r.openai.azure.com/openai/v1/models",
        {"data": [{"id": "m", "created_at": 1715367049, "status": "succeeded", "unforeseen": 1}]},
        {"id": "m", "created": 1715367049, "created_at": 1715367049, "status": "succeeded", "unforeseen": 1},
    ),
    listed(
        "azure",
        "https://r.openai.azure.com/openai/models?api-version=2024-10-21",
        {"data": [OPENAI]},
        OPENAI,
        api_version="2024-10-21",
    ),
    listed(
        "anthropic",
        "https://api.anthropic.com/v1/models?limit=1000&after_id=m0",
        {
            "data": [{"type": "model", "id": "m", "created_at": "2026-07-24T00:00:00Z", "unforeseen": 1}],
            "has_more": False,
            "first_id": "m",
            "last_id": "m",
        },
        {
            "id": "m",
            "created": 1784851200,
            "type": "model",
            "created_at": "2026-07-24T00:00:00Z",
            "unforeseen": 1,
        },
        page="m0",
        has_more=False,
        first_id="m",
        last_id="m",
    ),
    listed(
        "gemini",
        "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1000&pageToken=p2",
        {"models": [{"name": "models/m", "inputTokenLimit": 9, "unforeseen": 1}]},
        {"id": "m", "name": "models/m", "inputTokenLimit": 9, "unforeseen": 1},
        page="p2",
    ),
    listed(
        "vertex_ai",
        "https://europe-west1-aiplatform.googleapis.com/v1beta1/publishers/google/models?pageSize=100",
        {"publisherModels": [{"name": "publishers/google/models/m", "versionId": "1", "unforeseen": 1}]},
        {"id": "m", "name": "publishers/google/models/m", "versionId": "1", "unforeseen": 1},
    ),
    listed(
        "cohere",
        "https://api.cohere.com/v1/models?page_size=1000&page_token=p2",
        {"models": [{"name": "m", "context_length": 9.0, "unforeseen": 1}], "next_page_token": ""},
        {"id": "m", "name": "m", "context_length": 9.0, "unforeseen": 1},
        page="p2",
        next_page_token="",
    ),
    listed(
        "ollama",
        "http://localhost:11434/api/tags",
        {
            "models": [
                {
                    "name": "m:1b",
                    "model": "m:1b",
                    "modified_at": "2026-01-01T00:00:00.5+01:00",
                    "unforeseen": 1,
                }
            ]
        },
        {
            "id": "m:1b",
            "created": 1767222000,
            "name": "m:1b",
            "model": "m:1b",
            "modified_at": "2026-01-01T00:00:00.5+01:00",
            "unforeseen": 1,
        },
    ),
    listed(
        "bedrock",
        "https://bedrock.us-east-1.amazonaws.com/foundation-models",
        {"modelSummaries": [{"modelId": "a.m", "providerName": "A", "unforeseen": 1}]},
        {"id": "a.m", "owned_by": "A", "modelId": "a.m", "providerName": "A", "unforeseen": 1},
    ),
    listed(
        "watsonx",
        "https://us-south.ml.cloud.ibm.com/ml/v1/foundation_model_specs?version=2024-03-13&limit=200&start=s",
        {"resources": [{"model_id": "a/m", "provider": "A", "unforeseen": 1}], "limit": 200},
        {"id": "a/m", "owned_by": "A", "model_id": "a/m", "provider": "A", "unforeseen": 1},
        page="s",
        limit=200,
    ),
    listed(
        "cloudflare",
        "https://api.cloudflare.com/client/v4/accounts/acc/ai/models/search?per_page=100",
        {"success": True, "errors": [], "result": [{"id": "u-1", "name": "@cf/m", "unforeseen": 1}]},
        {"id": "@cf/m", "name": "@cf/m", "unforeseen": 1, "provider_specific_fields": {"id": "u-1"}},
        success=True,
        errors=[],
    ),
    listed(
        "databricks",
        "https://w.databricks.com/api/2.0/serving-endpoints",
        {"endpoints": [{"name": "m", "creator": "c", "creation_timestamp": 1715367049000, "unforeseen": 1}]},
        {
            "id": "m",
            "created": 1715367049,
            "owned_by": "c",
            "name": "m",
            "creator": "c",
            "creation_timestamp": 1715367049000,
            "unforeseen": 1,
        },
    ),
]
