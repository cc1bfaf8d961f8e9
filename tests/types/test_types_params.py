"""The tables of keywords equal OpenAI's, and do not overlap."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from aiocompl.types.params import CALL_OPTIONS, NATIVE_PARAMS, OPENAI_PARAMS, CompletionParams

SHARED = Path(os.environ.get("AIOCOMPL_SHARED") or Path(__file__).resolve().parents[3] / "shared")
OWN = {"model", "messages", "stream"}


def test_openais_parameters() -> None:
    assert (
        " ".join(sorted(OPENAI_PARAMS))
        == "audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens "
        "metadata modalities moderation n parallel_tool_calls prediction presence_penalty prompt_cache_key "
        "prompt_cache_options prompt_cache_retention reasoning_effort response_format safety_identifier seed "
        "service_tier stop store stream_options temperature tool_choice tools top_logprobs top_p user verbosity "
        "web_search_options"
    )


def test_litellms_call_options() -> None:
    assert (
        " ".join(sorted(CALL_OPTIONS))
        == "additional_drop_params allowed_openai_params api_base api_key api_version aws_access_key_id "
        "aws_bedrock_runtime_endpoint aws_profile_name aws_region_name aws_role_name aws_secret_access_key "
        "aws_session_name aws_session_token aws_web_identity_token azure "
        "azure_ad_token azure_ad_token_provider base_url budget cache custom_llm_provider drop_params extra_body extra_headers "
        "extra_query fallbacks fastest_response first_token_timeout force_timeout hedge idle_timeout logger_fn max_retries mock_response "
        "n_by_fanout num_retries organization priority request_timeout stream_recovery timeout verbose vertex_credentials vertex_location vertex_project"
    )


def test_each_keyword_is_of_one_kind() -> None:
    kinds = [OPENAI_PARAMS, CALL_OPTIONS, NATIVE_PARAMS, OWN]
    assert sum(map(len, kinds)) == len(frozenset().union(*kinds))
    assert set(CompletionParams.__annotations__) == OPENAI_PARAMS | CALL_OPTIONS | NATIVE_PARAMS


def test_the_collected_facts_name_no_other_parameter() -> None:
    facts = SHARED / "facts/openai.md"
    if not facts.exists():
        pytest.skip(f"no facts/openai.md in {SHARED}: set AIOCOMPL_SHARED to the folder that has it")
    table = (
        facts.read_text(encoding="utf-8").partition("## Request parameters")[2].partition("### Messages")[0]
    )
    names = {
        name
        for row in table.splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert names == OPENAI_PARAMS | OWN
