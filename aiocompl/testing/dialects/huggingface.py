"""Hugging Face's router as it speaks on its routes to single providers: their dialect, and errors of its own.

Source: https://huggingface.co/docs/inference-providers (2026-11).
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import attrs
import orjson

from aiocompl._compat import override
from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.openai import OpenAIDialect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.testing.asked import Asked, Problem, ProblemKind, Received
    from aiocompl.testing.delivery import Delivery
    from aiocompl.testing.dialects.batches import BatchAsked

_ROUTE: Final = re.compile(
    r"(/cohere/compatibility/v1|/deepinfra/v1/openai|/fireworks-ai/inference/v1|/groq/openai/v1"
    r"|/novita/v3/openai|/zai-org/api/paas/v4|/(?!(?:cohere|deepinfra|fireworks-ai|groq|novita|zai-org)/)[\w-]+/v1)"
    r"/chat/completions"
)
_MESSAGES: Final[dict[ProblemKind, str]] = {
    "authentication": "Invalid username or password.",
    "permission": (
        "This authentication method does not have sufficient permissions to call Inference Providers on behalf of "
        "user simulated"
    ),
    "quota": "You have exceeded your monthly included credits for Inference Providers.",
    "rate_limit": "Rate limit reached",
}


def make(*, api_key: str | None = None, models: Sequence[str] | None = None) -> HuggingFaceDialect:
    """Make the dialect; see `make_dialect`."""
    return HuggingFaceDialect(api_key=api_key, models=models)


class HuggingFaceDialect(OpenAIDialect):
    """``/{provider}{its path}/chat/completions``, with the provider's own names of models. See `OpenAIDialect`."""

    base_path = ""
    statuses: Mapping[ProblemKind, int] = MappingProxyType({"quota": 402})

    @override
    def read(self, received: Received) -> Asked | BatchAsked | Delivery:
        """Understand a request; see `Dialect`."""
        if not _ROUTE.fullmatch(received.path):
            raise parts.refused("Not Found", status=404, kind="not_found")
        return super().read(attrs.evolve(received, path="/v1/chat/completions"))

    @override
    def error_body(self, problem: Problem) -> bytes:
        """The body of an error; see `Dialect`. The router's own are text, a provider's are passed on."""
        message = problem.message or _MESSAGES.get(problem.kind)
        if problem.message or message is None:
            return super().error_body(problem)
        return orjson.dumps({"error": message})
