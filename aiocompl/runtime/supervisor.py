"""The supervisor: from a call to an answer, and the life of the actors that give it."""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import suppress
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, Self, cast, overload

import attrs

from aiocompl._compat import override
from aiocompl.codecs.base import Signer
from aiocompl.codecs.legacy import LegacyCodec
from aiocompl.codecs.routing import Kind, OperationRoute, Route, resolve, resolve_operation
from aiocompl.combinators.face import Combinators
from aiocompl.errors import SupervisorClosedError
from aiocompl.policy.retry import RetryPolicy
from aiocompl.runtime.batch_calls import BatchCalling
from aiocompl.runtime.call import Call, TargetKey, build_request, call_timeout, sift, sort_keywords
from aiocompl.runtime.child import Child, ChildSnapshot, ChildSpec, Overflow
from aiocompl.runtime.fanout_n import fan_out, take_n
from aiocompl.runtime.mock import mock_answer
from aiocompl.runtime.operations import Asking, embed, list_models, moderate, rerank
from aiocompl.runtime.policy_loop import attempt
from aiocompl.runtime.transport import AiohttpTransport, TransportSettings
from aiocompl.types.checks import check_messages
from aiocompl.types.completion import ChatCompletion
from aiocompl.types.operation_params import OPERATION_PARAMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Unpack

    from aiocompl.combinators.entries import Ask
    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.types.embedding import EmbeddingResponse
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.model_list import ModelList
    from aiocompl.types.moderation import ModerationResponse
    from aiocompl.types.operation_params import EmbeddingParams, ModelsParams, ModerationParams, RerankParams
    from aiocompl.types.params import CompletionParams
    from aiocompl.types.request import Messages
    from aiocompl.types.rerank import RerankResponse
    from aiocompl.wire.transport import Transport

_MAX_ROUTES = 4096


@attrs.frozen(kw_only=True)
class SupervisorSnapshot:
    """What a supervisor holds at an instant."""

    state: Literal["running", "draining", "closed"]
    endpoints: tuple[ChildSnapshot, ...]
    """In the order in which they were started."""

    @property
    def in_flight(self) -> int:
        """Requests and open streams in flight, over all endpoints."""
        return sum(child.in_flight for child in self.endpoints)

    @property
    def queued(self) -> int:
        """Requests that wait for a slot, over all endpoints."""
        return sum(child.queued for child in self.endpoints)


class Supervisor(Combinators, BatchCalling):
    """Routes calls to actors by model name, and keeps those actors alive.

    ::

        async with Supervisor(max_concurrency=50) as supervisor:
            response = await supervisor.acompletion(model="gpt-4o", messages=messages)

    It belongs to the loop it is first used on. Actors start at the first call that needs them, one for each endpoint
    (provider, base URL, credentials). The environment is read when a model name is first used.

    Args:
        timeout: Seconds for a whole call that says nothing else.
        num_retries: Attempts after the first, for errors that are retryable, where a call says nothing else.
        max_concurrency: Requests in flight at once per endpoint, open streams included.
        inbox_size: Requests that may wait for a slot, per endpoint.
        overflow: What happens to one more: ``"raise"`` refuses it with `InboxFullError`, ``"wait"`` lets it wait.
        max_restarts: Crashes of an actor within `restart_period` seconds after which its endpoint is given up.
        restart_period: See there.
        transport: How connections are made.
        rng: Where the jitter of retries comes from.
    """

    def __init__(
        self,
        *,
        timeout: float = 600.0,
        num_retries: int = 2,
        max_concurrency: int = 1000,
        inbox_size: int = 10_000,
        overflow: Overflow = "raise",
        max_restarts: int = 3,
        restart_period: float = 5.0,
        transport: TransportSettings | None = None,
        rng: random.Random | None = None,
    ) -> None:
        check_counts(1, max_concurrency=max_concurrency, inbox_size=inbox_size)
        check_counts(0, num_retries=num_retries, max_restarts=max_restarts)
        check_seconds(timeout=timeout, restart_period=restart_period)
        if overflow not in ("raise", "wait"):
            raise ValueError(f"overflow must be 'raise' or 'wait', not {overflow!r}")
        self._timeout = timeout
        self._retries = RetryPolicy(max_retries=num_retries)
        self._transport = transport or TransportSettings()
        self._rng = rng or random.Random()  # noqa: S311 - jitter, no secret
        self._child_settings: dict[str, Any] = {
            "slots": max_concurrency,
            "inbox_size": inbox_size,
            "overflow": overflow,
            "max_restarts": max_restarts,
            "restart_period": restart_period,
        }
        self._routes: dict[TargetKey, tuple[Route, Child]] = {}
        self._operations: dict[tuple[Kind, TargetKey], tuple[OperationRoute[Any], Child]] = {}
        self._children: dict[Endpoint, Child] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._state: Literal["running", "draining", "closed"] = "running"

    async def __aenter__(self) -> Self:
        self._bind(asyncio.get_running_loop())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    @overload
    async def acompletion(
        self,
        model: str,
        messages: Messages,
        *,
        stream: Literal[False] | None = ...,
        **params: Unpack[CompletionParams],
    ) -> ChatCompletion: ...
    @overload
    async def acompletion(
        self, model: str, messages: Messages, *, stream: Literal[True], **params: Unpack[CompletionParams]
    ) -> CompletionStream: ...
    @overload
    async def acompletion(
        self, model: str, messages: Messages, *, stream: bool | None, **params: Unpack[CompletionParams]
    ) -> ChatCompletion | CompletionStream: ...

    async def acompletion(
        self,
        model: str,
        messages: Messages,
        *,
        stream: bool | None = False,
        **params: Unpack[CompletionParams],
    ) -> ChatCompletion | CompletionStream:
        """Ask a model; see `aiocompl.acompletion`.

        Cancelled: the request is withdrawn, or its HTTP exchange aborted, before this returns.
        """
        call = sort_keywords(model, messages, stream=bool(stream), keywords=params)
        options = call.options
        if options.get("fastest_response"):
            return await self._fastest(call, params)
        if "mock_response" in options:
            check_messages(messages)
            mock = options["mock_response"]
            return mock_answer(mock, model=model, stream=call.stream, answer_type=call.answer_type)
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._bind(loop)
        started = loop.time()
        route, child = self._route(call)
        times = take_n(call, route) if "n_by_fanout" in options else 1
        request, dropped = build_request(call, route)
        if request.legacy:
            route = Route(endpoint=route.endpoint, model=route.model, codec=LegacyCodec(route.codec))
        del call  # what the collector need not look at while the answer is on its way
        deadline = started + (call_timeout(options, self._timeout) if options else self._timeout)
        ask = partial(
            attempt,
            request,
            route,
            child,
            options=options,
            policy=self._retries,
            rng=self._rng,
            started=started,
            deadline=deadline,
        )
        answer = await (ask() if times == 1 else fan_out(times, ask, started))
        if dropped and answer.call is not None:
            answer.call.dropped_params = dropped
        if request.answer_type is not None and isinstance(answer, ChatCompletion):
            request.answer_type.read_into(answer)
        return answer

    async def aembedding(
        self,
        model: str,
        input: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],  # noqa: A002 - OpenAI's name
        **params: Unpack[EmbeddingParams],
    ) -> EmbeddingResponse:
        """Turn texts into vectors; see `aiocompl.aembedding`.

        Cancelled: all requests are withdrawn, or their HTTP exchanges aborted, before this returns.
        """
        return await embed(self._asking("embeddings", "aembedding", model, params), input)

    async def arerank(
        self,
        model: str,
        query: str,
        documents: Sequence[str | Mapping[str, Any]],
        **params: Unpack[RerankParams],
    ) -> RerankResponse:
        """Order documents by what they have to do with a query; see `aiocompl.arerank`.

        Cancelled: the request is withdrawn, or its HTTP exchange aborted, before this returns.
        """
        return await rerank(self._asking("rerank", "arerank", model, params), query, documents)

    async def amoderation(
        self,
        input: str | Sequence[str | Mapping[str, Any]],  # noqa: A002 - OpenAI's name
        model: str = "omni-moderation-latest",
        **params: Unpack[ModerationParams],
    ) -> ModerationResponse:
        """Judge texts; see `aiocompl.amoderation`.

        Cancelled: the request is withdrawn, or its HTTP exchange aborted, before this returns.
        """
        return await moderate(self._asking("moderations", "amoderation", model, params), input)

    async def amodels(self, provider: str, **params: Unpack[ModelsParams]) -> ModelList:
        """List a provider's models; see `aiocompl.amodels`.

        Cancelled: the request is withdrawn, or its HTTP exchange aborted, before this returns.
        """
        return await list_models(self._asking("models", "amodels", provider, params))

    def snapshot(self) -> SupervisorSnapshot:
        """The state at this instant, as a frozen value."""
        return SupervisorSnapshot(
            state=self._state, endpoints=tuple(child.snapshot() for child in self._children.values())
        )

    async def drain(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - what is left is then cancelled
        """Take no new calls, let those that run finish, then close.

        Args:
            timeout: Seconds given to what runs, streams included; then it is cancelled. None waits for ever.

        Cancelled: what runs is cancelled at once.
        """
        if self._state == "running":
            self._state = "draining"
        children = list(self._children.values())
        for child in children:
            child.start_drain()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    for child in children:
                        await child.drain()
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Cancel what runs, close all streams and connections, in the reverse order of their start. Idempotent.

        Callers in flight get `SupervisorClosedError`.

        Cancelled: all of it closes all the same, but nobody waits for it.
        """
        self._state = "closed"
        children = list(reversed(self._children.values()))
        for child in children:
            child.start_close()
        for child in children:
            await child.aclose()

    def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise RuntimeError("this supervisor belongs to another event loop; make one for each loop")

    @property
    @override
    def _ask(self) -> Ask:
        return cast("Ask", self.acompletion)

    async def _fastest(self, call: Call, params: Mapping[str, Any]) -> ChatCompletion | CompletionStream:
        """A race among the models that a comma-separated name lists."""
        models = [name for part in call.model.split(",") if (name := part.strip())]
        others: Any = {name: value for name, value in params.items() if name != "fastest_response"}
        return await self.race(models, cast("Messages", call.messages), stream=call.stream, **others)

    def _route(self, call: Call) -> tuple[Route, Child]:
        known = self._routes.get(call.key)
        if known is not None:
            return known
        self._check_running()
        route = resolve(call.target(), os.environ)
        if len(self._routes) >= _MAX_ROUTES:
            self._routes.clear()
        child = self._child_of(route)
        self._routes[call.key] = route, child
        return route, child

    @override
    def _asking(self, kind: Kind, function: str, model: str, keywords: Mapping[str, Any]) -> Asking:
        """How a call beside chat is made: checked, routed, with a deadline from now on."""
        call = sort_keywords(model, None, keywords=keywords, function=function, known=OPERATION_PARAMS[kind])
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._bind(loop)
        known = self._operations.get((kind, call.key))
        if known is None:
            self._check_running()
            route = resolve_operation(kind, call.target(), os.environ)
            if len(self._operations) >= _MAX_ROUTES:
                self._operations.clear()
            known = self._operations[kind, call.key] = route, self._child_of(route)
        route, child = known
        started = loop.time()
        dropped, forced = sift(call, route)
        return Asking(
            route=route,
            child=child,
            dropped=dropped,
            forced=forced,
            params=call.params,
            options=call.options,
            policy=self._retries,
            rng=self._rng,
            started=started,
            deadline=started + call_timeout(call.options, self._timeout),
        )

    def _check_running(self) -> None:
        if self._state != "running":
            raise SupervisorClosedError(f"the supervisor is {self._state} and takes no new calls")

    def _child_of(self, route: OperationRoute[Any]) -> Child:
        child = self._children.get(route.endpoint)
        if child is None:
            child = self._children[route.endpoint] = Child(self._child_spec(route))
        return child

    def _child_spec(self, route: OperationRoute[Any]) -> ChildSpec:
        return ChildSpec(
            endpoint=route.endpoint,
            make_transport=partial(self._make_transport, route.endpoint, route.codec.headers),
            sign=route.codec.sign if isinstance(route.codec, Signer) and route.codec.signs else None,
            **self._child_settings,
        )

    def _make_transport(self, endpoint: Endpoint, headers: Mapping[str, str]) -> Transport:
        if endpoint.local_model is None:
            return AiohttpTransport(endpoint.provider, self._transport, headers)
        from aiocompl.local.transport import local_transport  # noqa: PLC0415 - an extra, and heavy

        return local_transport(endpoint.local_model, self._transport, headers)


def check_counts(least: int, /, **settings: int) -> None:
    """Refuse settings that are no whole numbers from `least` up.

    Raises:
        ValueError: One is not; the message names it.
    """
    for name, value in settings.items():
        if type(value) is not int or value < least:
            raise ValueError(f"{name} must be a whole number from {least} up, not {value!r}")


def check_seconds(**settings: float) -> None:
    """Refuse settings that are no times above zero.

    Raises:
        ValueError: One is not; the message names it.
    """
    for name, value in settings.items():
        if not value > 0 or not isfinite(value):
            raise ValueError(f"{name} must be a positive number of seconds, not {value!r}")
