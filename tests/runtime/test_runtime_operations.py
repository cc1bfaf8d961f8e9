from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from runtime_kit import ScriptedSupervisor

from aiocompl import (
    APIResponseValidationError,
    BadRequestError,
    NotFoundError,
    RateLimitError,
    UnsupportedParamsError,
)
from aiocompl.testing import Delivery, ScriptedTransport, settle
from aiocompl.types.embedding import packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiocompl.wire.messages import HTTPRequest

BASE: Any = {"api_base": "http://test.invalid/v1", "api_key": "sk-x"}


def vectors(request: HTTPRequest, *, delay: float = 0.0) -> Delivery:
    """A vector for each text, that says which text it was."""
    texts = orjson.loads(request.body)["input"]
    data = [{"object": "embedding", "index": i, "embedding": [float(text)]} for i, text in enumerate(texts)]
    usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
    return Delivery.json({"object": "list", "data": data, "model": "m", "usage": usage}, delay=delay)


def supervisor_on(
    script: Callable[[HTTPRequest], Delivery | BaseException],
) -> tuple[ScriptedSupervisor, ScriptedTransport]:
    transport = ScriptedTransport(script)
    return ScriptedSupervisor(lambda _: transport, num_retries=0), transport


async def embed(
    script: Callable[[HTTPRequest], Delivery | BaseException], texts: Any, **options: Any
) -> tuple[Any, ScriptedTransport]:
    supervisor, transport = supervisor_on(script)
    async with supervisor:
        return await supervisor.aembedding("custom/m", texts, **BASE, **options), transport


async def test_texts_become_vectors_in_their_order() -> None:
    answer, transport = await embed(vectors, ["3", "1", "2"])
    assert [item.embedding for item in answer.data] == [[3.0], [1.0], [2.0]]
    assert answer.usage.prompt_tokens == 3
    assert answer.call.provider == "custom"
    (record,) = transport.records
    assert record.request.url == "http://test.invalid/v1/embeddings"
    assert orjson.loads(record.request.body) == {"model": "m", "input": ["3", "1", "2"]}


@pytest.mark.looptime
async def test_more_texts_than_one_request_takes_go_in_several_at_once(looptime: Any) -> None:
    texts = [str(number) for number in range(5000)]
    answer, transport = await embed(lambda request: vectors(request, delay=1), texts)
    assert [len(orjson.loads(record.request.body)["input"]) for record in transport.records] == [
        2048,
        2048,
        904,
    ]
    assert [item.embedding for item in answer.data] == [[float(text)] for text in texts]
    assert [item.index for item in answer.data] == list(range(5000))
    assert answer.usage.total_tokens == 5000
    assert looptime == 1


async def test_all_that_was_counted_is_added_up() -> None:
    def script(request: HTTPRequest) -> Delivery:
        body = orjson.loads(vectors(request).body())
        body["usage"] |= {"cost": 0.25, "own": True, "details": {"cached": 1, "name": "x"}, "none": None}
        return Delivery.json(body)

    answer, _ = await embed(script, [str(number) for number in range(5000)])
    assert answer.usage.prompt_tokens == 5000
    assert answer.usage.cost == 0.75
    assert answer.usage.own is True
    assert answer.usage.details == {"cached": 3, "name": "x"}
    assert answer.usage.none is None


async def test_what_a_model_refuses_is_refused_or_dropped_before_any_io() -> None:
    supervisor, transport = supervisor_on(vectors)
    ada: dict[str, Any] = {"model": "text-embedding-ada-002", "input": ["1"], "api_key": "k", "dimensions": 3}
    async with supervisor:
        with pytest.raises(UnsupportedParamsError, match="dimensions"):
            await supervisor.aembedding(**ada)
        assert transport.records == []
        answer = await supervisor.aembedding(**ada, input_type="query", drop_params=True)
    assert answer.call is not None
    assert answer.call.dropped_params == ("input_type", "dimensions")
    assert "dimensions" not in orjson.loads(transport.records[0].request.body)


async def test_a_model_that_takes_one_text_is_asked_at_once_for_each() -> None:
    def script(request: HTTPRequest) -> Delivery:
        text = orjson.loads(request.body)["inputText"]
        return Delivery.json({"embedding": [float(text)], "inputTextTokenCount": 2})

    supervisor, transport = supervisor_on(script)
    async with supervisor:
        answer = await supervisor.aembedding("bedrock/amazon.titan-embed-text-v2:0", ["3", "1"], api_key="k")
    assert [item.embedding for item in answer.data] == [[3.0], [1.0]]
    assert answer.usage is not None
    assert answer.usage.total_tokens == 4
    assert len(transport.records) == 2


@pytest.mark.looptime
async def test_one_part_that_fails_cancels_the_others(looptime: Any) -> None:
    def script(request: HTTPRequest) -> Delivery:
        if b'"0"' in request.body:
            return Delivery.json({"error": {"message": "slow down"}}, status=429, delay=1)
        return vectors(request, delay=100)

    supervisor, transport = supervisor_on(script)
    async with supervisor:
        with pytest.raises(RateLimitError):
            await supervisor.aembedding("custom/m", [str(number) for number in range(5000)], **BASE)
        assert looptime == 1
        assert supervisor.snapshot().in_flight == 0
        assert len(transport.records) == 3


@pytest.mark.looptime
async def test_cancelling_aborts_all_parts(looptime: Any) -> None:
    supervisor, transport = supervisor_on(lambda request: vectors(request, delay=100))
    async with supervisor:
        before = asyncio.all_tasks()
        task = asyncio.create_task(
            supervisor.aembedding("custom/m", [str(number) for number in range(5000)], **BASE)
        )
        await settle()
        assert len(transport.records) == 3
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert supervisor.snapshot().in_flight == 0
        assert len(asyncio.all_tasks() - before) == 1  # the actor's


@pytest.mark.parametrize(
    ("texts", "sent"),
    [("hi", ["hi"]), (["a", "b"], ["a", "b"]), ([1, 2], [[1, 2]]), ([[1], [2, 3]], [[1], [2, 3]])],
)
async def test_texts_and_tokens_are_taken_in_every_form(texts: Any, sent: Any) -> None:
    def script(request: HTTPRequest) -> Delivery:
        data = [{"index": index, "embedding": [0.5]} for index, _ in enumerate(sent)]
        return Delivery.json({"data": data})

    _, transport = await embed(script, texts)
    assert orjson.loads(transport.records[0].request.body)["input"] == sent


@pytest.mark.parametrize(
    ("texts", "param"),
    [
        (None, "input"),
        ([], "input"),
        ({}, "input"),
        ([None], "input[0]"),
        ([1, "a"], "input[1]"),
        ([[1, "a"]], "input[1]"),
    ],
)
async def test_what_is_neither_is_refused_before_any_io(texts: Any, param: str) -> None:
    supervisor, transport = supervisor_on(vectors)
    async with supervisor:
        with pytest.raises(BadRequestError) as caught:
            await supervisor.aembedding("custom/m", texts, **BASE)
    assert caught.value.param == param
    assert transport.records == []


@pytest.mark.parametrize("sent", [[0.25, -1.0], packed([0.25, -1.0])], ids=["numbers", "base64"])
async def test_vectors_come_in_the_form_that_was_asked_for(sent: Any) -> None:
    def script(_: HTTPRequest) -> Delivery:
        return Delivery.json({"data": [{"index": 0, "embedding": sent}]})

    numbers, _ = await embed(script, "hi")
    text, _ = await embed(script, "hi", encoding_format="base64")
    assert numbers.data[0].embedding == [0.25, -1.0]
    assert unpacked(text.data[0].embedding) == [0.25, -1.0]


@pytest.mark.parametrize(
    "data", [[], [{"index": 1, "embedding": [1.0]}], [{"index": 0, "embedding": "no base64"}]]
)
async def test_an_answer_without_a_vector_for_each_text_is_an_error(data: Sequence[object]) -> None:
    with pytest.raises(APIResponseValidationError):
        await embed(lambda _: Delivery.json({"data": data}), "hi")


async def test_an_error_in_a_good_answer_is_an_error() -> None:
    body = {"error": {"message": "model not loaded", "code": "model_not_found"}}
    with pytest.raises(Exception, match="model not loaded"):
        await embed(lambda _: Delivery.json(body), "hi")


async def test_keywords_are_checked_as_in_chat() -> None:
    supervisor, transport = supervisor_on(vectors)
    async with supervisor:
        with pytest.raises(TypeError, match=r"aembedding\(\).*did you mean 'dimensions'"):
            await supervisor.aembedding("openai/text-embedding-3-small", "hi", api_key="k", dimension=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
        with pytest.raises(UnsupportedParamsError, match="input_type"):
            await supervisor.aembedding("text-embedding-3-small", "hi", api_key="k", input_type="query")
        with pytest.raises(NotFoundError, match="not known to have embeddings"):
            await supervisor.aembedding("anthropic/claude", "hi", api_key="k")
        dropped = await supervisor.aembedding(
            "text-embedding-3-small", ["1"], api_key="k", input_type="query", drop_params=True
        )
    assert dropped.call is not None
    assert dropped.call.dropped_params == ("input_type",)
    assert len(transport.records) == 1


@pytest.mark.looptime
async def test_what_the_parts_of_a_call_said_is_put_together() -> None:
    def script(request: HTTPRequest) -> Delivery:
        texts = orjson.loads(request.body)["input"]
        body: dict[str, Any] = {"data": [{"index": i, "embedding": [1.0]} for i in range(len(texts))]}
        if len(texts) == 2:
            body |= {"usage": {"prompt_tokens": 5, "total_tokens": 5}, "trace": "t2"}
        return Delivery.json(body, delay=2 if len(texts) == 2 else 3)

    answer, _ = await embed(script, ["x"] * 2050)
    assert answer.usage.prompt_tokens == 5
    assert (answer.call.total, [part.total for part in answer.call.parts]) == (3, [3, 2])
    assert [item.index for item in answer.data] == list(range(2050))
    first, second = answer.provider_specific_fields["fanout"]
    assert "trace" not in first
    assert second["trace"] == "t2"
