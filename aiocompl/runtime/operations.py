"""The calls beside chat: embeddings, reranking, moderation and lists of models, over the same actors and rules."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import attrs

from aiocompl.errors import APIResponseValidationError, BadRequestError
from aiocompl.runtime.call import add_extras
from aiocompl.runtime.policy_loop import attempt
from aiocompl.runtime.tasks import cancel_and_wait, error_of
from aiocompl.types.request import EmbeddingRequest, ModelsRequest, ModerationRequest, RerankRequest

if TYPE_CHECKING:
    import random
    from collections.abc import Coroutine

    from aiocompl.codecs.routing import OperationRoute
    from aiocompl.policy.retry import RetryPolicy
    from aiocompl.runtime.child import Child
    from aiocompl.types.embedding import EmbeddingResponse
    from aiocompl.types.model_list import ModelList
    from aiocompl.types.moderation import ModerationResponse
    from aiocompl.types.request import Request
    from aiocompl.types.rerank import RerankResponse

T = TypeVar("T")

_MAX_PAGES = 1000


@attrs.frozen(kw_only=True)
class Asking:
    """How a call is made, whatever it asks and however many requests it takes. See `attempt` for the fields."""

    route: OperationRoute[Any]
    child: Child
    params: Mapping[str, Any]
    """What is sent besides the content."""
    dropped: tuple[str, ...]
    """Parameters that `drop_params` left out."""
    forced: Mapping[str, Any]
    """Parameters that `allowed_openai_params` sends past the provider's checks."""
    options: Mapping[str, Any]
    policy: RetryPolicy
    rng: random.Random
    started: float
    deadline: float

    async def ask(self, request: Request) -> Any:
        """Send a request under the rules of the call.

        Cancelled: the request is withdrawn, or its HTTP exchange aborted, before this returns.
        """
        add_extras(request, self.options)
        if self.forced:
            request.extra_body = {**self.forced, **(request.extra_body or {})}
        answer: Any = await attempt(
            request,
            self.route,
            self.child,
            options=self.options,
            policy=self.policy,
            rng=self.rng,
            started=self.started,
            deadline=self.deadline,
        )
        if self.dropped and answer.call is not None:
            answer.call.dropped_params = self.dropped
        return answer


async def embed(asking: Asking, texts: object) -> EmbeddingResponse:
    """Embed texts, in as many requests at once as the provider's limit makes of them.

    Cancelled, or one of the requests fails: the others are aborted and awaited.
    """
    inputs, route = check_inputs(texts), asking.route
    size: int = route.codec.max_inputs
    requests = [
        EmbeddingRequest(model=route.model, input=inputs[start : start + size], params=asking.params)
        for start in range(0, len(inputs), size)
    ]
    first, *others = await all_or_none([asking.ask(request) for request in requests])
    return joined(first, others)


async def rerank(asking: Asking, query: object, documents: object) -> RerankResponse:
    """Order documents."""
    if not isinstance(query, str):
        raise BadRequestError(f"query must be text, not {type(query).__name__}", param="query")
    request = RerankRequest(
        model=asking.route.model,
        query=query,
        documents=_items("documents", documents, str, Mapping),
        params=asking.params,
    )
    return cast("RerankResponse", await asking.ask(request))


async def moderate(asking: Asking, texts: object) -> ModerationResponse:
    """Judge texts."""
    request = ModerationRequest(
        model=asking.route.model,
        input=[texts] if isinstance(texts, str) else _items("input", texts, str, Mapping),
        params=asking.params,
    )
    return cast("ModerationResponse", await asking.ask(request))


async def list_models(asking: Asking) -> ModelList:
    """List models, page after page."""
    whole: ModelList = await asking.ask(ModelsRequest(params=asking.params))
    page = whole
    for _ in range(_MAX_PAGES):
        if page.next_page is None:
            whole.next_page = None
            return whole
        page = await asking.ask(ModelsRequest(params=asking.params, page=page.next_page))
        whole.data += page.data
    raise APIResponseValidationError("the list of models has no end", provider=asking.route.endpoint.provider)


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


async def all_or_none(calls: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of calls that run at once, in their order.

    One fails, or cancelled: the others are cancelled and awaited.

    Raises:
        Exception: The error of the first call, in their order, that had failed by then.
    """
    if len(calls) == 1:
        return [await calls[0]]
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(call) for call in calls]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        await cancel_and_wait(tasks)
        failed = [task for task in tasks if error_of(task) is not None]
    return [task.result() for task in (failed[:1] or tasks)]


def joined(first: EmbeddingResponse, others: Sequence[EmbeddingResponse]) -> EmbeddingResponse:
    """The answers to the parts of one call as one: the first, with the vectors and the tokens of all."""
    for other in others:
        for item in other.data:
            item.index = len(first.data)
            first.data.append(item)
        if first.usage is not None and other.usage is not None:
            first.usage.prompt_tokens += other.usage.prompt_tokens
            first.usage.total_tokens += other.usage.total_tokens
    return first
