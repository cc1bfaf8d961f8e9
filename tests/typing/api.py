"""What the types look like from outside. Read by mypy and pyright, never run."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

from aiocompl import (
    BatchProgress,
    BatchStream,
    CallInfo,
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionMessage,
    CompletionStream,
    Contestant,
    MergedStream,
    RaceReport,
    RateLimits,
    ResponseFormatError,
    Supervisor,
    SyncCompletionStream,
    SyncMergedStream,
    Usage,
    abatch_completion,
    abatch_completion_models,
    abatch_completion_models_all_responses,
    accept,
    acompletion,
    aiter_batch,
    batch_completion,
    batch_completion_models,
    batch_completion_models_all_responses,
    completion,
    get_supported_openai_params,
    register_provider,
    stream_chunk_builder,
)
from aiocompl.codecs.openai import OpenAICodec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

MESSAGES = [{"role": "user", "content": "Hello"}]


async def blocking() -> None:
    response = await acompletion(model="gpt-4o", messages=MESSAGES, temperature=0.2, max_tokens=5)
    assert_type(response, ChatCompletion)
    assert_type(response.choices[0].finish_reason, str | None)
    assert_type(await acompletion("gpt-4o", MESSAGES, stream=False), ChatCompletion)
    again: list[Mapping[str, object] | ChatCompletionMessage] = [*MESSAGES, response.choices[0].message]
    assert_type(await acompletion("gpt-4o", again), ChatCompletion)


async def structured() -> None:
    response = await acompletion("gpt-4o", MESSAGES, response_format=CallInfo)
    assert_type(response.choices[0].message.parsing_error, ResponseFormatError | None)
    assert_type(await acompletion("gpt-4o", MESSAGES, response_format=list[CallInfo]), ChatCompletion)
    assert_type(await acompletion("gpt-4o", MESSAGES, response_format=CallInfo | Usage), ChatCompletion)
    assert_type(
        await acompletion("gpt-4o", MESSAGES, response_format={"type": "json_object"}), ChatCompletion
    )


async def streaming() -> None:
    stream = await acompletion(model="gpt-4o", messages=MESSAGES, stream=True, stop=["\n"])
    assert_type(stream, CompletionStream)
    chunks: list[ChatCompletionChunk] = []
    async with stream as entered:
        assert_type(entered, CompletionStream)
        async for chunk in entered:
            assert_type(chunk, ChatCompletionChunk)
            chunks.append(chunk)
    assert_type(stream_chunk_builder(chunks), ChatCompletion)
    assert_type(await stream.response(), ChatCompletion)


async def either(stream: bool) -> None:
    answer = await acompletion("gpt-4o", MESSAGES, stream=stream)
    assert_type(answer, ChatCompletion | CompletionStream)


async def embedded() -> None:
    async with Supervisor(max_concurrency=10, overflow="wait") as supervisor:
        assert_type(await supervisor.acompletion("gpt-4o", MESSAGES, api_base="http://x/v1"), ChatCompletion)
        assert_type(await supervisor.acompletion("gpt-4o", MESSAGES, stream=True), CompletionStream)


def sync() -> None:
    assert_type(completion("gpt-4o", MESSAGES, top_k=3), ChatCompletion)
    with completion("gpt-4o", MESSAGES, stream=True) as stream:
        assert_type(stream, SyncCompletionStream)
        for chunk in stream:
            assert_type(chunk, ChatCompletionChunk)


def providers() -> None:
    register_provider("acme", base_url="https://host/v1", api_key_env="ACME_KEY", max_tokens="max_tokens")
    register_provider("acme", base_url="https://host/v1", codec=OpenAICodec, replace=True)
    register_provider("acme", base_url="https://host/v1", max_tokens="most")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert_type(get_supported_openai_params("gpt-4o", "openai"), list[str])


async def limits() -> None:
    response = await acompletion("gpt-4o", MESSAGES, n=2, n_by_fanout=True)
    assert response.call is not None
    assert_type(response.call.rate_limits, RateLimits | None)
    assert_type(response.call.parts, tuple[CallInfo, ...])


async def long_enough(response: ChatCompletion) -> bool:
    return len(response.choices[0].message.content or "") > 9


def note(contestant: Contestant) -> None:
    assert_type(contestant.error, Exception | None)
    assert_type(contestant.cost, float | None)


async def races(stream: bool) -> None:
    models: list[str | dict[str, object]] = ["gpt-4o", {"model": "b", "api_key": "sk", "temperature": 0.5}]
    response = await abatch_completion_models(
        ["a", {"model": "b", "temperature": 1}], MESSAGES, stagger=0.5, max_started=2, temperature=1
    )
    assert_type(response, ChatCompletion)
    assert response.call is not None
    assert_type(response.call.race, RaceReport | None)
    assert_type(
        await abatch_completion_models(models=models, messages=MESSAGES, stream=True), CompletionStream
    )
    assert_type(
        await abatch_completion_models(["a"], MESSAGES, stream=stream), ChatCompletion | CompletionStream
    )
    both = accept.every(accept.complete, long_enough, accept.fits_format(CallInfo), lambda _: True)
    async with Supervisor() as supervisor:
        race = await supervisor.race(("a", "b"), MESSAGES, accept=both, on_result=note, linger=1)
        assert_type(race, ChatCompletion)
        assert_type(await supervisor.race(["a"], MESSAGES, stream=True), CompletionStream)
        assert_type(await supervisor.race(["a"], MESSAGES, stream=stream), ChatCompletion | CompletionStream)


async def fan_outs() -> None:
    answers = await abatch_completion_models_all_responses(["a", "b"], MESSAGES, n_required=1)
    assert_type(answers, list[ChatCompletion | Exception])
    merged = await abatch_completion_models_all_responses(["a", "b"], MESSAGES, stream=True)
    assert_type(merged, MergedStream)
    async with merged as entered:
        async for index, chunk in entered:
            assert_type(index, int)
            assert_type(chunk, ChatCompletionChunk | Exception)
    async with Supervisor() as supervisor:
        assert_type(await supervisor.fan_out(["a"], MESSAGES), list[ChatCompletion | Exception])
        assert_type(await supervisor.fan_out(["a"], MESSAGES, stream=True), MergedStream)


def lazily() -> Iterator[str]:
    yield "a"


async def lazily_too() -> AsyncIterator[list[dict[str, str]]]:
    yield MESSAGES


def show(progress: BatchProgress) -> None:
    assert_type(progress.total, int | None)


async def batches() -> None:
    results = await abatch_completion("gpt-4o", [MESSAGES, MESSAGES], concurrency=5, on_progress=show)
    assert_type(results, list[ChatCompletion | Exception])
    await abatch_completion("gpt-4o", lazily(), timeout=60, item_timeout=5, temperature=0.5)
    await abatch_completion("gpt-4o", lazily_too(), return_exceptions=False, progress=True)
    await abatch_completion("gpt-4o", ["a", {"messages": MESSAGES, "temperature": 1}])
    async with aiter_batch("gpt-4o", lazily_too()) as stream:
        assert_type(stream, BatchStream)
        async for index, result in stream:
            assert_type(index, int)
            assert_type(result, ChatCompletion | Exception)
    async with Supervisor() as supervisor:
        assert_type(await supervisor.batch("gpt-4o", ["a"]), list[ChatCompletion | Exception])
        assert_type(supervisor.aiter_batch("gpt-4o", lazily()), BatchStream)


def sync_many() -> None:
    assert_type(batch_completion_models(["a", "b"], MESSAGES, stagger=1), ChatCompletion)
    assert_type(batch_completion_models(["a"], MESSAGES, stream=True), SyncCompletionStream)
    answers = batch_completion_models_all_responses(["a", "b"], MESSAGES)
    assert_type(answers, list[ChatCompletion | Exception])
    with batch_completion_models_all_responses(["a", "b"], MESSAGES, stream=True) as merged:
        assert_type(merged, SyncMergedStream)
        for index, chunk in merged:
            assert_type(index, int)
            assert_type(chunk, ChatCompletionChunk | Exception)
    assert_type(batch_completion("gpt-4o", ["a"], max_workers=5), list[ChatCompletion | Exception])


async def wrong() -> None:
    await abatch_completion_models(["a"], MESSAGES, temprature=1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    await abatch_completion_models(["a"], MESSAGES, stream=True, accept=1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    await abatch_completion_models_all_responses(["a"], MESSAGES, stream=True, n_required=1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    await abatch_completion("gpt-4o", 5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await acompletion("gpt-4o", MESSAGES, temprature=1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    await acompletion("gpt-4o", MESSAGES, temperature="hot")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
