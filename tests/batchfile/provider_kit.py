"""A simulated provider that outlives the supervisors which ask it, and a desk that outlives the runs: kills included."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs
import orjson

from aiocompl import Supervisor
from aiocompl._compat import override
from aiocompl.batchfile.provider import ProviderBatch
from aiocompl.batchfile.provider_ports import Pace
from aiocompl.errors import AiocomplError, APIError
from aiocompl.testing import Answer, Delivery, Latency, Reply, ScriptedTransport, faults

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping
    from pathlib import Path

    from aiocompl.batchfile.provider_ports import ProviderNews
    from aiocompl.testing.asked import Asked
    from aiocompl.testing.script import Script
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.wire.messages import HTTPRequest
    from aiocompl.wire.transport import Transport

DAY = 86_400.0
HOUR = 3600.0
MODELS = {"openai": "openai/gpt-4o", "anthropic": "anthropic/claude-sonnet-4-5"}
PACE = Pace(first=5, growth=2, longest=60)


class Killed(BaseException):
    """The process is gone."""


@attrs.frozen(kw_only=True)
class Ask:
    """A request of the input."""

    line: int
    body: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """Its hash."""
        return blake2b(orjson.dumps(self.body), digest_size=16).hexdigest()


def asks(*texts: str, **more: Any) -> list[Ask]:
    """One request for each text; an empty line of the input after each."""
    return [
        Ask(line=2 * index + 1, body={"messages": [{"role": "user", "content": text}], **more})
        for index, text in enumerate(texts)
    ]


class Fuse:
    """Burns down by one at each step, and kills at its end; None lasts for ever."""

    def __init__(self, steps: int | None = None) -> None:
        self.left = steps

    def burn(self) -> None:
        if self.left is None:
            return
        if self.left == 0:
            raise Killed
        self.left -= 1


class ListDesk:
    """Requests from a list; results in another, which stands for the disk."""

    def __init__(self, items: list[Ask]) -> None:
        self.items = items
        self.results: list[tuple[int, ChatCompletion | AiocomplError]] = []
        self.fuse = Fuse()

    async def pending(self, first: int) -> AsyncGenerator[list[Ask], None]:
        """In blocks of two."""
        left = [item for item in self.items if item.line >= first]
        for start in range(0, len(left), 2):
            done = {line for line, _ in self.results}
            yield [item for item in left[start : start + 2] if item.line not in done]

    async def put(self, item: Ask, result: ChatCompletion | AiocomplError) -> None:
        self.fuse.burn()
        self.results.append((item.line, result))
        self.fuse.burn()

    async def flush(self) -> None:
        self.fuse.burn()

    @property
    def texts(self) -> list[str | None]:
        """What each request came to, in the order of the input: the answer's text, or the error's code or class."""
        assert len({line for line, _ in self.results}) == len(self.results), "a request has two results"
        return [said(result) for _, result in sorted(self.results, key=lambda each: each[0])]


def said(result: ChatCompletion | AiocomplError) -> str | None:
    """An answer's text, or an error's code or class."""
    if isinstance(result, AiocomplError):
        code = result.code if isinstance(result, APIError) else None
        return code or type(result).__name__
    text: str | None = result.choices[0].message.content
    return text


class Provider:
    """One simulated provider, whoever asks it."""

    def __init__(self, script: Script = None, *, latency: Latency | None = None) -> None:
        simulated = ScriptedTransport.simulating(script, latency=latency)
        self._step = simulated._step
        self.fuse = Fuse()
        self.seen: list[tuple[str, str]] = []
        """Method and path of each request that reached it."""
        self.faults: list[Callable[[HTTPRequest, Callable[[], Any]], Any] | None] = []
        """What happens to the next requests, one after the other; None for the usual."""

    def transport(self) -> ScriptedTransport:
        return ScriptedTransport(self._answer)

    def _answer(self, request: HTTPRequest) -> Any:
        self.fuse.burn()  # killed before it is sent

        def usual() -> Any:
            self.seen.append((request.method, urlsplit(request.url).path))
            return self._step(request)

        fault = self.faults.pop(0) if self.faults else None
        answer = usual() if fault is None else fault(request, usual)
        self.fuse.burn()  # killed before its answer is read
        return answer

    @property
    def begun(self) -> int:
        """How many batches were begun."""
        return sum(method == "POST" and path.endswith("/batches") for method, path in self.seen)

    @property
    def looks(self) -> int:
        """How often it was asked how a batch stands."""
        return sum(
            method == "GET" and "/batches/" in path and not path.endswith("/results")
            for method, path in self.seen
        )


class ProvidedSupervisor(Supervisor):
    """A supervisor that asks a simulated provider."""

    def __init__(self, provider: Provider) -> None:
        super().__init__(num_retries=0)
        self._provider = provider

    @override
    def _make_transport(self, endpoint: Endpoint, headers: Mapping[str, str]) -> Transport:
        return self._provider.transport()


@attrs.define(eq=False)
class Bench:
    """A provider, a desk and a state file: what there is beyond one run."""

    provider: Provider
    desk: ListDesk
    path: Path
    dialect: str
    news: list[ProviderNews] = attrs.field(factory=list)
    max_requests: int | None = None
    listens: bool = True

    async def run(self, *, cancel: bool = False, **options: Any) -> int | None:
        """One run, in a supervisor of its own."""
        async with ProvidedSupervisor(self.provider) as supervisor:
            calls = supervisor.batch_calls(MODELS[self.dialect], api_key="k", **options)
            if self.max_requests is not None:
                limited: Any = calls.operation
                limited.max_requests = self.max_requests
            news = self.news.append if self.listens else None
            batch = ProviderBatch(calls, self.desk, self.path, pace=PACE, on_news=news)
            if cancel:
                return await batch.cancel()
            await batch.run()
        return None

    async def killed_after(self, steps: int) -> bool:
        """One run that is killed after so many steps; whether it was."""
        self.provider.fuse = self.desk.fuse = Fuse(steps)
        try:
            await self.run()
        except Killed:
            return True
        finally:
            self.provider.fuse = self.desk.fuse = Fuse()
        return False

    @property
    def events(self) -> list[str]:
        """What it told of, without the looks."""
        return [each.event for each in self.news if each.event != "looked"]


def failing(status: int, **headers: str) -> Callable[[HTTPRequest, Callable[[], Any]], Any]:
    """A status instead of what the provider would have done."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def fault(_: HTTPRequest, __: Callable[[], Any]) -> Delivery:
        return Delivery.whole(b'{"error":{"message":"no"}}', status=status, headers=named)

    return fault


def losing(error: BaseException) -> Callable[[HTTPRequest, Callable[[], Any]], Any]:
    """The provider does it, and its answer is lost."""

    def fault(_: HTTPRequest, usual: Callable[[], Any]) -> BaseException:
        usual()
        return error

    return fault


def behave(asked: Asked) -> Any:
    """Each request says what shall become of it; what it does not say takes a minute."""
    return {
        "busy": faults.rate_limited(1),
        "bad": faults.context_length(),
        "lost": faults.Reset(),
        "slow": Reply(latency=Latency(first_token=HOUR)),
        "never": Reply(latency=Latency(first_token=2 * DAY)),
    }.get(asked.text, Reply(answer=Answer(text=f"<{asked.text}>"), latency=Latency(first_token=60)))


def of(dialect: str, bench: Callable[..., Bench]) -> Any:
    """The bench of one dialect only."""

    def make(*texts: str, **settings: Any) -> Bench:
        return attrs.evolve(bench(*texts, **settings), dialect=dialect)

    return make
