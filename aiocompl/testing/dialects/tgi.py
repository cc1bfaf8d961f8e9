"""Text Generation Inference as it speaks: behind Hugging Face's ``hf-inference``, and on endpoints of one's own.

Source: https://huggingface.github.io/text-generation-inference (2026-11).
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from aiocompl._compat import override
from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.base import Event
from aiocompl.testing.dialects.openai import OpenAIDialect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.testing.answer import Answer
    from aiocompl.testing.asked import Asked, Problem, ProblemKind, Received
    from aiocompl.testing.delivery import Delivery
    from aiocompl.testing.dialects.batches import BatchAsked

_PATH: Final = re.compile(r"(?:/hf-inference/models/(?P<model>.+))?/v1/chat/completions")
_ERRORS: Final[dict[ProblemKind, tuple[str, str]]] = {
    "invalid_request": ("validation", "Input validation error: the request is not valid"),
    "context_length": (
        "validation",
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens",
    ),
    "overloaded": ("overloaded", "Model is overloaded"),
    "rate_limit": ("overloaded", "Model is overloaded"),
    "server_error": ("generation", "Request failed during generation: Server error: simulated"),
}
"""Type and message of each kind of problem that TGI has words for."""


def make(*, api_key: str | None = None, models: Sequence[str] | None = None) -> TGIDialect:
    """Make the dialect; see `make_dialect`."""
    return TGIDialect(api_key=api_key, models=models)


class TGIDialect(OpenAIDialect):
    """``/v1/chat/completions``, also below ``/hf-inference/models/{model}``. See `OpenAIDialect`.

    Its limits are those of TGI: no temperature of 0, no `top_p` of 0 or 1, one answer.
    """

    statuses: Mapping[ProblemKind, int] = MappingProxyType({"context_length": 422, "overloaded": 429})

    @override
    def read(self, received: Received) -> Asked | BatchAsked | Delivery:
        """Understand a request; see `Dialect`."""
        found = _PATH.fullmatch(received.path)
        if found is None:
            raise parts.refused("Not Found", status=404, kind="not_found")
        _check(parts.parsed(received.body, "Failed to parse the request body as JSON"), found["model"])
        return super().read(attrs.evolve(received, path="/v1/chat/completions"))

    @override
    def body(self, asked: Asked, answers: Sequence[Answer]) -> bytes:
        """A blocking answer; see `Dialect`. Older versions give a call's arguments as an object."""
        made = orjson.loads(super().body(asked, answers))
        for choice, answer in zip(made["choices"], answers, strict=True):
            _reword(choice)
            calls = choice["message"].get("tool_calls") or ()
            for call, given in zip(calls, answer.tool_calls, strict=False):  # the legacy form has none
                call["function"]["arguments"] = parts.arguments(given)
        return orjson.dumps(made)

    @override
    def events(self, asked: Asked, answers: Sequence[Answer]) -> list[Event]:
        """A streamed answer; see `Dialect`."""
        return [Event(self._reworded(frame), token) for frame, token in super().events(asked, answers)]

    @override
    def error_body(self, problem: Problem) -> bytes:
        """The body of an error; see `Dialect`."""
        if (own := _ERRORS.get(problem.kind)) is None:
            return super().error_body(problem)
        return orjson.dumps({"error": problem.message or own[1], "error_type": own[0]})

    def _reworded(self, frame: bytes) -> bytes:
        if frame == self.end_event:
            return frame
        chunk: dict[str, Any] = orjson.loads(frame.removeprefix(b"data: "))
        for choice in chunk["choices"]:
            _reword(choice)
        return self.frame(orjson.dumps(chunk))


def _reword(choice: dict[str, Any]) -> None:
    if choice["finish_reason"] == "stop":
        choice["finish_reason"] = "eos_token"


def _check(body: Mapping[str, Any], model: str | None) -> None:
    """Raise a ProblemError where TGI would answer with 422."""
    if model is not None and body.get("model") != model:
        raise parts.refused("Model not found", status=404, kind="not_found")
    temperature, top_p = body.get("temperature"), body.get("top_p")
    for wrong, message in (
        (temperature is not None and not temperature > 0, "`temperature` must be strictly positive"),
        (top_p is not None and not 0 < top_p < 1, "`top_p` must be > 0.0 and < 1.0"),
        (body.get("n", 1) != 1, "`n` must be 1"),
        ("logit_bias" in body, "`logit_bias` is not supported"),
        ("max_completion_tokens" in body, "unknown field `max_completion_tokens`"),
    ):
        if wrong:
            raise parts.refused(f"Input validation error: {message}", status=422)
