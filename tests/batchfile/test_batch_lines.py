from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.batchfile.requests import (
    BadLine,
    BatchRequest,
    Reading,
    generated_id,
    read_line,
    read_row,
)
from aiocompl.batchfile.results import (
    LINE_START,
    answer_line,
    bad_line_line,
    body_line,
    error_line,
    read_outcome,
)
from aiocompl.batchfile.template import Template
from aiocompl.errors import APIConnectionError, BadRequestError, InboxFullError, RateLimitError
from aiocompl.types.completion import ChatCompletion

MESSAGES = [{"role": "user", "content": "Hello"}]
BODY = {"model": "gpt-4o", "messages": MESSAGES}
WITH_MODEL = Reading(defaults={"model": "gpt-4o"})


def batch_line(**changes: Any) -> bytes:
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": BODY}
    return orjson.dumps({**line, **changes})


def request(raw: bytes, reading: Reading | None = None) -> BatchRequest:
    found = read_line(raw, 3, reading or Reading())
    assert isinstance(found, BatchRequest), found
    return found


@pytest.mark.parametrize(
    ("raw", "reading", "custom_id", "body"),
    [
        (batch_line(), Reading(), "a", BODY),
        (batch_line(url="/chat/completions"), Reading(), "a", BODY),
        (batch_line(body={**BODY, "stream": False, "seed": None}), Reading(), "a", BODY),
        (orjson.dumps({"messages": MESSAGES}), WITH_MODEL, None, BODY),
        (orjson.dumps({**BODY, "custom_id": "b", "seed": 1}), Reading(), "b", {**BODY, "seed": 1}),
        (orjson.dumps({**BODY, "model": "own"}), WITH_MODEL, None, {**BODY, "model": "own"}),
        (orjson.dumps({**BODY, "timeout": 3}), Reading(), None, {**BODY, "timeout": 3}),
        (b'{"prompt": "Hello"}', WITH_MODEL, None, BODY),
        (
            b'{"custom_id": "c", "who": "Hello", "x": null}',
            Reading(defaults=BODY, template=Template.parse("{{{who}}}{x}")),
            "c",
            {**BODY, "messages": [{"role": "user", "content": "{Hello}"}]},
        ),
        (batch_line() + b"\r\n", Reading(), "a", BODY),
    ],
)
def test_what_a_line_asks(raw: bytes, reading: Reading, custom_id: str | None, body: dict[str, Any]) -> None:
    found = request(raw, reading)
    assert (found.line, found.custom_id, dict(found.body)) == (3, custom_id, body)


@pytest.mark.parametrize(
    ("raw", "code", "custom_id"),
    [
        (b"nonsense", "invalid_json", None),
        (b'{"custom_id": "a"', "invalid_json", None),
        (b'{"messages": "\xff"}', "invalid_json", None),
        (b"[1]", "invalid_json", None),
        (b'{"messages": ' + b"[" * 500 + b"]" * 500 + b', "model": "m"}', "invalid_json", None),
        (batch_line(custom_id=7), "invalid_custom_id", None),
        (batch_line(custom_id=""), "invalid_custom_id", None),
        (batch_line(custom_id=None), "missing_custom_id", None),
        (batch_line(method="GET"), "invalid_method", "a"),
        (batch_line(url="/v1/embeddings"), "invalid_url", "a"),
        (batch_line(url=["/v1"]), "invalid_url", "a"),
        (batch_line(body=[]), "invalid_request", "a"),
        (batch_line(body={"messages": MESSAGES}), "missing_model", "a"),
        (batch_line(body={**BODY, "model": 5}), "missing_model", "a"),
        (batch_line(body={**BODY, "messages": []}), "invalid_request", "a"),
        (batch_line(body={**BODY, "messages": "hi"}), "invalid_request", "a"),
        (batch_line(body={**BODY, "stream": True}), "invalid_request", "a"),
        (batch_line(body={**BODY, "api_base": "http://elsewhere"}), "invalid_request", "a"),
        (batch_line(body={**BODY, "api_key": "sk-1"}), "invalid_request", "a"),
        (b"{}", "invalid_request", None),
        (b'{"prompt": " "}', "missing_prompt", None),
        (b'{"prompt": null}', "missing_prompt", None),
    ],
)
def test_what_is_wrong_with_a_line(raw: bytes, code: str, custom_id: str | None) -> None:
    found = read_line(raw, 3, Reading())
    assert isinstance(found, BadLine)
    assert (found.code, found.custom_id) == (code, custom_id or "invalid-line-3")
    assert found.message.startswith("line 3: ")
    assert "sk-1" not in found.message


@pytest.mark.parametrize("raw", [b"", b"\n", b" \t\r\n", b"\xef\xbb\xbf\n"])
def test_an_empty_line_is_none(raw: bytes) -> None:
    assert read_line(raw, 1, Reading()) is None


def test_a_byte_order_mark_begins_a_file_and_nothing_else() -> None:
    raw = b"\xef\xbb\xbf" + batch_line()
    assert isinstance(read_line(raw, 1, Reading()), BatchRequest)
    assert isinstance(read_line(raw, 2, Reading()), BadLine)


@given(st.binary(max_size=300), st.integers(1, 3))
def test_any_bytes_are_a_request_or_a_bad_line(raw: bytes, line: int) -> None:
    found = read_line(raw, line, WITH_MODEL)
    if isinstance(found, BadLine):
        outcome = read_outcome(bad_line_line(found))
        assert outcome is not None
        assert (outcome.custom_id, outcome.digest, outcome.invalid) == (found.custom_id, found.digest, True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["custom_id", "method", "url", "body", "messages", "prompt", "model", "stream", "api_key", "x"]
        ),
        JSON,
    )
)
def test_any_object_is_a_request_or_a_bad_line(data: dict[str, Any]) -> None:
    try:
        raw = orjson.dumps(data)
    except TypeError:  # lone surrogates
        return
    found = read_line(raw, 2, WITH_MODEL)
    assert isinstance(found, (BatchRequest, BadLine))
    if isinstance(found, BatchRequest):
        again = read_line(orjson.dumps(dict(reversed(data.items()))), 2, WITH_MODEL)
        assert isinstance(again, BatchRequest)
        assert again.digest == found.digest


def test_the_hash_is_that_of_what_is_asked() -> None:
    digest = request(batch_line()).digest
    assert len(digest) == 32
    assert request(batch_line(custom_id="b")).digest == digest
    assert request(orjson.dumps({"messages": MESSAGES}), WITH_MODEL).digest == digest
    assert request(batch_line(body={**BODY, "model": "gpt-5"})).digest != digest
    assert request(batch_line(), Reading(defaults={"temperature": 0})).digest != digest


@pytest.mark.parametrize(
    ("row", "reading", "expected"),
    [
        ({"prompt": "Hi", "custom_id": 7}, WITH_MODEL, ("7", "Hi")),
        ({"prompt": 7, "custom_id": ""}, WITH_MODEL, (None, "7")),
        (
            {"a": "x", "b": 2},
            Reading(defaults=BODY, template=Template.parse("{a} and {b}, {a}")),
            (None, "x and 2, x"),
        ),
        ({"q": "Hi"}, Reading(defaults=BODY, column="q"), (None, "Hi")),
    ],
)
def test_what_a_row_asks(row: dict[str, Any], reading: Reading, expected: tuple[str | None, str]) -> None:
    found = read_row(row, 2, reading)
    assert isinstance(found, BatchRequest)
    assert (found.custom_id, found.body["messages"][0]["content"]) == expected


@pytest.mark.parametrize(
    ("row", "reading", "code"),
    [
        ({"prompt": None}, WITH_MODEL, "missing_prompt"),
        ({"prompt": " "}, WITH_MODEL, "missing_prompt"),
        ({"prompt": "caf\udce9"}, WITH_MODEL, "invalid_json"),
        ({"prompt": "x", "custom_id": "\udce9"}, WITH_MODEL, "invalid_utf8"),
        ({"prompt": "x"}, Reading(), "missing_model"),
        ({"a": "x"}, Reading(template=Template.parse("{b}")), "missing_column"),
    ],
)
def test_what_is_wrong_with_a_row(row: dict[str, Any], reading: Reading, code: str) -> None:
    found = read_row(row, 2, reading)
    assert isinstance(found, BadLine)
    assert found.code == code


@pytest.mark.parametrize("text", ["no column", "{}", "{a", "{a!r}", "{a:>3}", "}"])
def test_a_template_that_is_none(text: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        Template.parse(text)
    assert caught.value.param == "template"


def test_a_template_reaches_into_nothing() -> None:
    template = Template.parse("{a.__class__}")
    with pytest.raises(KeyError):
        template.fill({"a": "x"})


def test_equal_requests_have_names_of_their_own() -> None:
    assert [generated_id("d", n) for n in (1, 2)] == ["request-d", "request-d-2"]


ANSWER = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi", "refusal": None},
            "finish_reason": "stop",
            "logprobs": None,
        }
    ],
}


def test_the_line_of_an_answer() -> None:
    answer = ChatCompletion.model_validate(ANSWER)
    line = answer_line("a", "0f", answer)
    assert line == body_line("a", "0f", ANSWER)
    assert line.startswith(LINE_START)
    assert line.endswith(b"\n")
    assert orjson.loads(line) == {
        "id": "batch_req_0f",
        "custom_id": "a",
        "response": {"status_code": 200, "request_id": None, "body": ANSWER},
        "error": None,
    }


@pytest.mark.parametrize(
    "more", [{}, {"usage": {"prompt_tokens": 1, "x": {"y": None}}, "x_groq": {"id": None}, "z": None}]
)
def test_an_answer_is_written_as_its_dict_is(more: dict[str, Any]) -> None:
    answer = ChatCompletion.model_validate({**ANSWER, **more})
    answer.choices[0].message["reasoning_content"] = "why"
    line = answer_line("a", "0f", answer)
    assert orjson.dumps(answer.to_dict()) in line
    assert orjson.loads(line)["response"]["body"] == answer.to_dict()


def test_an_answer_that_is_no_json() -> None:
    answer = ChatCompletion.model_validate({**ANSWER, "x": object()})
    with pytest.raises(TypeError):
        answer_line("a", "0f", answer)


def test_the_line_of_an_error_that_a_provider_answered_with() -> None:
    error = RateLimitError(
        "slow down", provider="openai", model="m", code="rate_limit", request_id="r", headers={"a": "b"}
    )
    data = orjson.loads(error_line("a", "0f", error, line=4))
    assert data["response"] == {
        "status_code": 429,
        "request_id": "r",
        "body": {
            "error": {
                "message": "openai/m: slow down",
                "type": "RateLimitError",
                "param": None,
                "code": "rate_limit",
            }
        },
    }
    assert data["error"] == {
        "code": "rate_limit",
        "message": "openai/m: slow down",
        "type": "RateLimitError",
        "line": 4,
        "provider": "openai",
        "model": "m",
        "retryable": True,
        "param": None,
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (APIConnectionError("gone"), "APIConnectionError"),
        (InboxFullError("full"), "InboxFullError"),
        (OSError("x"), "OSError"),
    ],
)
def test_the_line_of_an_error_that_nobody_answered_with(error: Exception, code: str) -> None:
    data = orjson.loads(error_line("a", "0f", error))
    assert (data["response"], data["error"]["code"], data["error"]["line"]) == (None, code, None)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_outcome_or_none(raw: bytes) -> None:
    read_outcome(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'{"id": 1, "custom_id": "a"}',
        b'{"id": "other", "custom_id": "a"}',
        b'{"id": "batch_req_1", "custom_id": 1}',
    ],
)
def test_what_is_no_outcome(raw: bytes) -> None:
    assert read_outcome(raw) is None


def test_a_part_of_a_line_is_no_outcome() -> None:
    line = body_line("a", "0f", ANSWER).rstrip()
    assert read_outcome(line) is not None
    assert not [cut for cut in range(len(line)) if read_outcome(line[:cut]) is not None]
