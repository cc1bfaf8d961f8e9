"""The recorded call of a SageMaker endpoint: a bare prompt, whose answer repeats it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest
from replay_corpus import select

from aiocompl.codecs.routing import Target, resolve
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from replay_corpus import Exchange

ENV = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}


@pytest.mark.replays("decoded", "encoded")
@pytest.mark.parametrize("exchange", select("sagemaker", "invoke"))
def test_a_bare_prompt(exchange: Exchange) -> None:
    route = resolve(Target("sagemaker/inputs/my-llama2-endpoint"), ENV)
    prompt, given = exchange.request["inputs"], dict(exchange.request["parameters"])
    params = given | {"max_tokens": given.pop("max_new_tokens")}
    params.pop("max_new_tokens", None)
    request = ChatRequest(route.model, [{"role": "user", "content": prompt}], params)
    sent = route.codec.encode_request(request)
    assert (sent.url, orjson.loads(sent.body)) == (exchange.url, exchange.request)
    answer = route.codec.decode_response(request, HTTPResponse(200, exchange.headers, exchange.body))
    assert prompt + str(answer.choices[0].message.content) == exchange.json[0]["generated_text"]
    assert answer.id == exchange.headers["x-amzn-requestid"]
