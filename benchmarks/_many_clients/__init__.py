"""The measured ways to make many calls at once, each as its documentation shows, each in a worker of its own."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol

from benchmarks._clients import BASELINE, OURS

LITELLM: Final = "litellm"
MODULES: Final = {
    BASELINE: f"{__name__}.bare",
    OURS: f"{__name__}.aiocompl",
    LITELLM: f"{__name__}.litellm",
}


class ManyClient(Protocol):
    """One client, bound to one server. Models are names such as `after-20`, which answers after 20 ms."""

    async def call(self, model: str) -> str:
        """Ask one model and return the text of the answer."""

    async def race(self, models: Sequence[str]) -> str:
        """Ask all of them and return the text of the first answer."""

    async def fan_out(self, models: Sequence[str]) -> list[str]:
        """Ask all of them and return the texts of all answers."""

    async def batch(self, count: int, concurrency: int) -> int:
        """Ask so many prompts, take the answers as they come, and return how many were good."""

    async def batch_list(self, count: int, concurrency: int) -> int:
        """Ask so many prompts, gather all answers in a list, and return how many were good."""

    async def aclose(self) -> None:
        """Close what was opened."""


class ManyClientModule(Protocol):
    """What each module of this package offers."""

    async def open_client(self, origin: str) -> ManyClient:
        """Open the client; `origin` is such as `http://127.0.0.1:40123`."""


def prompts(count: int) -> Iterator[list[Any]]:
    """Yield so many prompts, each made when it is asked for."""
    for number in range(count):
        yield [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": f"Say hello to guest number {number}."},
        ]
