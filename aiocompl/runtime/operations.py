"""The calls beside chat: embeddings, reranking, moderation and lists of models, over the same actors and rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import attrs

from aiocompl.errors import APIResponseValidationError, BadRequestError
from aiocompl.runtime.call import add_extras, settle_refused
from aiocompl.runtime.operation_plan import OperationPlan
from aiocompl.runtime.plan import OneWay
from aiocompl.runtime.policy_loop import Errand
from aiocompl.runtime.tasks import all_or_none
from aiocompl.types.call import joined_call
from aiocompl.types.merge import merge_embeddings
from aiocompl.types.request import EmbeddingRequest, ModelsRequest, ModerationRequest, RerankRequest

if TYPE_CHECKING:
    from aiocompl.codecs.routing import OperationRoute
    from aiocompl.policy.retry import RetryPolicy
    from aiocompl.runtime.deployment import Deployment
    from aiocompl.runtime.groups import Group
    from aiocompl.runtime.plan import Plan
    from aiocompl.runtime.rules import Rules
    from aiocompl.types.call import CallInfo
    from aiocompl.types.embedding import EmbeddingResponse
    from aiocompl.types.model_list import ModelList
    from aiocompl.types.moderation import ModerationResponse
    from aiocompl.types.request import Request
    from aiocompl.types.rerank import RerankResponse

_MAX_PAGES = 1000


@attrs.frozen(kw_only=True)
class Asking:
    """How a call is made, whatever it asks and however many requests it takes. See `Errand` for the fields."""

    deployment: Deployment
    params: Mapping[str, Any]
    """What is sent besides the content."""
    dropped: tuple[str, ...]
    """Parameters that `drop_params` left out."""
    forced: Mapping[str, Any]
    """Parameters that `allowed_openai_params` sends past the provider's checks."""
    options: Mapping[str, Any]
    policy: RetryPolicy
    rules: Rules
    started: float
    deadline: float
    group: Group | None = None
    """The model group that is asked for, where it is one; `deployment` is its first."""
    deployments: Sequence[Deployment] = ()
    """All of the group's."""

    @property
    def route(self) -> OperationRoute[Any]:
        """Where it goes, and in which words."""
        return self.deployment.route

    async def ask(self, request: Request, *, again: bool = False) -> Any:
        """Send a request under the rules of the call.

        Cancelled: the request is withdrawn, or its HTTP exchange aborted, before this returns.

        Args:
            request: What to send.
            again: Whether the call has sent one before: it goes on then while the supervisor drains.
        """
        add_extras(request, self.options)
        if self.forced:
            request.extra_body = {**self.forced, **(request.extra_body or {})}
        return await Errand(
            self._plan(request), self.rules, self.options, self.started, self.deadline, again
        ).run()

    def _plan(self, request: Request) -> Plan:
        if self.group is None:
            return OneWay[Any](
                request, self.route, self.deployment, self.dropped, self.options, policy=self.policy
            )
        return OperationPlan(
            self.group,
            self.deployments,
            request,
            self.options,
            self.dropped,
            self.policy,
            self.rules.rng,
        )

    async def embed(self, texts: object) -> EmbeddingResponse:
        """Embed texts, in as many requests at once as the provider's limit makes of them.

        Cancelled, or one of the requests fails: the others are aborted and awaited.
        """
        inputs, route, asking = check_inputs(texts), self.route, self
        size: int = route.codec.max_inputs(route.model)
        if self.options.get("drop_params") or self.options.get("allowed_openai_params"):
            asking = self._settled(inputs[:size])
        requests = [
            EmbeddingRequest(model=route.model, input=inputs[start : start + size], params=asking.params)
            for start in range(0, len(inputs), size)
        ]
        answers: list[EmbeddingResponse] = await all_or_none([asking.ask(request) for request in requests])
        if len(answers) == 1:
            return answers[0]
        whole = merge_embeddings(answers)
        whole.call = joined_call([cast("CallInfo", answer.call) for answer in answers])
        return whole

    def _settled(self, inputs: Sequence[str | Sequence[int]]) -> Asking:
        """The call without the parameters that the codec refuses for their value or for the model; see `settle_refused`."""
        request = EmbeddingRequest(model=self.route.model, input=inputs, params=self.params)
        forced = dict(self.forced)
        dropped = settle_refused(request, forced, self.route, self.options)
        return attrs.evolve(self, params=request.params, forced=forced, dropped=self.dropped + dropped)

    async def rerank(self, query: object, documents: object) -> RerankResponse:
        """Order documents."""
        if not isinstance(query, str):
            raise BadRequestError(f"query must be text, not {type(query).__name__}", param="query")
        request = RerankRequest(
            model=self.route.model,
            query=query,
            documents=_items("documents", documents, str, Mapping),
            params=self.params,
        )
        return cast("RerankResponse", await self.ask(request))

    async def moderate(self, texts: object) -> ModerationResponse:
        """Judge texts."""
        request = ModerationRequest(
            model=self.route.model,
            input=[texts] if isinstance(texts, str) else _items("input", texts, str, Mapping),
            params=self.params,
        )
        return cast("ModerationResponse", await self.ask(request))

    async def list_models(self) -> ModelList:
        """List models, page after page."""
        whole: ModelList = await self.ask(ModelsRequest(params=self.params))
        page, calls = whole, [cast("CallInfo", whole.call)]
        for _ in range(_MAX_PAGES):
            if page.next_page is None:
                whole.next_page = None
                whole.call = calls[0] if len(calls) == 1 else joined_call(calls)
                return whole
            page = await self.ask(ModelsRequest(params=self.params, page=page.next_page), again=True)
            whole.data += page.data
            calls.append(page.call)
        raise APIResponseValidationError(
            "the list of models has no end", provider=self.route.endpoint.provider
        )


def check_inputs(texts: object) -> Sequence[str | Sequence[int]]:
    """What is to be embedded, as a list of texts or of lists of tokens.

    Raises:
        BadRequestError: It is neither.
    """
    if isinstance(texts, str):
        return [texts]
    items = _items("input", texts, str, int, Sequence)
    if isinstance(items[0], int):
        return [cast("Sequence[int]", _items("input", items, int))]
    for item in items:
        if not isinstance(item, str):
            _items("input", item, int)
    return cast("Sequence[str | Sequence[int]]", _items("input", items, str, Sequence))


def _items(name: str, values: object, *kinds: type) -> Sequence[Any]:
    """Values that are a list of these kinds, and not empty."""
    if not isinstance(values, Sequence) or isinstance(values, (str, bytes)):
        raise BadRequestError(f"{name} must be a list, not {type(values).__name__}", param=name)
    if not values:
        raise BadRequestError(f"{name} must hold at least one item", param=name)
    for index, value in enumerate(values):
        if not isinstance(value, kinds) or isinstance(value, (bytes, bool)):
            raise BadRequestError(
                f"{name}[{index}] must not be {type(value).__name__}", param=f"{name}[{index}]"
            )
    return values
