"""A call's class as `response_format`, and its legacy `functions`: what becomes of them on the way to the codec and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest

from aiocompl import Supervisor
from aiocompl.codecs.routing import resolve
from aiocompl.errors import BadRequestError, UnsupportedParamsError
from aiocompl.runtime.call import build_request, sort_keywords
from aiocompl.runtime.stream import CompletionStream
from aiocompl.sync import completion
from aiocompl.testing import Answer, Simulator, ToolCall
from aiocompl.types.completion import ChatCompletion

if TYPE_CHECKING:
    from aiocompl.types.request import ChatRequest

MESSAGES = [{"role": "user", "content": "hi"}]
F = {"name": "f", "parameters": {"type": "object", "properties": {}}}
ENV = {"OPENAI_API_KEY": "sk", "COHERE_API_KEY": "co", "PERPLEXITY_API_KEY": "p", "MISTRAL_API_KEY": "m"}


@attrs.frozen
class City:
    name: str


PARIS = '{"name": "Paris"}'


def built(model: str, **keywords: Any) -> tuple[ChatRequest, tuple[str, ...]]:
    call = sort_keywords(model, MESSAGES, stream=False, keywords=keywords)
    return build_request(call, resolve(call.target(), ENV))


def test_a_class_is_asked_for_by_its_schema() -> None:
    request, _ = built("openai/gpt-4o", response_format=City)
    asked = request.params["response_format"]
    assert (asked["type"], asked["json_schema"]["name"]) == ("json_schema", "City")
    assert request.answer_type is not None
    assert request.answer_type.read(PARIS) == City("Paris")


def test_a_call_can_be_built_for_one_route_after_the_other() -> None:
    call = sort_keywords("openai/gpt-4o", MESSAGES, stream=False, keywords={"response_format": City})
    route = resolve(call.target(), ENV)
    types = [build_request(call, route)[0].answer_type for _ in range(2)]
    assert types[0] is types[1] is not None


@pytest.mark.parametrize("form", ["json_object", memoryview, 3])
def test_what_is_neither_mapping_nor_class_is_a_bad_request(form: Any) -> None:
    with pytest.raises(BadRequestError) as caught:
        built("openai/gpt-4o", response_format=form)
    assert caught.value.param == "response_format"


def test_a_dropped_format_still_says_how_the_answer_is_read() -> None:
    request, dropped = built("gigachat/m", api_key="k", response_format=City, drop_params=True)
    assert dropped == ("response_format",)
    assert request.answer_type is not None


def test_functions_stay_where_they_are_taken_and_are_tools_elsewhere() -> None:
    request, _ = built("openai/gpt-4o", functions=[F])
    assert (request.params, request.legacy) == ({"functions": [F]}, False)
    request, _ = built("mistral/m", functions=[F], function_call="auto")
    assert request.params["tools"] == [{"type": "function", "function": F}]
    assert request.params["tool_choice"] == "auto"
    assert request.legacy


def test_functions_are_refused_where_tools_are() -> None:
    with pytest.raises(UnsupportedParamsError, match="functions not supported"):
        built("perplexity/sonar", functions=[F])
    request, dropped = built(
        "perplexity/sonar", functions=[F], function_call="auto", drop_params=True, temperature=0
    )
    assert (request.params, request.legacy) == ({"temperature": 0}, False)
    assert dropped == ("function_call", "functions")


def test_a_choice_that_cannot_be_said_is_dropped_by_the_name_it_came_with() -> None:
    request, dropped = built(
        "cohere/v1/command-r", functions=[F], function_call={"name": "f"}, drop_params=True
    )
    assert dropped == ("function_call",)
    assert "tool_choice" not in request.params


@pytest.mark.parametrize("stream", [False, True])
async def test_a_mocked_answer_is_read_too(stream: bool) -> None:
    async with Supervisor() as supervisor:
        answer = await supervisor.acompletion(
            "openai/gpt-4o", MESSAGES, stream=stream, response_format=City, mock_response=PARIS
        )
    whole = await answer.response() if isinstance(answer, CompletionStream) else answer
    assert whole.choices[0].message.parsed == City("Paris")


async def test_a_stream_is_read_once_it_is_whole() -> None:
    async with Simulator(Answer(text=PARIS)) as simulator, Supervisor(num_retries=0) as supervisor:
        stream = await supervisor.acompletion(
            "m", MESSAGES, stream=True, response_format=City, api_base=simulator.base_url
        )
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
        whole = await stream.response()
    assert text == PARIS
    assert whole.choices[0].message.parsed == City("Paris")


async def test_calls_of_tools_have_nothing_to_read() -> None:
    script = Answer(text="", tool_calls=[ToolCall(name="f", arguments="{}")])
    async with Simulator(script) as simulator, Supervisor(num_retries=0) as supervisor:
        whole = await supervisor.acompletion(
            "m",
            MESSAGES,
            response_format=City,
            tools=[{"type": "function", "function": F}],
            api_base=simulator.base_url,
        )
    message = whole.choices[0].message
    assert message.tool_calls
    assert (message.parsed, message.parsing_error) == (None, None)


def test_the_blocking_twin() -> None:
    answer = completion("openai/gpt-4o", MESSAGES, response_format=City, mock_response=PARIS)
    assert isinstance(answer, ChatCompletion)
    assert answer.choices[0].message.parsed == City("Paris")
    with completion(
        "openai/gpt-4o", MESSAGES, stream=True, response_format=City, mock_response=PARIS
    ) as stream:
        assert stream.response().choices[0].message.parsed == City("Paris")
