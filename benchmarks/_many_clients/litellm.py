"""LiteLLM's `batch_completion*`, as they come: blocking functions over threads."""

from collections.abc import Sequence
from typing import Any

import litellm

from benchmarks._clients import ANSWER, API_KEY, MESSAGES, MODEL
from benchmarks._many_clients import prompts


class LiteLLMManyClient:
    """The module-level functions. They block, so the loop stands still meanwhile; nothing else runs on it."""

    def __init__(self, origin: str) -> None:
        self.settings: dict[str, Any] = {"api_base": f"{origin}/v1", "api_key": API_KEY}

    async def call(self, model: str) -> str:
        """See `ManyClient`."""
        return _text(litellm.completion(model=f"openai/{model}", messages=MESSAGES, **self.settings))

    async def race(self, models: Sequence[str]) -> str:
        """See `ManyClient`."""
        return _text(
            litellm.batch_completion_models(models=_names(models), messages=MESSAGES, **self.settings)
        )

    async def fan_out(self, models: Sequence[str]) -> list[str]:
        """See `ManyClient`."""
        answers = litellm.batch_completion_models_all_responses(
            models=_names(models), messages=MESSAGES, **self.settings
        )
        return [_text(answer) for answer in answers]

    async def batch(self, count: int, concurrency: int) -> int:
        """See `ManyClient`; there is no way to take answers as they come."""
        return await self.batch_list(count, concurrency)

    async def batch_list(self, count: int, concurrency: int) -> int:
        """See `ManyClient`."""
        answers = litellm.batch_completion(
            model=f"openai/{MODEL}", messages=[*prompts(count)], max_workers=concurrency, **self.settings
        )
        return sum(_text(answer) == ANSWER for answer in answers)

    async def aclose(self) -> None:
        """See `ManyClient`."""


def _names(models: Sequence[str]) -> list[str]:
    return [f"openai/{model}" for model in models]


def _text(answer: Any) -> str:
    return str(answer.choices[0].message.content)


async def open_client(origin: str) -> LiteLLMManyClient:
    """See `ManyClientModule`."""
    return LiteLLMManyClient(origin)
