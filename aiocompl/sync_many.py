"""Blocking twins of race, fan-out and batch."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from aiocompl.combinators import CONCURRENCY
from aiocompl.combinators.merged import MergedStream
from aiocompl.many import (
    abatch_completion,
    abatch_completion_models,
    abatch_completion_models_all_responses,
)
from aiocompl.runtime.stream import CompletionStream
from aiocompl.sync import SyncCompletionStream, background

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Unpack

    from aiocompl.accept import Accept
    from aiocompl.combinators.batch_rules import BatchProgress, Prompts, Result
    from aiocompl.combinators.entries import Models
    from aiocompl.combinators.report import Contestant
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.params import CompletionParams
    from aiocompl.types.request import Messages


class SyncMergedStream:
    """The chunks of several models' streamed answers, for blocking code: an iterator of ``(index, chunk)``.

    Leaving the `with`, `close()`, or dropping it closes all connections. See `MergedStream`.
    """

    def __init__(self, merged: MergedStream) -> None:
        self._merged = merged
        self._pid = os.getpid()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[int, ChatCompletionChunk | Exception]:
        if self._pid != os.getpid():
            raise RuntimeError("this stream was opened before the fork and is the parent's to read")
        item = background().run(anext(self._merged, None))
        if item is None:
            raise StopIteration
        return item

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections. Idempotent; in a forked child it leaves them alone: they are the parent's."""
        if self._pid == os.getpid():
            background().run(self._merged.aclose())


@overload
def batch_completion_models(
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
def batch_completion_models(
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
) -> SyncCompletionStream: ...


def batch_completion_models(
    models: Models, messages: Messages, *, stream: bool | None = False, **options: Any
) -> ChatCompletion | SyncCompletionStream:
    """Race several models: the blocking twin of `abatch_completion_models`, with the same arguments and errors."""
    answer = background().run(abatch_completion_models(models, messages, stream=stream, **options))
    return SyncCompletionStream(answer, background()) if isinstance(answer, CompletionStream) else answer


@overload
def batch_completion_models_all_responses(
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
def batch_completion_models_all_responses(
    models: Models,
    messages: Messages,
    *,
    stream: Literal[True],
    return_exceptions: bool = ...,
    **params: Unpack[CompletionParams],
) -> SyncMergedStream: ...


def batch_completion_models_all_responses(
    models: Models, messages: Messages, *, stream: Any = False, **options: Any
) -> list[ChatCompletion | Exception] | SyncMergedStream:
    """Ask several models at once: the blocking twin of `abatch_completion_models_all_responses`."""
    answers: Any = background().run(
        abatch_completion_models_all_responses(models, messages, stream=stream, **options)
    )
    return SyncMergedStream(answers) if isinstance(answers, MergedStream) else answers


def batch_completion(
    model: str,
    messages: Prompts,
    *,
    concurrency: int | None = None,
    max_workers: int | None = None,
    return_exceptions: bool = True,
    item_timeout: float | None = None,
    on_progress: Callable[[BatchProgress], object] | None = None,
    progress: bool = False,
    **params: Unpack[CompletionParams],
) -> list[Result]:
    """Ask one model many prompts: the blocking twin of `abatch_completion`, with the same arguments and errors.

    Args:
        model: See there.
        messages: See there.
        concurrency: See there.
        max_workers: LiteLLM's name for `concurrency`.
        return_exceptions: See there.
        item_timeout: See there.
        on_progress: See there; called on another thread.
        progress: See there.
        **params: See there.
    """
    return background().run(
        abatch_completion(
            model,
            messages,
            concurrency=next(
                (given for given in (concurrency, max_workers) if given is not None), CONCURRENCY
            ),
            return_exceptions=return_exceptions,
            item_timeout=item_timeout,
            on_progress=on_progress,
            progress=progress,
            **params,
        )
    )
