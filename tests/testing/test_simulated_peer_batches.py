"""OpenAI's and Anthropic's own clients read the simulated batches: their word on the wire format, not ours."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from aiocompl.testing import Answer, Latency, Reply, faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiocompl.testing.asked import Asked
    from aiocompl.testing.plugin import SimulatorFactory

openai = pytest.importorskip("openai", reason="the official openai SDK is not installed (extra `peers`)")
anthropic = pytest.importorskip(
    "anthropic", reason="the official anthropic SDK is not installed (extra `peers`)"
)

DAY = 86_400.0


def behave(asked: Asked) -> Any:
    """Each request says what shall become of it."""
    return {
        "ok": Answer(text="Fine."),
        "busy": faults.rate_limited(1),
        "lost": faults.Reset(),
        "slow": Reply(latency=Latency(first_token=DAY / 24)),
        "never": Reply(latency=Latency(first_token=2 * DAY)),
    }[asked.text]


@pytest.fixture
async def openai_sdk(simulator_factory: SimulatorFactory) -> AsyncIterator[Any]:
    simulator = await simulator_factory(behave, api_key="right")
    async with openai.AsyncOpenAI(base_url=simulator.base_url, api_key="right", max_retries=0) as made:
        yield made


@pytest.fixture
async def anthropic_sdk(simulator_factory: SimulatorFactory) -> AsyncIterator[Any]:
    simulator = await simulator_factory(behave, api_key="right")
    async with anthropic.AsyncAnthropic(base_url=simulator.url, api_key="right", max_retries=0) as made:
        yield made


def chat(name: str, text: str, **more: Any) -> dict[str, Any]:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], **more}
    return {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body}


def message(name: str, text: str, **more: Any) -> dict[str, Any]:
    params = {"model": "claude-sonnet-5", "max_tokens": 9, "messages": [{"role": "user", "content": text}]}
    return {"custom_id": name, "params": {**params, **more}}


async def begin(sdk: Any, *lines: dict[str, Any], **more: Any) -> Any:
    """Upload requests and begin a batch of them."""
    data = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
    file = await sdk.files.create(file=("in.jsonl", io.BytesIO(data)), purpose="batch")
    type(file).model_validate(file.to_dict(), strict=True)
    assert (file.bytes, file.filename) == (len(data), "in.jsonl")
    assert (await sdk.files.content(file.id)).content == data
    return await sdk.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", **more
    )


async def lines_of(sdk: Any, file: str) -> dict[str, Any]:
    """The lines of a file of results by their names."""
    text = (await sdk.files.content(file)).text
    return {data["custom_id"]: data for data in map(orjson.loads, text.splitlines())}


async def test_openai_from_beginning_to_end(openai_sdk: Any) -> None:
    lines = [chat("a", "ok"), chat("b", "busy"), chat("c", "lost"), chat("d", "ok", n=-1)]
    begun = await begin(openai_sdk, *lines, metadata={"mine": "1"})
    type(begun).model_validate(begun.to_dict(), strict=True)
    assert (begun.status, begun.metadata, begun.output_file_id) == ("validating", {"mine": "1"}, None)
    ended = await openai_sdk.batches.retrieve(begun.id)
    type(ended).model_validate(ended.to_dict(), strict=True)
    assert ended.status == "completed"
    assert ended.request_counts.to_dict() == {"total": 4, "completed": 1, "failed": 3}
    output = await lines_of(openai_sdk, ended.output_file_id)
    assert list(output) == ["a"]
    assert output["a"]["response"]["body"]["choices"][0]["message"]["content"] == "Fine."
    errors = await lines_of(openai_sdk, ended.error_file_id)
    assert list(errors) == ["d", "c", "b"]  # not in the order of the requests
    assert errors["b"]["response"]["status_code"] == 429
    assert errors["c"]["error"]["code"] == "request_timeout"
    assert errors["d"]["response"]["status_code"] == 400


async def test_openai_in_progress_and_cancelled(openai_sdk: Any) -> None:
    begun = await begin(openai_sdk, chat("a", "ok"), chat("b", "slow"))
    running = await openai_sdk.batches.retrieve(begun.id)
    assert (running.status, running.output_file_id) == ("in_progress", None)
    assert running.request_counts.to_dict() == {"total": 2, "completed": 1, "failed": 0}
    assert (await openai_sdk.batches.cancel(begun.id)).status == "cancelling"
    ended = await openai_sdk.batches.retrieve(begun.id)
    assert ended.status == "cancelled"
    assert list(await lines_of(openai_sdk, ended.output_file_id)) == ["a"]
    errors = await lines_of(openai_sdk, ended.error_file_id)
    assert errors["b"]["error"]["code"] == "batch_cancelled"
    with pytest.raises(openai.ConflictError):
        await openai_sdk.batches.cancel(begun.id)


async def test_openai_lists_page_by_page_newest_first(openai_sdk: Any) -> None:
    ids = [(await begin(openai_sdk, chat("a", "ok"))).id for _ in range(3)]
    assert [batch.id async for batch in openai_sdk.batches.list(limit=2)] == ids[::-1]


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([], "empty_file"),
        ([chat("a", "ok"), chat("a", "ok")], "duplicate_custom_id"),
        ([chat("a", "ok"), chat("b", "ok", model="o3")], "mismatched_model"),
        ([chat("a", "ok") | {"url": "/v1/embeddings"}], "mismatched_url"),
        ([{"messages": []}], "invalid_json_line"),
    ],
)
async def test_openai_refuses_files(openai_sdk: Any, lines: list[dict[str, Any]], code: str) -> None:
    begun = await begin(openai_sdk, *lines)
    failed = await openai_sdk.batches.retrieve(begun.id)
    type(failed).model_validate(failed.to_dict(), strict=True)
    assert failed.status == "failed"
    assert failed.errors.data[0].code == code
    assert (failed.output_file_id, failed.error_file_id) == (None, None)


async def test_openai_refuses_what_it_does_not_know(openai_sdk: Any) -> None:
    for call in (
        openai_sdk.batches.retrieve("batch_none"),
        openai_sdk.files.retrieve("file-none"),
        openai_sdk.files.content("file-none"),
    ):
        with pytest.raises(openai.NotFoundError):
            await call
    for wrong in ({"endpoint": "/v1/x"}, {"input_file_id": "file-none"}, {"completion_window": "1h"}):
        begin_with = {
            "input_file_id": (await openai_sdk.files.create(file=("f", b"{}"), purpose="batch")).id,
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            **wrong,
        }
        with pytest.raises(openai.BadRequestError):
            await openai_sdk.batches.create(**begin_with)
    with pytest.raises(openai.BadRequestError):
        await openai_sdk.files.create(file=("f", b"{}"), purpose="vision")
    with pytest.raises(openai.AuthenticationError):
        await openai_sdk.with_options(api_key="wrong").batches.list()


async def test_azure_has_them_below_its_own_paths(simulator_factory: SimulatorFactory) -> None:
    simulator = await simulator_factory(behave, api_key="right", dialect="azure")
    async with openai.AsyncAzureOpenAI(
        azure_endpoint=simulator.url, api_key="right", api_version="2025-04-01-preview", max_retries=0
    ) as sdk:
        begun = await begin(sdk, chat("a", "ok"))
        ended = await sdk.batches.retrieve(begun.id)
        assert list(await lines_of(sdk, ended.output_file_id)) == ["a"]


async def test_anthropic_from_beginning_to_end(anthropic_sdk: Any) -> None:
    batches = anthropic_sdk.messages.batches
    lines = [message("a", "ok"), message("b", "busy"), message("c", "lost"), message("d", "ok", top_k=-9)]
    begun = await batches.create(requests=lines)
    type(begun).model_validate_json(begun.to_json(), strict=True)
    assert (begun.processing_status, begun.results_url) == ("in_progress", None)
    assert begun.request_counts.processing == 4
    ended = await batches.retrieve(begun.id)
    type(ended).model_validate_json(ended.to_json(), strict=True)
    assert ended.processing_status == "ended"
    assert ended.request_counts.to_dict() == {
        "processing": 0,
        "succeeded": 1,
        "errored": 3,
        "canceled": 0,
        "expired": 0,
    }
    results = [result async for result in await batches.results(begun.id)]
    assert [result.custom_id for result in results] == ["d", "c", "b", "a"]
    assert results[3].result.message.content[0].text == "Fine."
    assert [result.result.error.error.type for result in results[:3]] == [
        "invalid_request_error",
        "timeout_error",
        "rate_limit_error",
    ]


async def test_anthropic_in_progress_and_cancelled(anthropic_sdk: Any) -> None:
    batches = anthropic_sdk.messages.batches
    begun = await batches.create(requests=[message("a", "ok"), message("b", "slow")])
    running = await batches.retrieve(begun.id)
    assert (running.processing_status, running.request_counts.processing) == ("in_progress", 2)
    with pytest.raises(anthropic.AnthropicError):
        await batches.results(begun.id)
    assert (await batches.cancel(begun.id)).processing_status == "canceling"
    ended = await batches.retrieve(begun.id)
    assert ended.cancel_initiated_at is not None
    assert ended.request_counts.canceled == 1
    kinds = {result.custom_id: result.result.type async for result in await batches.results(begun.id)}
    assert kinds == {"a": "succeeded", "b": "canceled"}
    with pytest.raises(anthropic.BadRequestError):
        await batches.cancel(begun.id)


async def test_anthropic_lists_and_refuses(anthropic_sdk: Any) -> None:
    batches = anthropic_sdk.messages.batches
    ids = [(await batches.create(requests=[message("a", "ok")])).id for _ in range(3)]
    assert [batch.id async for batch in batches.list(limit=2)] == ids[::-1]
    with pytest.raises(anthropic.NotFoundError):
        await batches.retrieve("msgbatch_none")
    twice = [message("a", "ok"), message("a", "ok")]
    for requests in ([], [message("a b", "ok")], twice):
        with pytest.raises(anthropic.BadRequestError):
            await batches.create(requests=requests)
