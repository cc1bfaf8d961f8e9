"""Whole calls whose credential is fetched: over real sockets, from identity services and from callers' functions."""

from __future__ import annotations

import asyncio
import pickle
import threading
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from cloud_server import Cloud
from runtime_kit import MESSAGES, outcome

from aiocompl import Supervisor
from aiocompl.errors import (
    APIConnectionError,
    AuthenticationError,
    InternalServerError,
    PermissionDeniedError,
)
from aiocompl.testing import Answer, Simulator, ToolCall, settle
from aiocompl.types.completion import ChatCompletion

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = [pytest.mark.usefixtures("no_tasks_left", "no_blocking")]

KEY = "the-very-secret-key"


@pytest.fixture
async def cloud(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cloud]:
    async with Cloud() as cloud:
        monkeypatch.setenv("WATSONX_URL", cloud.url)
        monkeypatch.setenv("WATSONX_IAM_URL", cloud.url)
        monkeypatch.setenv("WATSONX_API_KEY", KEY)
        monkeypatch.delenv("WATSONX_TOKEN", raising=False)
        monkeypatch.setenv("DATABRICKS_HOST", cloud.url)
        monkeypatch.setenv("DATABRICKS_CLIENT_ID", "client")
        monkeypatch.setenv("DATABRICKS_CLIENT_SECRET", KEY)
        for name in ("DATABRICKS_TOKEN", "DATABRICKS_API_KEY", "DATABRICKS_API_BASE"):
            monkeypatch.delenv(name, raising=False)
        yield cloud


async def test_an_ibm_key_is_exchanged_once_for_many_calls(cloud: Cloud) -> None:
    async with Supervisor() as supervisor:
        calls = [supervisor.acompletion("watsonx/m", MESSAGES) for _ in range(5)]
        answers = await asyncio.gather(*calls)
        assert [answer.choices[0].message.content for answer in answers] == ["yes"] * 5
    assert cloud.forms == [{"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": KEY}]
    assert cloud.asked == ["Bearer token-1"] * 5


async def test_a_service_principal_of_databricks(cloud: Cloud) -> None:
    async with Supervisor() as supervisor:
        await supervisor.acompletion("databricks/m", MESSAGES)
        stream = await supervisor.acompletion("databricks/m", MESSAGES, stream=True)
        assert (await stream.response()).choices[0].message.content == "yes"
    assert cloud.forms == [{"grant_type": "client_credentials", "scope": "all-apis"}]
    assert cloud.basics == [f"Basic {b64encode(f'client:{KEY}'.encode()).decode()}"]
    assert cloud.asked == ["Bearer token-1"] * 2


async def test_a_token_that_was_revoked_is_replaced_within_the_call(cloud: Cloud) -> None:
    async with Supervisor() as supervisor:
        await supervisor.acompletion("watsonx/m", MESSAGES)
        cloud.good.clear()
        answer = await supervisor.acompletion("watsonx/m", MESSAGES)
        assert answer.call is not None
        assert len(answer.call.attempts) == 2
    assert cloud.asked == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


async def test_databricks_may_say_with_a_403_that_a_token_is_bad(cloud: Cloud) -> None:
    cloud.refuses_with = 403
    async with Supervisor() as supervisor:
        await supervisor.acompletion("databricks/m", MESSAGES)
        cloud.good.clear()
        await supervisor.acompletion("databricks/m", MESSAGES)
        await supervisor.acompletion("watsonx/m", MESSAGES)
        cloud.good.clear()
        with pytest.raises(PermissionDeniedError):  # others mean what they say
            await supervisor.acompletion("watsonx/m", MESSAGES)
    first, second, third = ("Bearer token-1", "Bearer token-2", "Bearer token-3")
    assert cloud.asked == [first, first, second, third, third]


async def test_a_token_that_is_never_accepted_ends_the_call(cloud: Cloud) -> None:
    async with Supervisor() as supervisor:
        await supervisor.acompletion("watsonx/m", MESSAGES)
        cloud.accepts = False
        with pytest.raises(AuthenticationError) as caught:
            await supervisor.acompletion("watsonx/m", MESSAGES)
    assert cloud.asked == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]  # a new one once, no more
    assert not caught.value.retryable
    assert "token-2" not in str(caught.value)  # the chat repeats what it was sent
    assert caught.value.model == "m"


@pytest.mark.parametrize(
    ("refusal", "kind", "text"),
    [
        (
            {
                "status": 400,
                "body": b'{"errorCode":"BXNIM0415E","errorMessage":"key not found: ' + KEY.encode() + b'"}',
            },
            AuthenticationError,
            r"127.0.0.1 gave no token for the API key \(status 400\): key not found: \[key\]",
        ),
        (
            {"status": 401, "body": b'{"error_description":"no","error":"invalid_client"}'},
            AuthenticationError,
            ": no",
        ),
        ({"status": 200, "body": b"<html>"}, AuthenticationError, "status 200"),
        ({"status": 200, "body": b'{"access_token":7}'}, AuthenticationError, "status 200"),
        ({"status": 500, "body": b""}, InternalServerError, "the answer says no more"),
    ],
)
async def test_what_an_identity_service_may_say(
    cloud: Cloud, refusal: dict[str, Any], kind: type[Exception], text: str
) -> None:
    cloud.refusal = web.Response(**refusal)
    async with Supervisor(num_retries=0) as supervisor:
        with pytest.raises(kind, match=text) as caught:
            await supervisor.acompletion("watsonx/m", MESSAGES)
        error: Any = caught.value
        assert (error.provider, error.model) == ("watsonx", "m")
        assert KEY not in repr(error)
        assert KEY.encode() not in pickle.dumps(error)
        await supervisor.acompletion("watsonx/m", MESSAGES)  # a failure is not kept
    assert len(cloud.forms) == 2


async def test_a_service_that_stumbles_is_asked_again_within_the_call(cloud: Cloud) -> None:
    cloud.refusal = web.Response(status=503)
    async with Supervisor() as supervisor:
        await supervisor.acompletion("databricks/m", MESSAGES)
    assert len(cloud.forms) == 2


async def test_a_service_that_is_not_there(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATSONX_IAM_URL", "http://127.0.0.1:9")
    async with Supervisor(num_retries=0) as supervisor:
        with pytest.raises(APIConnectionError, match=r"fetching a token: no connection to 127\.0\.0\.1"):
            await supervisor.acompletion("watsonx/m", MESSAGES)


# ---------------------------------------------------------------- functions


class Keys:
    """Functions of each kind that count how often they are asked."""

    def __init__(self) -> None:
        self.count = 0

    def plain(self) -> str:
        self.count += 1
        return f"key-{self.count}"

    async def asynchronous(self) -> str:
        return self.plain()

    async def __call__(self) -> str:
        return self.plain()

    def returns_awaitable(self) -> Any:
        return self.asynchronous()


@pytest.mark.parametrize("way", ["plain", "asynchronous", "__call__", "returns_awaitable"])
async def test_a_function_is_asked_for_each_attempt(simulator: Simulator, way: str) -> None:
    keys = Keys()
    provider: Any = keys if way == "__call__" else getattr(keys, way)
    async with Supervisor() as supervisor:
        for _ in range(2):
            await supervisor.acompletion("gpt-4o", MESSAGES, api_base=simulator.base_url, api_key=provider)
        assert len(supervisor.snapshot().endpoints) == 1
    sent = [request.headers["authorization"] for request in simulator.requests]
    assert sent == ["Bearer key-1", "Bearer key-2"]


async def test_the_key_goes_where_the_dialect_has_it(simulator: Simulator) -> None:
    keys = Keys()
    async with Supervisor() as supervisor:
        for model, path in (("anthropic/claude-sonnet-4-5", ""), ("gemini/m", "/v1beta"), ("azure/d", "")):
            base = simulator.url + path
            await supervisor.acompletion(model, MESSAGES, api_base=base, api_key=keys.plain)
    anthropic, gemini, azure = (request.headers for request in simulator.requests)
    assert (anthropic["x-api-key"], gemini["x-goog-api-key"], azure["api-key"]) == ("key-1", "key-2", "key-3")
    assert all("authorization" not in headers for headers in (anthropic, gemini, azure))


async def test_a_job_is_asked_after_with_the_key_that_began_it(simulator_factory: Any) -> None:
    simulator = await simulator_factory(api_key="right")
    async with Supervisor() as supervisor:
        for stream in (False, True):
            answer = await supervisor.acompletion(
                "replicate/meta/m", MESSAGES, api_base=simulator.base_url, api_key=right_key, stream=stream
            )
            whole = answer if isinstance(answer, ChatCompletion) else await answer.response()
            assert whole.choices[0].message.content == "You said: hi"
    assert {request.headers["authorization"] for request in simulator.requests} == {"Bearer right"}


async def test_operations_have_the_key_too(simulator_factory: Any) -> None:
    simulator = await simulator_factory(api_key="right")
    async with Supervisor() as supervisor:
        made = await supervisor.amodels("openai", api_base=simulator.base_url, api_key=right_key)
    assert made.data
    assert [request.headers["authorization"] for request in simulator.requests] == ["Bearer right"]


def right_key() -> str:
    return "right"


async def test_an_entra_token_from_a_function(simulator: Simulator) -> None:
    keys = Keys()
    async with Supervisor() as supervisor:
        for model in ("azure/d", "azure/responses/d"):
            await supervisor.acompletion(
                model, MESSAGES, api_base=simulator.url, azure_ad_token_provider=keys.asynchronous
            )
        await supervisor.acompletion("azure/d", MESSAGES, api_base=simulator.url, azure_ad_token="static")
    sent = [request.headers["authorization"] for request in simulator.requests]
    assert sent == ["Bearer key-1", "Bearer key-2", "Bearer static"]
    assert all("api-key" not in request.headers for request in simulator.requests)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (lambda: None, "the function given as api_key must return text, not NoneType"),
        (lambda: "", "must return text, not nothing"),
        (lambda: b"key", "not bytes"),
        (lambda: dict[str, str]()[KEY], "the function given as api_key failed: KeyError"),
    ],
)
async def test_a_function_that_gives_no_key(simulator: Simulator, given: Any, text: str) -> None:
    async with Supervisor() as supervisor:
        with pytest.raises(AuthenticationError, match=text) as caught:
            await supervisor.acompletion("gpt-4o", MESSAGES, api_base=simulator.base_url, api_key=given)
    assert KEY not in str(caught.value)
    assert not simulator.requests


class Slow:
    """A function that blocks until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        self.loop.call_soon_threadsafe(self.begun.set)
        assert self.go.wait(30)
        return "key"


async def test_a_function_that_blocks_holds_up_nobody_else(simulator: Simulator) -> None:
    slow = Slow()
    async with Supervisor() as supervisor:
        task = asyncio.create_task(
            supervisor.acompletion("gpt-4o", MESSAGES, api_base=simulator.base_url, api_key=slow)
        )
        await supervisor.acompletion("gpt-4o", MESSAGES, api_base=simulator.base_url, api_key="other")
        assert not task.done()
        slow.go.set()
        assert isinstance(await outcome(task), ChatCompletion)


async def test_a_caller_need_not_wait_for_a_function_that_blocks(simulator: Simulator) -> None:
    slow = Slow()
    async with Supervisor() as supervisor:

        async def ask() -> object:
            return await supervisor.acompletion("gpt-4o", MESSAGES, api_base=simulator.base_url, api_key=slow)

        first = asyncio.create_task(ask())
        await slow.begun.wait()
        first.cancel()
        assert isinstance(await outcome(first), asyncio.CancelledError)
        second = asyncio.create_task(ask())
        await settle()
        assert slow.count == 1  # it runs on, and the next caller has what it gives
        assert supervisor.snapshot().in_flight == 1
        slow.go.set()
        assert isinstance(await outcome(second), ChatCompletion)


async def test_closing_waits_for_a_thread(simulator: Simulator) -> None:
    slow = Slow()
    supervisor = Supervisor()
    task = asyncio.create_task(
        supervisor.acompletion("gpt-4o", MESSAGES, api_base=simulator.base_url, api_key=slow)
    )
    await slow.begun.wait()
    closing = asyncio.create_task(supervisor.aclose())
    await settle()
    assert not closing.done()
    slow.go.set()
    await closing
    assert isinstance(await outcome(task), Exception)
    assert not simulator.requests


async def test_what_is_told_of_an_attempt_holds_no_key(simulator: Simulator) -> None:
    told: list[dict[str, Any]] = []
    async with Supervisor() as supervisor:
        await supervisor.acompletion(
            "gpt-4o", MESSAGES, api_base=simulator.base_url, api_key=lambda: KEY, logger_fn=told.append
        )
        assert KEY not in repr(supervisor.snapshot())
    assert told
    assert KEY not in repr(told)


async def test_the_older_form_of_tools_goes_out_with_the_fetched_key_too() -> None:
    call = ToolCall(name="f")
    functions = [{"name": "f", "parameters": {"type": "object"}}]
    async with Simulator(Answer(tool_calls=[call])) as simulator, Supervisor() as supervisor:
        for stream in (False, True):
            answer = await supervisor.acompletion(
                "anthropic/claude-sonnet-4-5",
                MESSAGES,
                stream=stream,
                functions=functions,
                api_key=lambda: KEY,
                api_base=simulator.url,
            )
            whole = answer if isinstance(answer, ChatCompletion) else await answer.response()
            assert whole.choices[0].message.function_call is not None
        assert [request.headers["x-api-key"] for request in simulator.requests] == [KEY] * 2
