"""The batches of providers: what is sent, how jobs and results are read, and that nothing is lost or leaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from operation_case import KEY, PLACES, TEXT

from aiocompl.codecs.routing import Target, resolve_operation
from aiocompl.errors import (
    APIError,
    APIResponseValidationError,
    NotFoundError,
    UnsupportedParamsError,
)
from aiocompl.types.batches import BatchLine
from aiocompl.types.request import (
    BatchCreate,
    BatchDownload,
    BatchList,
    BatchLookup,
    BatchUpload,
    ChatRequest,
)
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from aiocompl.codecs.batches.common import Batches
    from aiocompl.types.request import Request

MESSAGES = [{"role": "user", "content": TEXT}]
JSON_TYPE = "application/json"
OPENAI = "https://api.openai.com/v1"
ANTHROPIC = "https://api.anthropic.com/v1/messages/batches"

OPENAI_JOB: dict[str, Any] = {
    "id": "batch_1",
    "object": "batch",
    "endpoint": "/v1/chat/completions",
    "errors": None,
    "input_file_id": "file-1",
    "completion_window": "24h",
    "status": "completed",
    "output_file_id": "file-2",
    "error_file_id": "file-3",
    "created_at": 1787150474,
    "request_counts": {"total": 3, "completed": 2, "failed": 1},
    "metadata": {"aiocompl": "m1"},
}
ANTHROPIC_JOB: dict[str, Any] = {
    "id": "msgbatch_1",
    "type": "message_batch",
    "processing_status": "ended",
    "request_counts": {"processing": 0, "succeeded": 2, "errored": 1, "canceled": 1, "expired": 1},
    "ended_at": "2026-08-19T14:50:30+00:00",
    "created_at": "2026-08-19T14:49:30+00:00",
    "expires_at": "2026-08-20T14:49:30+00:00",
    "archived_at": None,
    "cancel_initiated_at": None,
    "results_url": "https://elsewhere.example/results",
}
ANSWER: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [{"type": "text", "text": "yes"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


def batches(model: str = "gpt-4o", **target: Any) -> Batches:
    operation: Batches = resolve_operation("batches", Target(model, api_key=KEY, **target), PLACES).codec
    return operation


def claude() -> Batches:
    return batches("claude-sonnet-4-5")


def chat(**params: Any) -> ChatRequest:
    return ChatRequest("m", MESSAGES, params)


def read(operation: Batches, request: Request, body: Any, status: int = 200) -> Any:
    return operation.decode_response(request, HTTPResponse(status, {}, orjson.dumps(body)))  # type: ignore[arg-type]


def outcome(operation: Batches, **data: Any) -> Any:
    return operation.decode_line(BatchLine(custom_id="m1-1", data=data), chat())


LOOK = BatchLookup(model="m", id="b/1")

# ---------------------------------------------------------------- what is sent


@pytest.mark.parametrize(
    ("model", "where", "path"),
    [
        ("gpt-4o", OPENAI, "/v1/chat/completions"),
        ("openai/responses/gpt-5", OPENAI, "/v1/responses"),
        ("groq/llama-3.3-70b-versatile", "https://api.groq.com/openai/v1", "/v1/chat/completions"),
        (
            "dashscope/qwen-plus",
            "https://dashscope.aliyuncs.com/compatible-mode/v1",
            "/v1/chat/completions",
        ),
        ("azure/gpt-4o", "https://r.openai.azure.com/openai/v1", "/chat/completions"),
    ],
)
def test_where_openai_and_its_followers_are_asked(model: str, where: str, path: str) -> None:
    operation = batches(model)
    create = operation.encode_request(BatchCreate(model="m", mark="m1", file="file-1"))
    assert (create.method, create.url) == ("POST", f"{where}/batches")
    assert orjson.loads(create.body) == {
        "input_file_id": "file-1",
        "endpoint": path,
        "completion_window": "24h",
        "metadata": {"aiocompl": "m1"},
    }
    assert (
        operation.encode_request(BatchDownload(model="m", id="file-2")).url == f"{where}/files/file-2/content"
    )
    line = orjson.loads(operation.encode_line("m1-1", chat()))
    assert {name: line[name] for name in ("custom_id", "method", "url")} == {
        "custom_id": "m1-1",
        "method": "POST",
        "url": path,
    }
    assert line["body"]["model"] == "m"


def test_azure_with_a_version_has_them_beside_its_deployments() -> None:
    operation = batches("azure/gpt-4o", api_version="2025-04-01-preview")
    root, version = "https://r.openai.azure.com/openai", "api-version=2025-04-01-preview"
    assert operation.encode_request(LOOK).url == f"{root}/batches/b%2F1?{version}"
    assert operation.encode_request(BatchList(model="m")).url == f"{root}/batches?{version}&limit=100"
    assert (
        operation.encode_request(BatchDownload(model="m", id="f")).url == f"{root}/files/f/content?{version}"
    )


def test_the_upload_is_a_form() -> None:
    lines = [b'{"a":"\\r\\n--aiocompl-batch-file"}', b"{}"]
    sent = batches().encode_request(BatchUpload(model="m", lines=lines, name="x.jsonl"))
    assert (sent.method, sent.url) == ("POST", f"{OPENAI}/files")
    assert sent.headers["Content-Type"] == "multipart/form-data; boundary=aiocompl-batch-file"
    assert sent.body == (
        b"--aiocompl-batch-file\r\n"
        b'Content-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
        b"--aiocompl-batch-file\r\n"
        b'Content-Disposition: form-data; name="file"; filename="x.jsonl"\r\n'
        b"Content-Type: application/jsonl\r\n\r\n"
        b'{"a":"\\r\\n--aiocompl-batch-file"}\n{}\n\r\n'
        b"--aiocompl-batch-file--\r\n"
    )


def test_anthropic_is_asked_in_one() -> None:
    operation = claude()
    lines = [operation.encode_line(f"m1-{number}", chat(max_tokens=number)) for number in (1, 2)]
    sent = operation.encode_request(BatchCreate(model="m", mark="m1", lines=lines))
    assert (sent.method, sent.url) == ("POST", ANTHROPIC)
    direct = operation.chat.encode_request(chat(max_tokens=1))
    first, second = orjson.loads(sent.body)["requests"]
    assert first == {"custom_id": "m1-1", "params": orjson.loads(direct.body)}
    assert second["params"]["max_tokens"] == 2
    assert sent.headers is operation.headers
    request = BatchCreate(model="m", mark="m1", lines=lines, extra_body={"mine": 1})
    assert orjson.loads(operation.encode_request(request).body)["mine"] == 1


def test_anthropic_is_looked_at_and_cancelled() -> None:
    operation = claude()
    sent = [
        operation.encode_request(request)
        for request in (
            LOOK,
            BatchLookup(model="m", id="b1", cancel=True),
            BatchList(model="m", page="b9"),
            BatchDownload(model="m", id="b1"),
        )
    ]
    assert [(each.method, each.url, each.body) for each in sent] == [
        ("GET", f"{ANTHROPIC}/b%2F1", b""),
        ("POST", f"{ANTHROPIC}/b1/cancel", b""),
        ("GET", f"{ANTHROPIC}?limit=100&after_id=b9", b""),
        ("GET", f"{ANTHROPIC}/b1/results", b""),
    ]


@pytest.mark.parametrize("operation", [batches(), claude()])
def test_encoding_is_repeatable_and_takes_what_goes_along(operation: Batches) -> None:
    extras: dict[str, Any] = {"extra_headers": {"x-mine": "1"}, "extra_query": {"mine": "1"}}
    for request in (
        BatchLookup(model="m", id="b1"),
        BatchList(model="m"),
        BatchDownload(model="m", id="b1"),
    ):
        request.extra_headers, request.extra_query = extras["extra_headers"], extras["extra_query"]
        sent = operation.encode_request(request)
        assert sent == operation.encode_request(request)
        assert sent.headers["x-mine"] == "1"
        assert sent.url.endswith("mine=1")
        assert KEY not in sent.url
        assert KEY in " ".join(sent.headers.values())


@pytest.mark.parametrize("operation", [batches(), claude()])
@pytest.mark.parametrize("extras", [{"extra_headers": {"x": "1"}}, {"extra_query": {"x": "1"}}])
def test_what_a_batch_has_no_place_for(operation: Batches, extras: Any) -> None:
    request = ChatRequest("m", MESSAGES, **extras)
    with pytest.raises(UnsupportedParamsError, match="batch"):
        operation.encode_line("m1-1", request)


def test_betas_have_no_place_in_a_batch() -> None:
    with pytest.raises(UnsupportedParamsError, match="betas"):
        claude().encode_line("m1-1", chat(betas=["x"]))


def test_what_the_chat_refuses_a_batch_refuses() -> None:
    with pytest.raises(UnsupportedParamsError):
        batches("groq/x").encode_line("m1-1", chat(n=2))


@pytest.mark.parametrize(
    "model", ["cohere/command-a-03-2025", "xai/grok-4", "xai/responses/grok-4", "gemini/x"]
)
def test_who_is_not_known_to_have_batches(model: str) -> None:
    with pytest.raises(NotFoundError, match="batches"):
        batches(model)


# ---------------------------------------------------------------- how it stands


def test_openais_job() -> None:
    job = read(batches(), LOOK, OPENAI_JOB)
    assert (job.id, job.status, job.over, job.mark, job.file) == (
        "batch_1",
        "completed",
        True,
        "m1",
        "file-1",
    )
    assert (job.total, job.succeeded, job.failed) == (3, 2, 1)
    assert job.results == ("file-2", "file-3")
    assert job.problems == ()


@pytest.mark.parametrize(
    ("status", "over"),
    [
        ("validating", False),
        ("in_progress", False),
        ("finalizing", False),
        ("cancelling", False),
        ("a new word", False),
        ("completed", True),
        ("failed", True),
        ("expired", True),
        ("cancelled", True),
    ],
)
def test_openais_words(status: str, over: bool) -> None:
    job = read(batches(), LOOK, {**OPENAI_JOB, "status": status})
    assert (job.status, job.over) == (status, over)


def test_a_job_without_what_is_optional() -> None:
    job = read(batches(), LOOK, {"id": "b", "status": "validating"})
    assert (job.total, job.mark, job.file, job.results) == (0, None, None, ())


def test_why_a_job_failed() -> None:
    errors = [{"code": "empty_file", "message": "Empty.", "line": None, "param": None}, {"line": 2}]
    job = read(batches(), LOOK, {**OPENAI_JOB, "status": "failed", "errors": {"data": errors}})
    assert [(each.code, each.message, each.line) for each in job.problems] == [
        ("empty_file", "Empty.", None),
        (None, "the provider does not say why", 2),
    ]


def test_anthropics_job() -> None:
    job = read(claude(), LOOK, ANTHROPIC_JOB)
    assert (job.id, job.status, job.over) == ("msgbatch_1", "ended", True)
    assert (job.total, job.succeeded, job.failed) == (5, 2, 3)
    assert job.results == ("msgbatch_1",)  # the address of another host plays no part
    running = read(claude(), LOOK, {**ANTHROPIC_JOB, "processing_status": "in_progress", "results_url": None})
    assert (running.over, running.results) == (False, ())


@pytest.mark.parametrize(("operation", "job"), [(batches(), OPENAI_JOB), (claude(), ANTHROPIC_JOB)])
def test_lists(operation: Batches, job: dict[str, Any]) -> None:
    listed = {"data": [job], "has_more": True}
    page = read(operation, BatchList(model="m"), listed)
    assert [each.id for each in page.data] == [job["id"]]
    assert page.next_page == job["id"]
    assert read(operation, BatchList(model="m"), {"data": [job]}).next_page is None
    assert read(operation, BatchList(model="m"), {"data": [], "has_more": True}).next_page is None
    with pytest.raises(APIResponseValidationError):
        read(operation, BatchList(model="m", page=job["id"]), listed)


@pytest.mark.parametrize("operation", [batches(), claude()])
@pytest.mark.parametrize("body", [None, [], {}, {"id": 3}, {"id": "b", "status": 3}, 7, "x"])
def test_what_is_no_job_is_our_error(operation: Batches, body: Any) -> None:
    for request in (LOOK, BatchList(model="m"), BatchUpload(model="m", lines=(), name="n")):
        if body == {"id": "b", "status": 3} and isinstance(request, BatchUpload):
            continue
        with pytest.raises(APIResponseValidationError):
            read(operation, request, body)


def test_ids_must_be_text() -> None:
    with pytest.raises(APIResponseValidationError):
        read(claude(), LOOK, {**ANTHROPIC_JOB, "id": None})
    assert read(batches(), BatchUpload(model="m", lines=(), name="n"), {"id": "file-1"}).id == "file-1"


@pytest.mark.parametrize("operation", [batches(), claude()])
@given(body=st.binary(max_size=200), status=st.integers(300, 599))
def test_errors_are_total(operation: Batches, body: bytes, status: int) -> None:
    assert isinstance(operation.decode_error(LOOK, HTTPResponse(status, {}, body)), APIError)
