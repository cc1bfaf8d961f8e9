"""Which dialect a request is in, so that one address stands for every provider: their paths hardly ever coincide."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from aiocompl.testing.dialects import make_dialect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiocompl.testing.asked import Received
    from aiocompl.testing.dialects.base import Dialect

_EXACT: Final = {
    "/v1/chat/completions": "openai",
    "/v1/responses": "responses",
    "/openai/v1/responses": "responses",
    "/openai/responses": "responses",
    "/v1/messages": "anthropic",
    "/anthropic/v1/messages": "anthropic",
    "/v2/chat": "cohere",
    "/v2/embed": "cohere",
    "/v1/embed": "cohere",
    "/v1/chat": "cohere_v1",
    "/api/chat": "ollama",
    "/api/tags": "ollama",
    "/api/embed": "ollama",
    "/api/embeddings": "ollama",
    "/ml/v1/text/embeddings": "watsonx",
    "/v1beta/models": "gemini",
    "/v2/rerank": "cohere",
    "/foundation-models": "bedrock",
    "/v1/foundation-models": "bedrock",
    "/openai/models": "azure",
    "/groq.com/openai/v1/chat/completions": "groq",
    "/mistral/v1/chat/completions": "mistral",
}
_AZURE_V1: Final = re.compile(
    r"/openai/(v1/(chat/completions|embeddings|models)|(v1/)?(files|batches)(/.*)?)"
)
"""Paths of Azure that others have too."""

_ROUTED: Final = "cohere|deepinfra|fireworks-ai|groq|novita|zai-org|(?:baseten|cerebras|hyperbolic|nebius|together)(?=/v1/)"
"""Whom Hugging Face's router has routes to."""

_PATTERNS: Final = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"(/v1)?/model/.+/(converse(-stream)?|invoke)", "bedrock"),
        (r"(/v1)?/endpoints/[^/]+/invocations(-response-stream)?", "sagemaker"),
        (r"/openai/deployments/[^/]+/(chat/completions|embeddings)", "azure"),
        (r"/v1/(predictions|streams)(/.+)?", "replicate"),
        (r"/v1/(models|deployments)/[^/:]+/[^/:]+/predictions", "replicate"),
        (r"/v\w+/(projects/.+/)?publishers/anthropic/models/.+:\w+", "anthropic"),
        (r"/v\w+/(projects/.+/)?publishers/google/models/.+:\w+", "vertex"),
        (r".*/publishers/mistralai/models/.+:\w+", "vertex_openai"),
        (r"/v\w+/publishers/google/models", "vertex"),
        (r"/v1\w*/models/.+:\w+", "gemini"),
        (r".*/endpoints/[^/]+/chat/completions", "vertex_openai"),
        (r".*/run/@.+", "cloudflare"),
        (r".*/serving-endpoints/.+", "databricks"),
        (r"(/v1)?/ml/v1/(deployments/[^/]+/)?text/chat(_stream)?", "watsonx"),
        (r"/hf-inference/models/.+/v1/chat/completions", "tgi"),
        (r"(/hf-inference)?/models/.+/pipeline/feature-extraction", "feature_extraction"),
        (rf"/({_ROUTED})/.+/chat/completions", "huggingface"),
        (r".*/v1/messages(/batches.*)?", "anthropic"),
        (r".*/(files|batches)(/.*)?", "openai"),
        (r".*/(chat/completions|embeddings)", "openai"),
    )
)


class Choice:
    """The dialects at one address.

    Args:
        dialect: The one for the paths that none is known to have; an object is the only one for all paths.
        api_key: The only key that is let in, in each dialect's own header; None lets in all, and none.
        models: The only models there are, in every dialect; None takes any name.
    """

    def __init__(
        self, dialect: str | Dialect, *, api_key: str | None = None, models: Sequence[str] | None = None
    ) -> None:
        self._api_key = api_key
        self._models = models
        self._made: dict[str, Dialect] = {}
        self._only = None if isinstance(dialect, str) else dialect
        self._main_name = dialect if isinstance(dialect, str) else ""
        self.main: Dialect = self._only or self._make(self._main_name)
        """The one that was named."""

    def of(self, received: Received) -> Dialect:
        """The dialect of a request."""
        return self._only or self._make(self._name(received))

    def made(self) -> tuple[Dialect, ...]:
        """Those that were spoken so far."""
        return (self.main, *(dialect for dialect in self._made.values() if dialect is not self.main))

    def _make(self, name: str) -> Dialect:
        if (made := self._made.get(name)) is None:
            made = self._made[name] = make_dialect(name, api_key=self._api_key, models=self._models)
        return made

    def _name(self, received: Received) -> str:
        path, headers = received.path, received.headers
        if path in _EXACT:
            return _EXACT[path]
        if _AZURE_V1.fullmatch(path) and "api-key" in headers:
            return "azure"  # with a bearer it looks like Groq's, whose base is the same
        if path.startswith("/v1/models") and "anthropic-version" in headers:
            return "anthropic"
        if path in {"/v1/models", "/v1/rerank"} and _is_cohere(received):
            return "cohere_v1"
        if path == "/v1/models" and "x-goog-api-key" in headers:
            return "gemini"
        if path in {"/rerank", "/v1/rerank"} and "x-amz-date" in headers:
            return "bedrock"
        name = next((name for pattern, name in _PATTERNS if pattern.fullmatch(path)), self._main_name)
        if name == "gemini" and "stream" in path and parse_qs(received.query).get("alt") != ["sse"]:
            return "gemini_array"
        return name


def _is_cohere(received: Received) -> bool:
    """Whether a request at a path that others have too is Cohere's: its pages and its client tell."""
    return (
        received.headers.get("x-client-name") == "cohere"
        or "page_size=" in received.query
        or ("cohere" in received.headers.get("x-fern-sdk-name", ""))
    )
