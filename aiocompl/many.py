"""Race, fan-out and batch through the running loop's default supervisor, under LiteLLM's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, overload

from aiocompl.client import default_supervisor
from aiocompl.combinators import CONCURRENCY

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Unpack

    from aiocompl.accept import Accept
    from aiocompl.combinators.batch import BatchStream
    from aiocompl.combinators.batch_rules import BatchProgress, Prompts, Result
    from aiocompl.combinators.entries import Models
    from aiocompl.combinators.merged import MergedStream
    from aiocompl.combinators.report import Contestant
    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.params import CompletionParams
    from aiocompl.types.request import Messages


@overload
async def abatch_completion_models(
    models: Models,
    messages: Messages,
    *,
    stream: Literal[False] | None = ...,
    accept: Accept | None = ...,
    stagger: float | None = ...,
    max_started: int | None = ...,
    on_result: Callable[[Contestant], object] | None = ...,
    linger: float = ...,
    **params: Unpack[CompletionParams],
) -> ChatCompletion: ...
@overload
async def abatch_completion_models(
    models: Models,
    messages: Messages,
    *,
    stream: Literal[True],
    accept: Accept | None = ...,
    stagger: float | None = ...,
    max_started: int | None = ...,
    on_result: Callable[[Contestant], object] | None = ...,
    linger: float = ...,
    **params: Unpack[CompletionParams],
) -> CompletionStream: ...
@overload
async def abatch_completion_models(
    models: Models,
    messages: Messages,
    *,
    stream: bool | None,
    accept: Accept | None = ...,
    stagger: float | None = ...,
    max_started: int | None = ...,
    on_result: Callable[[Contestant], object] | None = ...,
    linger: float = ...,
    **params: Unpack[CompletionParams],
) -> ChatCompletion | CompletionStream: ...


async def abatch_completion_models(
    models: Models,
    messages: Messages,
    *,
    stream: bool | None = False,
    accept: Accept | None = None,
    stagger: float | None = None,
    max_started: int | None = None,
    on_result: Callable[[Contestant], object] | None = None,
    linger: float = 0.0,
    **params: Unpack[CompletionParams],
) -> ChatCompletion | CompletionStream:
    """Race several models: the first accepted success is returned, the others are cancelled and awaited.

    Args:
        models: Names, or mappings with a name under ``"model"`` and what is different for that one (``"api_base"``,
            ``"api_key"``, ``"temperature"``, ...). Each contestant's settings are strictly its own: a key goes only
            where it belongs. A name may stand several times.
        messages: The conversation; see `acompletion`.
        stream: Return the stream of whoever has the first token, nothing lost or repeated. One that breaks before its
            first token is out; if the winner breaks later, that is its error.
        accept: Which answers count: a function of the response, sync or async; those that are not empty by default.
            `aiocompl.accept` has ready-made ones. Not for streams.
        stagger: Seconds after which the next contestant starts, or at once when one fails; all start at once if None.
        max_started: How many may be started at all.
        on_result: Called with a `Contestant` as each ends.
        linger: Seconds that losers may go on after the win, for comparison; the answer waits for them.
            Not for streams.
        **params: What goes for all, as in `acompletion`; `timeout` bounds the whole race.

    Returns:
        The winner's answer; ``response.call.race`` is a `RaceReport` of what became of each, and of what it spent.

    Raises:
        AllModelsFailedError: No answer was accepted by the deadline; an exception group with each cause.
        BadRequestError: The race makes no sense.

    Cancelled: all contestants are cancelled and awaited, and their streams closed.
    """
    return await default_supervisor().race(
        models,
        messages,
        stream=stream,
        accept=accept,
        stagger=stagger,
        max_started=max_started,
        on_result=on_result,
        linger=linger,
        **params,
    )


@overload
async def abatch_completion_models_all_responses(
    models: Models,
    messages: Messages,
    *,
    stream: Literal[False] | None = ...,
    return_exceptions: bool = ...,
    n_required: int | None = ...,
    accept: Accept | None = ...,
    on_result: Callable[[Contestant], object] | None = ...,
    **params: Unpack[CompletionParams],
) -> list[ChatCompletion | Exception]: ...
@overload
async def abatch_completion_models_all_responses(
    models: Models,
    messages: Messages,
    *,
    stream: Literal[True],
    return_exceptions: bool = ...,
    **params: Unpack[CompletionParams],
) -> MergedStream: ...


async def abatch_completion_models_all_responses(
    models: Models,
    messages: Messages,
    *,
    stream: bool | None = False,
    return_exceptions: bool = True,
    n_required: int | None = None,
    accept: Accept | None = None,
    on_result: Callable[[Contestant], object] | None = None,
    **params: Unpack[CompletionParams],
) -> list[ChatCompletion | Exception] | MergedStream:
    """Ask several models at once and return an answer, or an exception, for each, in the order of `models`.

    Args:
        models: See `abatch_completion_models`.
        messages: The conversation; see `acompletion`.
        stream: Return one merged stream of ``(index, chunk)`` instead.
        return_exceptions: Whether an exception stands where a model failed; else the first failure cancels the others
            and is raised.
        n_required: How many accepted answers are enough; the others are cancelled then, and `NotNeededError` stands
            for them.
        accept: Which answers count towards `n_required`; those that are not empty by default.
        on_result: Called with a `Contestant` as each ends.
        **params: What goes for all, as in `acompletion`; `timeout` bounds the whole.

    Raises:
        ModelsFailedError: A model failed, with ``return_exceptions=False``; an exception group with each cause.
        BadRequestError: The call makes no sense.

    Cancelled: all are cancelled and awaited.
    """
    supervisor = default_supervisor()
    if stream:
        return await supervisor.fan_out(
            models, messages, stream=True, return_exceptions=return_exceptions, **params
        )
    return await supervisor.fan_out(
        models,
        messages,
        return_exceptions=return_exceptions,
        n_required=n_required,
        accept=accept,
        on_result=on_result,
        **params,
    )


async def abatch_completion(
    model: str,
    messages: Prompts,
    *,
    concurrency: int = CONCURRENCY,
    return_exceptions: bool = True,
    item_timeout: float | None = None,
    on_progress: Callable[[BatchProgress], object] | None = None,
    progress: bool = False,
    **params: Unpack[CompletionParams],
) -> list[Result]:
    """Ask one model many prompts and return all results, in the order of the prompts.

    Args:
        model: Whom to ask; see `acompletion`.
        messages: The prompts, in any iterable, async ones too: each is a conversation, a user's text, or a mapping
            with ``"messages"`` and the parameters that are different for it.
        concurrency: How many are asked at a time.
        return_exceptions: Whether an exception stands for a prompt that failed; else the first one cancels the others
            and is raised.
        item_timeout: Seconds for each prompt.
        on_progress: Called with a `BatchProgress` after each prompt.
        progress: Show a bar, in a terminal or a notebook (extra `cli`).
        **params: What goes for all, as in `acompletion`; `timeout` bounds the whole batch.

    Raises:
        AiocomplError: A prompt failed, with ``return_exceptions=False``.
        MissingExtraError: `progress` is asked for and rich is not installed.

    Cancelled: all that is under way is cancelled and awaited.
    """
    return await default_supervisor().batch(
        model,
        messages,
        concurrency=concurrency,
        return_exceptions=return_exceptions,
        item_timeout=item_timeout,
        on_progress=on_progress,
        progress=progress,
        **params,
    )


def aiter_batch(
    model: str,
    messages: Prompts,
    *,
    concurrency: int = CONCURRENCY,
    return_exceptions: bool = True,
    item_timeout: float | None = None,
    on_progress: Callable[[BatchProgress], object] | None = None,
    progress: bool = False,
    **params: Unpack[CompletionParams],
) -> BatchStream:
    """Ask one model many prompts; the results come as an async iterator of ``(index, result)``, the quickest first.

    ::

        async with aiter_batch("gpt-4o-mini", prompts, concurrency=50) as results:
            async for index, result in results:
                ...

    The prompts are read no faster than results are taken: a million of them, from a generator or an async one, need
    no more memory than `concurrency`. See `abatch_completion` for the arguments, `BatchStream` for what it raises.
    """
    return default_supervisor().aiter_batch(
        model,
        messages,
        concurrency=concurrency,
        return_exceptions=return_exceptions,
        item_timeout=item_timeout,
        on_progress=on_progress,
        progress=progress,
        **params,
    )
