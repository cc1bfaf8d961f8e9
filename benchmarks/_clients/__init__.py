"""The measured clients, each used as its documentation shows, each in a worker process of its own."""

from typing import Any, Final, Protocol

import attrs

MODEL: Final = "gpt-4o"
API_KEY: Final = "sk-made-up"
MESSAGES: Final[list[Any]] = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Say hello."},
]
CHUNKS: Final = 200
"""Chunks in a streamed answer, `[DONE]` not counted."""
CONTENT_CHUNKS: Final = CHUNKS - 2
"""Those that carry text: all but the first (the role) and the last (the finish reason)."""
ANSWER: Final = "Hello there, how may I help you today?"
"""The text of the answer that is not streamed."""


class Client(Protocol):
    """One client, bound to one base URL."""

    async def call(self) -> str:
        """Make one call and return the text of the answer."""

    async def stream(self) -> int:
        """Make one streamed call, read it to its end and return how many chunks carried text."""

    async def aclose(self) -> None:
        """Close what was opened."""


class ClientModule(Protocol):
    """What each module of this package offers."""

    async def open_client(self, base_url: str) -> Client:
        """Open the client; `base_url` is such as `http://127.0.0.1:40123/v1`."""


@attrs.frozen(kw_only=True)
class ClientInfo:
    """Where a client lives."""

    module: str
    """The module of this package that drives it."""
    package: str
    """What to import to have it."""
    distribution: str
    """What to install to have it."""


def _info(package: str, distribution: str, module: str | None = None) -> ClientInfo:
    return ClientInfo(module=f"{__name__}.{module or package}", package=package, distribution=distribution)


BASELINE: Final = "bare aiohttp"
OURS: Final = "aiocompl"
POLICIES: Final = "all policies"
HEDGED: Final = "and hedged"
CLIENTS: Final = {
    BASELINE: _info("aiohttp", "aiohttp", "bare"),
    OURS: _info("aiocompl", "aiocompl"),
    POLICIES: _info("aiocompl", "aiocompl", "policies"),
    HEDGED: _info("aiocompl", "aiocompl", "hedged"),
    "openai": _info("openai", "openai"),
    "litellm": _info("litellm", "litellm"),
    "any-llm-sdk": _info("any_llm", "any-llm-sdk"),
}
PEERS: Final = tuple(name for name in CLIENTS if name not in (BASELINE, OURS, POLICIES, HEDGED))
