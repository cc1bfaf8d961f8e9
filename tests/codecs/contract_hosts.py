"""The dialects at other hosts, and Cloudflare's native one, that are held to the codec contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import orjson
from contract_case import KEY, Dialect, sse
from contract_natives import NATIVE_DIALECTS

from aiocompl.codecs.routing import Target, resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocompl.codecs.base import Codec
    from aiocompl.types.model import JSON

PLACES = {
    "GOOGLE_CLOUD_PROJECT": "p",
    "GOOGLE_CLOUD_LOCATION": "global",
    "ANTHROPIC_FOUNDRY_RESOURCE": "r",
    "CLOUDFLARE_ACCOUNT_ID": "a",
    "DATABRICKS_HOST": "https://d.example",
    "SNOWFLAKE_ACCOUNT_ID": "s",
}


def codec_of(model: str) -> Callable[[], Codec]:
    return lambda: resolve(Target(model, api_key=KEY), PLACES).codec


RAW = ("vertex_ai/claude-x", "vertex_ai/mistral-m")
"""Asked for a stream at another address."""


def hosted(dialect: Dialect, *models: str) -> list[Dialect]:
    return [
        attrs.evolve(dialect, name=model, make=codec_of(model), one_url=model not in RAW) for model in models
    ]


USAGE = {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3, "unforeseen": 1}
RUN_ANSWER: JSON = {"result": {"response": "Hello", "usage": USAGE}, "success": True, "errors": []}
RUN_EVENTS: list[JSON] = [
    {"response": "Hel", "p": "abc"},
    {"response": "lo", "p": "abcdef"},
    {"response": "", "usage": USAGE},
]


def run_error(text: str) -> JSON:
    return {"success": False, "errors": [{"code": 10000, "message": f"{text} {KEY}"}], "result": None}


CLOUDFLARE = Dialect(
    name="cloudflare_run",
    make=codec_of("cloudflare/run/@cf/m"),
    answer=orjson.dumps(RUN_ANSWER),
    stream=sse(*RUN_EVENTS),
    cut=sse(*RUN_EVENTS[:-1], end=b""),
    error=orjson.dumps(run_error("Incorrect API key:")),
    stream_error=sse(run_error("Sorry,"), end=b""),
    unforeseen=lambda body: body["usage"]["unforeseen"],
    reasons=False,
)


def host_dialects(openai: Dialect) -> list[Dialect]:
    """All of them, given the case of OpenAI's dialect as vendors who are read loosely speak it."""
    anthropic = next(dialect for dialect in NATIVE_DIALECTS if dialect.name == "anthropic")
    return [
        *hosted(anthropic, "vertex_ai/claude-x", "azure_ai/claude-x", "snowflake/messages/claude-x"),
        *hosted(openai, "vertex_ai/meta/m", "vertex_ai/openai/1", "vertex_ai/mistral-m", "azure_ai/m"),
        *hosted(
            openai, "huggingface/o/m", "huggingface/groq/o/m", "databricks/m", "databricks/invocations/m"
        ),
        CLOUDFLARE,
    ]
