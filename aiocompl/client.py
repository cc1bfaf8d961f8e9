"""The module-level face of the supervisor: one default supervisor for each running loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal, overload

from aiocompl.runtime.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Unpack

    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.embedding import EmbeddingResponse
    from aiocompl.types.model_list import ModelList
    from aiocompl.types.moderation import ModerationResponse
    from aiocompl.types.operation_params import EmbeddingParams, ModelsParams, ModerationParams, RerankParams
    from aiocompl.types.params import CompletionParams
    from aiocompl.types.request import Messages
    from aiocompl.types.rerank import RerankResponse

_defaults: dict[asyncio.AbstractEventLoop, Supervisor] = {}


def default_supervisor() -> Supervisor:
    """The running loop's default supervisor, made at first use with default settings.

    It is closed with the loop: `asyncio.run` cancels its actors, and they close their connections.

    Raises:
        RuntimeError: No loop is running.
    """
    loop = asyncio.get_running_loop()
    supervisor = _defaults.get(loop)
    if supervisor is None:
        for other in list(_defaults):  # other threads have loops of their own, and may be here too
            if other.is_closed():
                _defaults.pop(other, None)
        supervisor = _defaults[loop] = Supervisor()
    return supervisor


@overload
async def acompletion(
    model: str,
    messages: Messages,
    *,
    stream: Literal[False] | None = ...,
    **params: Unpack[CompletionParams],
) -> ChatCompletion: ...
@overload
async def acompletion(
    model: str, messages: Messages, *, stream: Literal[True], **params: Unpack[CompletionParams]
) -> CompletionStream: ...
@overload
async def acompletion(
    model: str, messages: Messages, *, stream: bool | None, **params: Unpack[CompletionParams]
) -> ChatCompletion | CompletionStream: ...


async def acompletion(
    model: str,
    messages: Messages,
    *,
    stream: bool | None = False,
    **params: Unpack[CompletionParams],
) -> ChatCompletion | CompletionStream:
    """Ask a model through the running loop's default supervisor.

    Args:
        model: A name that says its provider (``"groq/llama-3.3-70b-versatile"``, ``"local/smollm2-135m-instruct"``),
            or whose family does (``"gpt-4o"``, ``"claude-..."``). With `api_base=` any name.
        messages: The conversation, in OpenAI's shape: ``[{"role": "user", "content": "Hello"}]``. Messages out of
            earlier answers are taken as they are.
        stream: Return a `CompletionStream` of chunks instead of the whole answer.
        **params: OpenAI's parameters, the provider's own, and call options; see `CompletionParams`.

    Returns:
        The answer, or the stream, in OpenAI's shape.

    Raises:
        BadRequestError: The call is wrong; found before any I/O where it can be.
        AuthenticationError: There is no API key (the message names the variable to set), or it is not accepted.
        NotFoundError: No provider is known for the model name.
        APITimeoutError: `timeout` seconds (600 by default) have passed.
        APIError: Whatever else can go wrong with a provider; see `aiocompl.errors`.
        TypeError: A keyword is misspelt; the message names the nearest one.

    Cancelled: the request is withdrawn, or its HTTP exchange aborted, before this returns.
    """
    return await default_supervisor().acompletion(model, messages, stream=stream, **params)


async def aembedding(
    model: str,
    input: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],  # noqa: A002 - OpenAI's name
    **params: Unpack[EmbeddingParams],
) -> EmbeddingResponse:
    """Turn texts into vectors, through the running loop's default supervisor.

    Args:
        model: A name that says its provider, or whose family does; see `acompletion`.
        input: A text, texts, or texts as lists of token numbers. More of them than the provider takes at once go in
            several requests, at once, and come back as one answer.
        **params: OpenAI's parameters, the provider's own, and call options; see `EmbeddingParams`.

    Returns:
        A vector for each text, in their order; the tokens of all requests.

    Raises:
        APIError: One of the requests failed; the others are cancelled. See `acompletion` for the rest.

    Cancelled: all requests are withdrawn, or their HTTP exchanges aborted, before this returns.
    """
    return await default_supervisor().aembedding(model, input, **params)


async def arerank(
    model: str, query: str, documents: Sequence[str | Mapping[str, Any]], **params: Unpack[RerankParams]
) -> RerankResponse:
    """Order documents by what they have to do with a query, through the running loop's default supervisor.

    Args:
        model: A name that says its provider: ``"cohere/rerank-v3.5"``.
        query: What is looked for.
        documents: Texts, or mappings where the provider takes them.
        **params: See `RerankParams`.

    Returns:
        The documents' indices with their scores, the most relevant first.

    Raises:
        NotFoundError: The provider is not known to rerank. See `acompletion` for the rest.

    Cancelled: the request is withdrawn, or its HTTP exchange aborted, before this returns.
    """
    return await default_supervisor().arerank(model, query, documents, **params)


async def amoderation(
    input: str | Sequence[str | Mapping[str, Any]],  # noqa: A002 - OpenAI's name
    model: str = "omni-moderation-latest",
    **params: Unpack[ModerationParams],
) -> ModerationResponse:
    """Judge whether texts are harmful, through the running loop's default supervisor.

    Args:
        input: A text, texts, or OpenAI's content parts.
        model: A name that says its provider, or whose family does.
        **params: Call options; see `CallOptions`.

    Returns:
        A judgement for each input, in OpenAI's shape.

    Raises:
        NotFoundError: The provider is not known to have moderation. See `acompletion` for the rest.

    Cancelled: the request is withdrawn, or its HTTP exchange aborted, before this returns.
    """
    return await default_supervisor().amoderation(input, model, **params)


async def amodels(provider: str, **params: Unpack[ModelsParams]) -> ModelList:
    """List the models that a provider offers to this key, through the running loop's default supervisor.

    Args:
        provider: Its name, such as ``"anthropic"``; any name with `api_base=`.
        **params: Call options; see `CallOptions`.

    Returns:
        All pages of the list as one, in OpenAI's shape; what a provider says beyond it is kept.

    Raises:
        NotFoundError: No such provider is known, or it is not known to list its models. See `acompletion` for the rest.

    Cancelled: the request is withdrawn, or its HTTP exchange aborted, before this returns.
    """
    return await default_supervisor().amodels(provider, **params)
