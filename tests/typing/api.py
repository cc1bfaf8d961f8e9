"""What the types look like from outside. Read by mypy and pyright, never run."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

from aiocompl import (
    CallInfo,
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionMessage,
    CompletionStream,
    RateLimits,
    ResponseFormatError,
    Supervisor,
    SyncCompletionStream,
    Usage,
    acompletion,
    completion,
    get_supported_openai_params,
    register_provider,
    stream_chunk_builder,
)
from aiocompl.codecs.openai import OpenAICodec

if TYPE_CHECKING:
    from collections.abc import Mapping

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


async def wrong() -> None:
    await acompletion("gpt-4o", MESSAGES, temprature=1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    await acompletion("gpt-4o", MESSAGES, temperature="hot")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
