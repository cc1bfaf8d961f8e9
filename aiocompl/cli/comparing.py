"""What ``aiocompl compare`` does once it knows what to ask: the fan-out, and its answers side by side."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import attrs
import orjson
from rich.console import Console

from aiocompl.cli.ask import conversation
from aiocompl.cli.exits import error_json
from aiocompl.cli.lanes import Lanes
from aiocompl.cli.side_by_side import Result, print_results
from aiocompl.cli.terminal import write
from aiocompl.cli.track import shown
from aiocompl.errors import AllModelsFailedError
from aiocompl.runtime.supervisor import Supervisor
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.completion import ChatCompletion

if TYPE_CHECKING:
    from aiocompl.cli.entrants import Entrant
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.params import CompletionParams


@attrs.frozen(kw_only=True)
class Comparison:
    """Whom to ask, what, and how to print the answers."""

    entrants: tuple[Entrant, ...]
    prompt: str
    system: str | None = None
    stream: bool = True
    as_json: bool = False
    params: CompletionParams
    """Parameters and options of the call; None is "not given"."""


def run_comparison(comparison: Comparison) -> None:
    """Ask all, show on standard error how they get on, and print all answers on standard output.

    Interrupted: all connections are closed.

    Raises:
        AllModelsFailedError: There is no answer at all; the exit status is that of the causes, where they agree.
        AiocomplError: The call makes no sense.
        OutputClosedError: Nobody reads the answers any more.
    """
    results = asyncio.run(_shown(comparison))
    if comparison.as_json:
        value = [_json(index, result) for index, result in enumerate(results)]
        write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())
    else:
        print_results(results)
    errors = [result.error for result in results if result.error is not None]
    if len(errors) == len(results):
        raise AllModelsFailedError(f"none of the {len(errors)} models asked gave an answer", errors)


async def _shown(comparison: Comparison) -> list[Result]:
    async with Supervisor() as supervisor:
        lanes = Lanes(comparison.entrants)
        with shown(lanes, Console(stderr=True, highlight=False), keep=False):
            return await compare(supervisor, comparison, lanes)


async def compare(supervisor: Supervisor, comparison: Comparison, lanes: Lanes) -> list[Result]:
    """Ask all, and tell the lanes how they get on."""
    params = comparison.params
    models = lanes.entries(stream=comparison.stream)
    messages = conversation(comparison.prompt, comparison.system)
    if comparison.stream:
        return await _streamed(supervisor, models, messages, lanes, params)
    answers = await supervisor.fan_out(models, messages, on_result=lanes.note, **params)
    return [
        Result(
            lane=lane,
            response=answer if isinstance(answer, ChatCompletion) else None,
            error=answer if isinstance(answer, Exception) else None,
        )
        for lane, answer in zip(lanes.lanes, answers, strict=True)
    ]


async def _streamed(
    supervisor: Supervisor,
    models: list[dict[str, Any]],
    messages: list[dict[str, str]],
    lanes: Lanes,
    params: CompletionParams,
) -> list[Result]:
    chunks: list[list[ChatCompletionChunk]] = [[] for _ in models]
    errors: dict[int, Exception] = {}
    async with await supervisor.fan_out(models, messages, stream=True, **params) as merged:
        async for index, item in merged:
            if isinstance(item, Exception):
                errors[index] = item
                lanes.fail(index, item)
            else:
                chunks[index].append(item)
                lanes.take(index, item)
    results = []
    for index, lane in enumerate(lanes.lanes):
        lanes.close(index)
        response = stream_chunk_builder(chunks[index]) if chunks[index] else None
        results.append(Result(lane=lane, response=response, error=errors.get(index)))
    return results


def _json(index: int, result: Result) -> dict[str, Any]:
    response, lane = result.response, result.lane
    return {
        "index": index,
        "model": lane.label,
        "provider": None if lane.call is None else lane.call.provider,
        "elapsed": result.elapsed,
        "first_token": lane.first_token,
        "usage": None if response is None or response.usage is None else response.usage.to_dict(),
        "tokens_per_second": result.tokens_per_second,
        "cost": result.cost,
        "finish_reason": result.finish_reason,
        "error": error_json(result.error),
        "response": None if response is None else response.to_dict(),
    }
