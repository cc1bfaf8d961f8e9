"""A script means the same in every dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import pytest
from native_readers import Said
from natives import NATIVES, Native

from aiocompl.testing import (
    Answer,
    Latency,
    Reply,
    ScriptedTransport,
    Simulator,
    ToolCall,
    Usage,
    faults,
    settle,
)
from aiocompl.testing.dialects import DIALECTS
from aiocompl.wire.messages import HTTPRequest

if TYPE_CHECKING:
    from bare_client import Client

CALLS = (ToolCall(name="weather", arguments={"city": "Paris"}), ToolCall(name="time", arguments={}))
USAGE = Usage(prompt_tokens=50, completion_tokens=20, cached_tokens=30, reasoning_tokens=5)
ANSWER = Answer(text="Paris, and the time.", reasoning="Two calls.", tool_calls=CALLS, usage=USAGE)

pytestmark = pytest.mark.parametrize("native", NATIVES, ids=lambda native: native.name)


@pytest.fixture
async def simulator(native: Native, simulator_factory: Any) -> Simulator:
    made: Simulator = await simulator_factory()
    return made


async def both(native: Native, client: Client, simulator: Simulator, **how: Any) -> Said:
    """The blocking answer, which the streamed one equals."""
    blocking = await native.ask(client.session, simulator, **how)
    streamed = await native.stream(client.session, simulator, **how)
    assert streamed == blocking._replace(
        prompt=streamed.prompt
    )  # the estimate follows the length of the body
    return blocking


async def test_it_repeats_the_user(native: Native, client: Client, simulator: Simulator) -> None:
    said = await both(native, client, simulator, text="who are you?")
    assert said.text == "You said: who are you?"
    assert said.finish == native.finishes[0]
    assert said.completion == 5
    assert said.prompt > 10
    assert [request.stream for request in simulator.requests] == [False, True]
    model = simulator.requests[0].model
    assert model
    assert model == simulator.requests[1].model
    assert model in str(native.body("") | {"path": native.path}).replace("%3A", ":")


async def test_all_that_an_answer_says(native: Native, client: Client, simulator: Simulator) -> None:
    simulator.script = ANSWER
    said = await both(native, client, simulator)
    assert said == Said(
        text="Paris, and the time.",
        reasoning="Two calls." if native.reasons else "",
        calls=(("weather", {"city": "Paris"}), ("time", {})),
        finish=native.finishes[2],
        prompt=50,
        completion=20,
        cached=0 if native.name == "ollama" else 30,
    )


@pytest.mark.parametrize("size", [1, 3, 1000])
async def test_tokens_of_any_size(native: Native, client: Client, simulator: Simulator, size: int) -> None:
    text = 'Grüße \u2028 "\U0001f600" \\ and\r\n\r\nmore'
    simulator.script = Answer(text=text, tool_calls=CALLS, token_chars=size)
    said = await both(native, client, simulator)
    assert said.text == text
    assert said.calls == (("weather", {"city": "Paris"}), ("time", {}))


async def test_a_cut_answer(native: Native, client: Client, simulator: Simulator) -> None:
    simulator.script = Answer(text="too long", finish_reason="length")
    assert (await both(native, client, simulator)).finish == native.finishes[1]


async def test_the_tool_that_is_insisted_on(native: Native, client: Client, simulator: Simulator) -> None:
    said = await both(native, client, simulator, text="Rome", **native.tool)
    if native.name in ("ollama", "cohere_v1"):  # there is no way to insist
        assert said.text == "You said: Rome"
    else:
        assert said.calls == (("weather", {"city": "Rome"}),)
        assert said.finish == native.finishes[2]


async def test_an_answer_of_nothing(native: Native, client: Client, simulator: Simulator) -> None:
    simulator.script = Answer()
    said = await both(native, client, simulator)
    assert (said.text, said.calls, said.finish) == ("", (), native.finishes[0])


async def test_arguments_that_are_no_json(native: Native, client: Client, simulator: Simulator) -> None:
    simulator.script = Answer(tool_calls=[ToolCall(name="weather", arguments='{"city": ')])
    status, _, body = await native.post(client.session, simulator)
    assert status == 200
    assert b'{\\"city\\": ' in body
    assert orjson.loads(body)
    _, _, streamed = await native.post(client.session, simulator, stream=True)
    assert native.split(streamed)


@pytest.mark.parametrize(
    ("fault", "usual"),
    [
        (faults.rate_limited(retry_after=7), 429),
        (faults.quota_exhausted(), 429),
        (faults.context_length(), 400),
        (faults.content_policy(), 400),
        (faults.server_error(), 500),
        (faults.overloaded(), 503),
        (faults.Status(status=401), 401),
        (faults.Status(status=403), 403),
        (faults.Status(status=404), 404),
        (faults.Status(status=504), 504),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_error_statuses(
    native: Native, client: Client, simulator: Simulator, fault: faults.Status, usual: int, stream: bool
) -> None:
    simulator.script = fault
    status, headers, body = await native.post(client.session, simulator, stream=stream)
    own = {
        ("anthropic", "overloaded"): 529,
        ("anthropic", "quota"): 400,
        ("bedrock", "quota"): 400,
        **{("sagemaker", kind): 424 for kind in ("context_length", "content_policy", "server_error")},
        ("cohere", "content_policy"): 498,
        ("cohere_v1", "content_policy"): 498,
        ("gemini", "content_policy"): 200,
        ("gemini_array", "content_policy"): 200,
        ("mistral", "content_policy"): 403,
        ("mistral", "quota"): 402,
        ("vertex", "content_policy"): 200,
    }
    if status == 200 and stream:
        assert native.split(body)[0]["promptFeedback"]["blockReason"] == "PROHIBITED_CONTENT"
        return
    expected = own.get((native.name, fault.kind or "overloaded" * (usual == 503)), usual)
    assert status == expected
    assert headers["content-type"] == "application/json"
    assert orjson.loads(body)
    assert headers.get("retry-after") == ("7" if usual == 429 and fault.headers else None)


async def test_an_error_within_a_stream(native: Native, client: Client, simulator: Simulator) -> None:
    simulator.script = faults.ErrorEvent(at_event=3, message="It broke.")
    _, _, body = await native.post(client.session, simulator, stream=True)
    if native.name == "gemini_array":  # which is never closed then
        body += b"]"
    events = native.split(body)
    assert len(events) == 4
    assert b"It broke." in orjson.dumps(events[3])
    assert b"It broke." not in orjson.dumps(events[:3])
    status, _, body = await native.post(client.session, simulator)
    assert status == 200
    assert b"It broke." in body


@pytest.mark.parametrize("after_events", [0, 1, 3])
async def test_a_stream_that_ends_too_early(
    native: Native, client: Client, simulator: Simulator, after_events: int
) -> None:
    simulator.script = faults.Cut(after_events=after_events, clean=True)
    _, _, body = await native.post(client.session, simulator, stream=True)
    if native.name == "gemini_array":
        body = (body or b"[") + b"]"
    assert len(native.split(body)) == after_events
    simulator.script = faults.Cut(after_events=after_events)
    with pytest.raises(aiohttp.ClientPayloadError):
        await native.post(client.session, simulator, stream=True)


async def test_a_stream_without_its_finish(native: Native, client: Client, simulator: Simulator) -> None:
    whole = (await native.post(client.session, simulator, stream=True))[2]
    simulator.script = faults.MissingFinish()
    body = (await native.post(client.session, simulator, stream=True))[2]
    kept = native.split(body)
    assert len(native.split(whole)) - len(kept) == 1
    if native.name == "responses":  # whose word stands on each part too
        assert not any(event["type"] == "response.completed" for event in kept)
    else:
        assert not any(f'"{native.finishes[0]}"'.encode() in orjson.dumps(event) for event in kept)


async def test_a_stream_without_its_end(native: Native, client: Client, simulator: Simulator) -> None:
    whole = (await native.post(client.session, simulator, stream=True))[2]
    simulator.script = faults.MissingDone()
    body = (await native.post(client.session, simulator, stream=True))[2]
    ends = {
        "anthropic": b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
        "azure": b"data: [DONE]\n\n",
        "cohere": b"data: [DONE]\n\n",
        "groq": b"data: [DONE]\n\n",
        "mistral": b"data: [DONE]\n\n",
        "gemini_array": b"\n]",
    }
    end = ends.get(native.name, b"")
    assert whole.endswith(end)
    assert len(whole) - len(body) == len(end)


async def test_an_event_that_is_no_json(native: Native, client: Client, simulator: Simulator) -> None:
    simulator.script = faults.Malformed(at_event=2, data=b'{"half')
    body = (await native.post(client.session, simulator, stream=True))[2]
    assert b'{"half' in body
    with pytest.raises(orjson.JSONDecodeError):
        native.split(body)
    simulator.script = Reply(faults=(faults.Malformed(at_event=2, data=b"{}"),))
    body = (await native.post(client.session, simulator, stream=True))[2]
    assert b"{}" in body


@pytest.mark.parametrize("fault", [faults.OddFraming(), faults.OddFraming(bom=True), faults.SlowBody(size=7)])
async def test_odd_but_whole(
    native: Native, client: Client, simulator: Simulator, fault: faults.Fault
) -> None:
    whole = native.split((await native.post(client.session, simulator, stream=True))[2])
    simulator.script = fault
    body = (await native.post(client.session, simulator, stream=True))[2]
    bare = body.removeprefix(b"\xef\xbb\xbf").replace(b": keep-alive\r\n\r\n", b"")
    assert len(native.split(bare)) == len(whole)


async def test_broken_connections(native: Native, client: Client, simulator: Simulator) -> None:
    for fault in (faults.Reset(), faults.Hangup(), faults.ResetAfter(after_events=1), faults.Truncated()):
        simulator.script = fault
        try:
            _, _, body = await native.post(client.session, simulator, stream=True)
        except aiohttp.ClientError:
            continue
        assert isinstance(fault, faults.Truncated)
        assert body


async def test_tokens_wait(native: Native, client: Client) -> None:
    """Only tokens take time: as many gaps as there are tokens, of which the first comes after the headers."""
    transport = ScriptedTransport.simulating(latency=Latency(first_token=2, between_tokens=1))
    body = native.body("a b") | ({"stream": True} if native.flag else {})
    path = native.stream_path or native.path
    headers = {**native.headers, "authorization": "Bearer k"}
    request = HTTPRequest(url=f"https://api.example{path}", headers=headers, body=orjson.dumps(body))
    response = await transport.open(request)
    assert response.status == 200
    delays = [delay for _, delay, _ in response._delivery.slices]
    assert [delay for delay in delays if delay] == [2, 1, 1, 1]
    response.close()
    await settle()


async def test_the_key(native: Native, client: Client, simulator_factory: Any) -> None:
    simulator = await simulator_factory(api_key="right")
    post = native.post
    status, _, body = await post(client.session, simulator)
    assert status in (401, 403)
    assert orjson.loads(body)
    status, _, _ = await post(client.session, simulator, key="wrong")
    assert status in (400, 401, 403)
    status, _, _ = await post(client.session, simulator, key="right")
    assert status == 200
    seen = orjson.dumps([record.summary() for record in simulator.requests])
    assert b"right" not in seen.replace(b"...ight", b"")


async def test_models_that_there_are(native: Native, client: Client, simulator_factory: Any) -> None:
    simulator = await simulator_factory(models=["another"])
    status, _, body = await native.post(client.session, simulator)
    assert status == (400 if native.name in ("bedrock", "mistral", "responses", "sagemaker") else 404)
    assert orjson.loads(body)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"{}"])
async def test_bodies_that_ask_nothing(
    native: Native, client: Client, simulator: Simulator, body: bytes
) -> None:
    async with client.session.post(
        simulator.url + native.path, data=body, headers=native.headers
    ) as response:
        assert response.status in (400, 422, 424)
        assert orjson.loads(await response.read())


async def test_other_methods(native: Native, client: Client, simulator: Simulator) -> None:
    async with client.session.put(
        simulator.url + native.path, data=b"{}", headers=native.headers
    ) as response:
        assert response.status == 405
        assert orjson.loads(await response.read())


async def test_values_of_wrong_types(native: Native, client: Client, simulator: Simulator) -> None:
    for name in native.body(""):
        wrong: dict[str, Any] = {name: 7}
        status, _, _ = await native.post(client.session, simulator, **wrong)
        assert status in (200, 400, 422, 424)
    status, _, _ = await native.post(client.session, simulator, tools=7, messages=[7], contents=[7])
    assert status in (200, 400, 422, 424)


async def test_each_stands_at_the_address_it_is_named_by(native: Native, client: Client) -> None:
    assert native.name in DIALECTS
    async with Simulator(dialect=native.name) as simulator:
        async with client.session.post(
            f"{simulator.url}/no/such/path", json={}, headers=native.headers
        ) as response:
            assert response.status == 404
            assert orjson.loads(await response.read())
        status, _, _ = await native.post(client.session, simulator)
        assert status == 200
