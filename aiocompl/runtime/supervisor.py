"""The supervisor: from a call to an answer, and the life of the actors that give it."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast, overload

import attrs

from aiocompl._compat import override
from aiocompl.combinators.face import Combinators
from aiocompl.policy.hedge import HedgeBudget, HedgePurse
from aiocompl.policy.retry import RetryBudget, RetryPolicy
from aiocompl.runtime.asked_for import cache_layer, hooks_of, tell_hit, tell_race
from aiocompl.runtime.batch_calls import BatchCalling
from aiocompl.runtime.call import Call, call_retries, call_timeout, sift, sort_keywords
from aiocompl.runtime.children import check_counts, check_seconds
from aiocompl.runtime.hedging import Hedges
from aiocompl.runtime.mock import mock_answer
from aiocompl.runtime.policy_loop import Errand
from aiocompl.runtime.router_settings import read_router, read_router_from
from aiocompl.runtime.routing import Routing
from aiocompl.types.checks import check_messages
from aiocompl.types.completion import ChatCompletion
from aiocompl.types.params import CALL_OPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import Unpack

    from aiocompl.cache.base import Cache
    from aiocompl.codecs.routing import Kind
    from aiocompl.combinators.entries import Ask
    from aiocompl.policy.adaptive import AdaptivePolicy
    from aiocompl.policy.breaker import BreakerPolicy
    from aiocompl.policy.budget import Budget, BudgetSnapshot
    from aiocompl.policy.config import RouterConfig
    from aiocompl.policy.ledger import Ledger, LedgerEntry
    from aiocompl.runtime.accounts import Accounts
    from aiocompl.runtime.child_values import Overflow
    from aiocompl.runtime.operations import Asking
    from aiocompl.runtime.router_settings import ModelGroups, RouterSettings
    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.runtime.transport import TransportSettings
    from aiocompl.shared.base import SharedState
    from aiocompl.telemetry.hooks import Hook
    from aiocompl.types.embedding import EmbeddingResponse
    from aiocompl.types.model_list import ModelList
    from aiocompl.types.moderation import ModerationResponse
    from aiocompl.types.operation_params import EmbeddingParams, ModelsParams, ModerationParams, RerankParams
    from aiocompl.types.params import CompletionParams
    from aiocompl.types.request import ChatRequest, Messages
    from aiocompl.types.rerank import RerankResponse


class Supervisor(Routing, Combinators, BatchCalling):
    """Routes calls to actors by model name, and keeps those actors alive.

    ::

        async with Supervisor(max_concurrency=50) as supervisor:
            response = await supervisor.acompletion(model="gpt-4o", messages=messages)

    It belongs to the loop it is first used on. Actors start at the first call that needs them, one for each endpoint
    (provider, base URL, credentials). The environment is read when a model name is first used.

    Args:
        timeout: Seconds for a whole call that says nothing else.
        num_retries: Attempts after the first, for errors that are retryable, where a call says nothing else.
        max_concurrency: Requests in flight at once per endpoint, open streams included; ``"auto"`` or an
            `AdaptivePolicy` finds out how many each endpoint takes.
        inbox_size: Requests that may wait for a slot, per endpoint.
        overflow: What happens to one more: ``"raise"`` refuses it with `InboxFullError`, ``"wait"`` lets it wait.
        max_restarts: Crashes of an actor within `restart_period` seconds after which its endpoint is given up.
        restart_period: See there.
        retry_budget: How many retries each endpoint may get in all, whatever single calls would be allowed.
        breaker: When an endpoint that fails is not asked for a while; None asks it always.
        transport: How connections are made.
        rng: Where the jitter of retries comes from.
        model_list: Model groups, as LiteLLM's Router takes them, or `DeploymentConfig` values.
        config: Instead of it and of `settings`: the path of a YAML or TOML file, or what one holds.
        hedge_budget: How many second attempts there may be for calls with `hedge=`.
        hooks: Who is told of calls and of what happens to them: functions, tracing, metrics.
        cache: Where answers are kept, to be given again to calls that ask the same: a `MemoryCache`, say.
        coalesce: Whether calls that ask the same at the same time share one upstream call.
        max_budget: US dollars that all calls together may cost, or a `Budget` that begins anew from time to time.
        budgets: The same by name, for the calls that say `budget=name`.
        shared: Where rate limits, breakers and budgets are those of other processes too: a `RedisState`, say.
        ledger: Where every attempt is entered with what it cost; True for one of one's own.
        on_entry: Called with each entry, to keep it somewhere.
        **settings: What else LiteLLM's Router takes: fallbacks, routing_strategy, ...; see `RouterSettings`.

    Raises:
        ConfigError: A setting is not as it should be; the message says where, and the nearest name.
    """

    def __init__(
        self,
        *,
        timeout: float = 600.0,
        num_retries: int = 2,
        max_concurrency: int | Literal["auto"] | AdaptivePolicy = 1000,
        inbox_size: int = 10_000,
        overflow: Overflow = "raise",
        max_restarts: int = 3,
        restart_period: float = 5.0,
        retry_budget: RetryBudget | None = None,
        breaker: BreakerPolicy | None = None,
        transport: TransportSettings | None = None,
        rng: random.Random | None = None,
        model_list: ModelGroups | None = None,
        config: str | Path | Mapping[str, Any] | RouterConfig | None = None,
        hedge_budget: HedgeBudget | None = None,
        hooks: Iterable[Hook] | None = None,
        cache: Cache | None = None,
        coalesce: bool = False,
        max_budget: Budget | float | None = None,
        budgets: Mapping[str, Budget | float] | None = None,
        shared: SharedState | None = None,
        ledger: Ledger | bool | None = None,
        on_entry: Callable[[LedgerEntry], object] | None = None,
        **settings: Unpack[RouterSettings],
    ) -> None:
        check_counts(0, num_retries=num_retries)
        check_seconds(timeout=timeout)
        super().__init__(
            config=read_router(model_list, settings) if config is None else read_router_from(config),
            timeout=timeout,
            policy=RetryPolicy(max_retries=num_retries),
            rng=rng or random.Random(),  # noqa: S311 - jitter, no secret
            max_concurrency=max_concurrency,
            inbox_size=inbox_size,
            overflow=overflow,
            max_restarts=max_restarts,
            restart_period=restart_period,
            retry_budget=retry_budget,
            breaker=breaker,
            transport=transport,
        )
        self.hedges = Hedges(HedgePurse(hedge_budget or HedgeBudget()))
        self.hooks = hooks_of(hooks, self)
        if self.hooks is not None:
            self._on_race = partial(tell_race, self.hooks)
        self._cache = cache_layer(cache, coalesce=coalesce)
        self.shared = shared
        self._has_prices = False  # whether the price table has been loaded
        self.accounts: Accounts | None = None
        if any(given is not None for given in (ledger, max_budget, budgets, on_entry)):
            from aiocompl.runtime.accounts import accounts_of  # noqa: PLC0415 - for those who count

            self.accounts = accounts_of(
                ledger=ledger, max_budget=max_budget, budgets=budgets, on_entry=on_entry, shared=shared
            )

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
            return mock_answer(
                mock,
                model=model,
                stream=call.stream,
                answer_type=call.answer_type,
                stream_options=call.params.get("stream_options"),
            )
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._bind(loop)
        if self.accounts is None and "budget" in options:
            from aiocompl.runtime.accounts import unknown_budget  # noqa: PLC0415 - the caller's mistake

            raise unknown_budget(str(options["budget"]), ())
        if self.accounts is not None and not self._has_prices:
            from aiocompl.runtime.price_table import load_prices  # noqa: PLC0415 - for those who count

            await load_prices()
            self._has_prices = True
        started = loop.time()
        deadline = started + (call_timeout(options, self._timeout) if options else self._timeout)
        answer_type = call.answer_type
        make = self._make_answer if self._cache is None and "cache" not in options else self._cached_answer
        making = make(call, params, started, deadline)
        del call  # what the collector need not look at while the answer is on its way
        answer = await making
        if answer_type is not None and isinstance(answer, ChatCompletion):
            answer_type.read_into(answer)
        return answer

    async def _cached_answer(
        self, call: Call, params: Mapping[str, Any], started: float, deadline: float
    ) -> ChatCompletion | CompletionStream:
        """One that is kept, or on its way already; else make one."""
        from aiocompl.cache.question import question_of  # noqa: PLC0415 - for those who want it

        self._check_running()
        group, cache = self.find(call.model), self._cache
        question = question_of(call, self._route(call).route.endpoint if group is None else None)
        if cache is None:
            return await self._make_answer(call, params, started, deadline)
        answer = await cache.answer(
            question.key,
            question.controls,
            lambda: self._make_answer(call, params, started, deadline),
            stream=question.form,
            deadline=deadline,
        )
        if self.hooks is not None and (info := answer.call) is not None and (info.cached or info.coalesced):
            tell_hit(self.hooks, info)
        return answer

    def _make_answer(
        self, call: Call, params: Mapping[str, Any], started: float, deadline: float
    ) -> Coroutine[Any, Any, ChatCompletion | CompletionStream]:
        times, plan = self._plan(call, params)
        options = call.options
        if times == 1:
            return Errand(plan, self, options, started, deadline).run()
        from aiocompl.runtime.fanout_n import fan_out  # noqa: PLC0415 - few calls want it

        return fan_out(
            times,
            lambda: Errand(plan.fresh(), self, options, started, deadline).run(),
            started,
            cast("ChatRequest", plan.choose().request),
        )

    async def aembedding(
        self,
        model: str,
        input: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],  # noqa: A002 - OpenAI's name
        **params: Unpack[EmbeddingParams],
    ) -> EmbeddingResponse:
        """Turn texts into vectors; see `aiocompl.aembedding`.

        Cancelled: all requests are withdrawn, or their HTTP exchanges aborted, before this returns.
        """
        return await self._asking("embeddings", "aembedding", model, params).embed(input)

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
        return await self._asking("rerank", "arerank", model, params).rerank(query, documents)

    async def amoderation(
        self,
        input: str | Sequence[str | Mapping[str, Any]],  # noqa: A002 - OpenAI's name
        model: str = "omni-moderation-latest",
        **params: Unpack[ModerationParams],
    ) -> ModerationResponse:
        """Judge texts; see `aiocompl.amoderation`.

        Cancelled: the request is withdrawn, or its HTTP exchange aborted, before this returns.
        """
        return await self._asking("moderations", "amoderation", model, params).moderate(input)

    async def amodels(self, provider: str, **params: Unpack[ModelsParams]) -> ModelList:
        """List a provider's models; see `aiocompl.amodels`.

        Cancelled: the request is withdrawn, or its HTTP exchange aborted, before this returns.
        """
        return await self._asking("models", "amodels", provider, params).list_models()

    @property
    def ledger(self) -> Ledger | None:
        """Where every attempt is entered with what it cost; None where nobody has asked for that."""
        return None if self.accounts is None else self.accounts.ledger

    def budgets(self) -> dict[str | None, BudgetSnapshot]:
        """The budgets as they are, by name; None is the name of that of all calls."""
        return {} if self.accounts is None else self.accounts.budgets()

    @override
    async def aclose(self) -> None:
        """See `ChildKeeper.aclose`; hooks are told what has happened before this returns, for a few seconds at most."""
        try:
            await super().aclose()
        finally:
            try:
                if self._cache is not None:  # after the children: what is shared ends as they say
                    await self._cache.aclose()
            finally:
                if self.hooks is not None:
                    await self.hooks.aclose()

    @property
    @override
    def _ask(self) -> Ask:
        return cast("Ask", self.acompletion)

    async def _fastest(self, call: Call, params: Mapping[str, Any]) -> ChatCompletion | CompletionStream:
        """A race among the models that a comma-separated name lists."""
        models = [name for part in call.model.split(",") if (name := part.strip())]
        others: Any = {name: value for name, value in params.items() if name != "fastest_response"}
        return await self.race(models, cast("Messages", call.messages), stream=call.stream, **others)

    @override
    def _asking(self, kind: Kind, function: str, model: str, keywords: Mapping[str, Any]) -> Asking:
        """How a call beside chat is made: checked, routed, with a deadline from now on."""
        from aiocompl.runtime.operations import Asking  # noqa: PLC0415 - with what they need, loads
        from aiocompl.types.operation_params import OPERATION_PARAMS  # noqa: PLC0415 - with the first of them

        known = OPERATION_PARAMS[kind]
        group = None if kind in ("batches", "models") else self.find(model)
        if group is not None:
            usual = group.members[0].defaults
            keywords = {**{name: usual[name] for name in usual if name in known | CALL_OPTIONS}, **keywords}
        call = sort_keywords(model, None, keywords=keywords, function=function, known=known)
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._bind(loop)
        deployments = self._operation_deployments(kind, call, group)
        deployment = deployments[0]
        started = loop.time()
        dropped, forced = sift(call, deployment.route)
        policy = self.policy if group is None else group.policy
        if "num_retries" in call.options or "max_retries" in call.options:
            policy = attrs.evolve(policy, max_retries=call_retries(call.options))
        return Asking(
            deployment=deployment,
            dropped=dropped,
            forced=forced,
            params=call.params,
            options=call.options,
            policy=policy,
            rules=self,
            group=group,
            deployments=deployments,
            started=started,
            deadline=started + call_timeout(call.options, self._timeout),
        )


Router = Supervisor
"""LiteLLM's name for it, where model groups are meant."""
