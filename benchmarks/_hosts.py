"""Dialects at other hosts, and of hosts of their own; see `_dialects`. To measure another, add a row."""

from typing import Final

import attrs

from benchmarks._dialects import DONE, PIECES, TEXT, TIMES_OPENAI_BINARY, USUAL, Dialect, compatible
from benchmarks._framing import JSON, in_payload, payload_part, predicted

_ANTHROPIC: Final = next(dialect for dialect in USUAL if dialect.key == "anthropic")
_USAGE: Final = {"prompt_tokens": 20, "completion_tokens": 200, "total_tokens": 220}
_PREDICTION: Final = {
    "id": "gm3qorzdhgbfurvjtvhg6dckhu",
    "model": "meta/meta-llama-3-8b-instruct",
    "version": "hidden",
    "input": {"prompt": "Hi"},
    "logs": "",
    "error": None,
    "status": "processing",
    "created_at": "2026-11-04T14:33:31.123456Z",
    "urls": {"get": "https://api.replicate.com/v1/predictions/gm3qorzdhgbfurvjtvhg6dckhu"},
}
_SUCCEEDED: Final = {
    **_PREDICTION,
    "status": "succeeded",
    "output": list(PIECES),
    "metrics": {"predict_time": 2.5, "input_token_count": 20, "output_token_count": 200},
}


def _run(text: str) -> JSON:
    return {"response": text, "p": "abcdefghijk"}


DIALECTS: Final = (
    *USUAL,
    attrs.evolve(
        _ANTHROPIC, key="vertex-claude", title="Claude on Vertex AI", model="vertex_ai/claude-sonnet-4-5"
    ),
    compatible(
        "sagemaker",
        "SageMaker (binary)",
        "sagemaker/my-endpoint",
        frame=payload_part,
        done=in_payload(DONE),
        times_openai=TIMES_OPENAI_BINARY,
        options={"api_key": None, "credentials": {"aws_access_key_id": "a", "aws_secret_access_key": "s"}},
    ),
    Dialect(
        key="replicate",
        title="Replicate",
        model="replicate/meta/meta-llama-3-8b-instruct",
        answer=_SUCCEEDED,
        calls=False,
        frame=predicted,
        start=[{"prediction": _PREDICTION}],
        piece=lambda text: {"output": text},
        end=[{"done": {}}, {"prediction": _SUCCEEDED}],
    ),
    Dialect(
        key="cloudflare-run",
        title="Workers AI, native",
        model="cloudflare/run/@cf/meta/llama-3.1-8b-instruct",
        answer={"result": {"response": TEXT, "usage": _USAGE}, "success": True, "errors": []},
        piece=_run,
        end=[{"response": "", "usage": _USAGE}],
        done=DONE,
        env={"CLOUDFLARE_ACCOUNT_ID": "a"},
    ),
)
