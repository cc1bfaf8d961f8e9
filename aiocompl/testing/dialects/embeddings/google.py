"""Google's embeddings as AI Studio's and Vertex AI's servers speak them.

Source: https://ai.google.dev/api/embeddings and the types of the official Python SDK 3.6 (2026-11).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.embeddings.common import as_asked, counted, need_length, tokens, vectors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.testing.answer import Answer
    from aiocompl.testing.asked import Asked, Received

PATH: Final = re.compile(r"/v\w+/(?:.*/)?models/([^/:]+):(batchEmbedContents|embedContent|predict)")

_MOST: Final = {"batchEmbedContents": 100, "embedContent": 1, "predict": 250}
_TASKS: Final = (
    "RETRIEVAL_QUERY",
    "RETRIEVAL_DOCUMENT",
    "SEMANTIC_SIMILARITY",
    "CLASSIFICATION",
    "CLUSTERING",
    "QUESTION_ANSWERING",
    "FACT_VERIFICATION",
    "CODE_RETRIEVAL_QUERY",
)


def read(received: Received, model: str, method: str) -> Asked:
    """Understand a request.

    Raises:
        ProblemError: Google would refuse it.
    """
    body = parts.parsed(received.body, "Invalid JSON payload received.")
    if method == "predict":
        items = parts.need_list(body, "instances", "* PredictRequest.instances: instances is not specified\n")
        texts = [item.get("content") for item in items]
        tasks = [item.get("task_type") for item in items]
        lengths = [(body.get("parameters") or {}).get("outputDimensionality")]
    else:
        items = _requests(body, model, method)
        configs = [item.get("embedContentConfig") or item for item in items]
        texts = [parts.texts((item.get("content") or {}).get("parts")) for item in items]
        tasks = [config.get("taskType") for config in configs]
        lengths = [config.get("outputDimensionality") for config in configs]
    most = 1 if method == "predict" and model == "gemini-embedding-001" else _MOST[method]
    if len(items) > most:
        raise parts.refused(
            f"* BatchEmbedContentsRequest.requests: at most {most} requests can be in one batch\n"
        )
    if not all(isinstance(text, str) and text for text in texts):
        raise parts.refused("The text content is empty.")
    if not all(task is None or task in _TASKS for task in tasks):
        raise parts.refused("Invalid value at 'requests[0].task_type' (type.googleapis.com/TaskType)")
    length = need_length(lengths[0], "outputDimensionality must be positive.", param="outputDimensionality")
    return as_asked(received, body, model=model, texts=texts, dimensions=length)


def body(asked: Asked, answers: Sequence[Answer]) -> bytes:
    """An answer, in the form that the request's tells."""
    made = [{"values": each} for each in vectors(asked)]
    if "instances" in asked.body:
        found = [
            {"embeddings": {**each, "statistics": {"truncated": False, "token_count": tokens(text)}}}
            for each, text in zip(made, asked.inputs, strict=True)
        ]
        characters = sum(len(text) for text in asked.inputs)
        return orjson.dumps({"predictions": found, "metadata": {"billableCharacterCount": characters}})
    count = counted(asked, answers)
    usage = {
        "promptTokenCount": count,
        "promptTokenDetails": [{"modality": "TEXT", "tokenCount": count}],
    }
    several = {"embeddings": made} if "requests" in asked.body else {"embedding": made[0]}
    return orjson.dumps({**several, "usageMetadata": usage})


def _requests(body: Mapping[str, Any], model: str, method: str) -> list[Any]:
    if method == "embedContent":
        return [body]
    requests = parts.need_list(body, "requests", "* BatchEmbedContentsRequest.requests: is not specified\n")
    for request in requests:
        if request.get("model", f"models/{model}").rpartition("/")[2] != model:
            raise parts.refused("* BatchEmbedContentsRequest.requests: the models must be the same\n")
    return requests
