"""What moderation does beyond the contract: parts, and judgements in the order of the inputs."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from aiocompl.codecs.routing import Target, resolve_operation
from aiocompl.errors import APIResponseValidationError, NotFoundError, UnsupportedParamsError
from aiocompl.types.request import ModerationRequest
from aiocompl.wire.messages import HTTPResponse

PARTS = [
    {"type": "text", "text": "what is this?"},
    {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
]
SAFE = {"flagged": False, "categories": {"hate": False}, "category_scores": {"hate": 0.0}}


def ask(model: str, inputs: Any) -> tuple[Any, ModerationRequest]:
    route = resolve_operation("moderations", Target(model, api_key="k"), {})
    return route.codec, ModerationRequest(model=route.model, input=inputs)


def answer(model: str, inputs: Any, results: Any) -> Any:
    operation, request = ask(model, inputs)
    return operation.decode_response(request, HTTPResponse(200, {}, orjson.dumps({"results": results})))


def test_parts_go_as_they_are_and_are_judged_together() -> None:
    operation, request = ask("omni-moderation-latest", PARTS)
    http = operation.encode_request(request)
    assert http.url == "https://api.openai.com/v1/moderations"
    assert orjson.loads(http.body) == {"model": "omni-moderation-latest", "input": PARTS}
    judged = {**SAFE, "category_applied_input_types": {"hate": ["text", "image"]}}
    (judgement,) = answer("omni-moderation-latest", PARTS, [judged]).results
    assert judgement.category_applied_input_types == {"hate": ["text", "image"]}


def test_mistral_judges_texts_alone() -> None:
    operation, request = ask("mistral-moderation-latest", PARTS)
    with pytest.raises(UnsupportedParamsError, match=r"input\[0\] is no text") as caught:
        operation.encode_request(request)
    assert caught.value.param == "input"


@pytest.mark.parametrize("applies", [True, False])
def test_mistrals_flag_is_that_any_category_applies(applies: bool) -> None:
    judged = {
        "categories": {"pii": applies, "health": False},
        "category_scores": {"pii": 0.5, "health": 0.1},
    }
    (judgement,) = answer("mistral/m", ["a"], [judged]).results
    assert judgement.flagged is applies


@pytest.mark.parametrize(
    "results",
    [
        [],
        [SAFE, SAFE],
        [{"flagged": True}],
        [{**SAFE, "categories": None}],
        [{**SAFE, "category_scores": []}],
        None,
        "none",
    ],
)
def test_an_answer_without_a_judgement_for_each_text_is_an_error(results: Any) -> None:
    with pytest.raises(APIResponseValidationError):
        answer("openai/m", ["a"], results)


def test_who_is_not_known_to_have_it() -> None:
    for model in ("anthropic/m", "groq/m", "azure/m"):
        with pytest.raises(NotFoundError, match="not known to have moderation"):
            resolve_operation("moderations", Target(model, "http://h/v1", "k"), {})
