"""This library with everything configured that may be, and nothing failing: what being prepared costs."""

from typing import Any

from aiocompl import BreakerPolicy, Supervisor
from aiocompl._compat import override
from benchmarks._clients import API_KEY, MESSAGES, MODEL
from benchmarks._clients.aiocompl import MAX_CONCURRENCY, AiocomplClient

_MANY = 1_000_000_000
"""A limit that is watched and never reached."""


def _deployment(base_url: str, number: int) -> dict[str, Any]:
    return {
        "model_name": "chat",
        "litellm_params": {
            "model": f"openai/{MODEL}",
            "api_base": base_url,
            "api_key": f"{API_KEY}-{number}",
            "rpm": _MANY,
            "tpm": _MANY,
            "max_parallel_requests": MAX_CONCURRENCY,
            "timeout": 600,
            "input_cost_per_token": 1e-9,
            "output_cost_per_token": 1e-9,
        },
    }


class PoliciesClient(AiocomplClient):
    """Two deployments balanced by latency, with limits, breakers, retries, fallbacks, budget and ledger."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.supervisor = Supervisor(
            max_concurrency=MAX_CONCURRENCY,
            inbox_size=MAX_CONCURRENCY,
            model_list=[
                *(_deployment(base_url, number) for number in (1, 2)),
                {**_deployment(base_url, 3), "model_name": "backup"},
            ],
            fallbacks=[{"chat": ["backup"]}],
            context_window_fallbacks=[{"chat": ["backup"]}],
            content_policy_fallbacks=[{"chat": ["backup"]}],
            routing_strategy="latency-based",
            retry_policy={"RateLimitErrorRetries": 3, "TimeoutErrorRetries": 1},
            breaker=BreakerPolicy(),
            max_budget=1_000_000.0,
        )

    @override
    async def call(self) -> str:
        """See `Client`."""
        completion = await self.supervisor.acompletion(model="chat", messages=MESSAGES)
        return completion.choices[0].message.content or ""

    @override
    async def stream(self) -> int:
        """See `Client`."""
        count = 0
        async with await self.supervisor.acompletion(model="chat", messages=MESSAGES, stream=True) as stream:
            async for chunk in stream:
                if chunk.choices[0].delta.content:
                    count += 1
        return count


async def open_client(base_url: str) -> PoliciesClient:
    """See `ClientModule`."""
    client = PoliciesClient(base_url)
    await client.supervisor.__aenter__()
    return client
