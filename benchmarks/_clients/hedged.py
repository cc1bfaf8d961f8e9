"""The same as `policies`, with each call hedged too: it has to run in a task of its own, so that it can lose."""

from aiocompl._compat import override
from benchmarks._clients import MESSAGES
from benchmarks._clients.policies import PoliciesClient


class HedgedClient(PoliciesClient):
    """See the module."""

    @override
    async def call(self) -> str:
        """See `Client`."""
        completion = await self.supervisor.acompletion(model="chat", messages=MESSAGES, hedge=5.0)
        return completion.choices[0].message.content or ""


async def open_client(base_url: str) -> HedgedClient:
    """See `ClientModule`."""
    client = HedgedClient(base_url)
    await client.supervisor.__aenter__()
    return client
