"""Race, fan-out and batch as methods of whatever asks one model. Each loads at its first use."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal, overload

from aiocompl.combinators import CONCURRENCY
from aiocompl.errors import AllModelsFailedError, BadRequestError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Unpack

    from aiocompl.accept import Accept
    from aiocompl.combinators.batch import BatchStream
    from aiocompl.combinators.batch_rules import BatchProgress, Prompts, Result
    from aiocompl.combinators.entries import Ask, Models
    from aiocompl.combinators.merged import MergedStream
    from aiocompl.combinators.report import Contestant, RaceReport
    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.params import CompletionParams
    from aiocompl.types.request import Messages


class Combinators(ABC):
    """What can be done with many calls, for a class that can do one."""

    _timeout: float
    """Seconds for a whole call that says nothing else."""
    _on_race: Callable[[RaceReport], object] | None = None
    """Told of each race that is over."""

    @property
    @abstractmethod
    def _ask(self) -> Ask:
        """What asks one model."""

    @overload
    async def race(
        self,
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
    async def race(
        self,
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
    async def race(
        self,
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
    async def race(
        self,
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
        """Ask several models at once; the first accepted success wins. See `aiocompl.abatch_completion_models`.

        Cancelled: all contestants are cancelled and awaited, and their streams closed.
        """
        from aiocompl.combinators.race import RaceRules, race  # noqa: PLC0415 - see the module

        rules = RaceRules(
            accept=accept, stagger=stagger, max_started=max_started, on_result=on_result, linger=linger
        )
        try:
            answer = await race(
                self._ask,
                models,
                messages,
                stream=bool(stream),
                rules=rules,
                params=params,
                default_timeout=self._timeout,
            )
        except AllModelsFailedError as error:
            if self._on_race is not None and error.race is not None:
                self._on_race(error.race)
            raise
        if self._on_race is not None and answer.call is not None and answer.call.race is not None:
            self._on_race(answer.call.race)
        return answer

    @overload
    async def fan_out(
        self,
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
    async def fan_out(
        self,
        models: Models,
        messages: Messages,
        *,
        stream: Literal[True],
        return_exceptions: bool = ...,
        **params: Unpack[CompletionParams],
    ) -> MergedStream: ...
    async def fan_out(
        self,
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
        """Ask several models at once; an answer for each. See `aiocompl.abatch_completion_models_all_responses`.

        Cancelled: all are cancelled and awaited.
        """
        from aiocompl.combinators.fan_out import FanOutRules, fan_out  # noqa: PLC0415 - see the module

        rules = FanOutRules(
            return_exceptions=return_exceptions, n_required=n_required, accept=accept, on_result=on_result
        )
        if stream:
            if rules != FanOutRules(return_exceptions=return_exceptions):
                raise BadRequestError(
                    "n_required, accept and on_result need whole answers, and stream=True gives none",
                    param="stream",
                )
            from aiocompl.combinators.merged import merge  # noqa: PLC0415 - see the module

            return merge(
                self._ask,
                models,
                messages,
                return_exceptions=return_exceptions,
                params=params,
                default_timeout=self._timeout,
            )
        return await fan_out(
            self._ask, models, messages, rules=rules, params=params, default_timeout=self._timeout
        )

    async def batch(
        self,
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
        """Ask one model many prompts; all results, in their order. See `aiocompl.abatch_completion`.

        Cancelled: all that is under way is cancelled and awaited.
        """
        from aiocompl.combinators.batch import Batch, run_batch  # noqa: PLC0415 - see the module
        from aiocompl.combinators.batch_rules import BatchRules  # noqa: PLC0415 - see the module

        rules = BatchRules(
            concurrency=concurrency,
            return_exceptions=return_exceptions,
            item_timeout=item_timeout,
            on_progress=on_progress,
            progress=progress,
        )
        return await run_batch(Batch(self._ask, model, messages, rules=rules, params=params))

    def aiter_batch(
        self,
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
        """Ask one model many prompts; results as they come. See `aiocompl.aiter_batch`."""
        from aiocompl.combinators.batch import Batch, BatchStream  # noqa: PLC0415 - see the module
        from aiocompl.combinators.batch_rules import BatchRules  # noqa: PLC0415 - see the module

        rules = BatchRules(
            concurrency=concurrency,
            return_exceptions=return_exceptions,
            item_timeout=item_timeout,
            on_progress=on_progress,
            progress=progress,
        )
        return BatchStream(Batch(self._ask, model, messages, rules=rules, params=params))
