"""With what right a call goes out: which option or variable goes before which, and where nothing may go."""

from __future__ import annotations

from typing import Any

import pytest

from aiocompl.codecs.routing import Target, resolve
from aiocompl.errors import AuthenticationError, BadRequestError, UnsupportedParamsError
from aiocompl.types.endpoint import AWSCredentials, Credential, Endpoint, TokenSource

R = "https://r.openai.azure.com"
AZURE = {"AZURE_OPENAI_ENDPOINT": R}
PLACE = {"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "us-central1"}
JWT = "eyJhbGciOi.eyJzdWIi.c2ln"
PAIR = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "the-secret"}
M2M = {"DATABRICKS_CLIENT_ID": "client", "DATABRICKS_CLIENT_SECRET": "the-secret"}
WORKSPACE = {"DATABRICKS_HOST": "https://dbc-1.cloud.databricks.com"}


def provider() -> str:
    return "a-token"


def endpoint(
    model: str, env: dict[str, str], *, options: dict[str, Any] | None = None, **target: Any
) -> Endpoint:
    return resolve(Target(model, credentials=options or {}, **target), env).endpoint


def kind(found: Endpoint) -> str:
    """What an endpoint acts with, in a word or two."""
    if found.source is not None:
        assert found.api_key is None
        assert found.credentials is None
        return found.source.kind + (" bearer" if found.bearer else "")
    if found.credentials is not None:
        return f"signed {found.credentials.access_key}"
    return f"{'bearer' if found.bearer else 'key'} {found.api_key}" if found.api_key else "nothing"


@pytest.mark.parametrize(
    ("model", "env", "target", "expected"),
    [
        ("gpt-4o", {"OPENAI_API_KEY": "k"}, {"api_key": provider}, "callable"),
        ("azure/d", AZURE | {"AZURE_API_KEY": "k"}, {}, "key k"),
        ("azure/d", AZURE | {"AZURE_API_KEY": "k", "AZURE_AD_TOKEN": "t"}, {}, "key k"),
        ("azure/d", AZURE | {"AZURE_AD_TOKEN": "t"}, {}, "bearer t"),
        ("azure/d", AZURE | {"AZURE_OPENAI_AD_TOKEN": "t"}, {}, "bearer t"),
        ("azure/d", AZURE | {"AZURE_API_KEY": "k"}, {"options": {"azure_ad_token": "t"}}, "bearer t"),
        (
            "azure/d",
            AZURE | {"AZURE_API_KEY": "k"},
            {"options": {"azure_ad_token_provider": provider}},
            "callable bearer",
        ),
        ("azure/d", AZURE, {"api_key": "k", "options": {"azure_ad_token": "t"}}, "key k"),
        ("azure/d", AZURE, {}, "azure bearer"),
        ("azure/d", {}, {"api_base": R}, "azure bearer"),
        ("azure/d", {"AZURE_AD_TOKEN": "t"}, {"api_base": "http://127.0.0.1:1"}, "bearer t"),
        ("azure/d", {"AZURE_CLIENT_ID": "c"}, {"api_base": "http://127.0.0.1:1"}, "nothing"),
        ("azure/d", {}, {"api_base": "https://r.openai.azure.com.evil.example"}, "nothing"),
        ("azure/d", {}, {"api_base": "https://vm.westus.cloudapp.azure.com"}, "nothing"),
        ("vertex_ai/m", PLACE | {"GOOGLE_OAUTH_ACCESS_TOKEN": "t"}, {}, "key t"),
        ("vertex_ai/m", PLACE | {"GOOGLE_OAUTH_ACCESS_TOKEN": "t"}, {"api_key": "k"}, "key k"),
        ("vertex_ai/m", PLACE, {}, "google"),
        (
            "vertex_ai/m",
            PLACE | {"GOOGLE_OAUTH_ACCESS_TOKEN": "t"},
            {"options": {"vertex_credentials": "/a/file"}},
            "google",
        ),
        ("vertex_ai/m", PLACE, {"api_base": "http://127.0.0.1:1"}, "nothing"),
        ("bedrock/m", PAIR, {}, "signed AKID"),
        ("bedrock/m", PAIR | {"AWS_BEARER_TOKEN_BEDROCK": "k"}, {}, "key k"),
        ("bedrock/m", PAIR, {"api_key": "k"}, "key k"),
        (
            "bedrock/m",
            PAIR | {"AWS_BEARER_TOKEN_BEDROCK": "k"},
            {"options": {"aws_profile_name": "dev"}},
            "aws",
        ),
        (
            "bedrock/m",
            PAIR | {"AWS_BEARER_TOKEN_BEDROCK": "k"},
            {"options": {"aws_access_key_id": "MINE", "aws_secret_access_key": "s"}},
            "signed MINE",
        ),
        ("bedrock/m", {"AWS_ACCESS_KEY_ID": "AKID"}, {}, "aws"),
        ("bedrock/m", {}, {"api_base": "http://127.0.0.1:1"}, "nothing"),
        ("bedrock/m", {}, {"api_base": "https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com"}, "aws"),
        ("watsonx/m", {"WATSONX_TOKEN": "t", "WATSONX_API_KEY": "k"}, {}, "key t"),
        ("watsonx/m", {"WATSONX_API_KEY": "k"}, {}, "watsonx"),
        ("watsonx/m", {"WX_API_KEY": "k"}, {}, "watsonx"),
        ("watsonx/m", {}, {"api_key": "k"}, "watsonx"),
        ("watsonx/m", {}, {"api_key": JWT}, f"key {JWT}"),
        ("watsonx/m", {}, {"api_key": "k", "api_base": "http://127.0.0.1:1"}, "key k"),
        ("watsonx/m", {"WATSONX_API_KEY": "k"}, {"api_base": "http://127.0.0.1:1"}, "nothing"),
        (
            "watsonx/m",
            {"WATSONX_API_KEY": "k", "WATSONX_IAM_URL": "http://127.0.0.1:2"},
            {"api_base": "http://127.0.0.1:1"},
            "watsonx",
        ),
        ("watsonx/m", {"WATSONX_ZENAPIKEY": "z"}, {"api_base": "https://cpd.example"}, "key z"),
        ("databricks/m", WORKSPACE | M2M, {}, "databricks"),
        ("databricks/m", WORKSPACE | M2M | {"DATABRICKS_TOKEN": "t"}, {}, "key t"),
        ("databricks/m", WORKSPACE | M2M, {"api_key": "t"}, "key t"),
        ("databricks/m", WORKSPACE | M2M, {"api_base": "https://dbc-1.cloud.databricks.com/x"}, "databricks"),
        (
            "databricks/m",
            WORKSPACE | M2M,
            {"api_base": "https://dbc-1.cloud.databricks.com.evil.example/x"},
            "nothing",
        ),
    ],
)
def test_what_goes_before_what(
    model: str, env: dict[str, str], target: dict[str, Any], expected: str
) -> None:
    assert kind(endpoint(model, env, **target)) == expected


def headers(model: str, env: dict[str, str], **target: Any) -> dict[str, str]:
    route = resolve(Target(model, **target), env)
    assert route.rebind is None
    return {name.lower(): value for name, value in route.codec.headers.items()}


def test_a_token_of_entra_is_a_bearer_and_a_key_is_not() -> None:
    assert headers("azure/d", AZURE | {"AZURE_API_KEY": "k"})["api-key"] == "k"
    for model in ("azure/d", "azure/responses/d"):
        sent = headers(model, AZURE | {"AZURE_AD_TOKEN": "t"})
        assert sent["authorization"] == "Bearer t"
        assert "api-key" not in sent


def test_a_key_of_an_installation_of_ones_own() -> None:
    sent = headers("watsonx/m", {"WATSONX_ZENAPIKEY": "z"}, api_base="https://cpd.example")
    assert sent["authorization"] == "ZenApiKey z"


@pytest.mark.parametrize(
    ("model", "env", "options", "error", "text"),
    [
        (
            "gpt-4o",
            {"OPENAI_API_KEY": "k"},
            {"azure_ad_token": "t"},
            UnsupportedParamsError,
            "another provider",
        ),
        ("azure/d", AZURE, {"aws_region_name": "r"}, UnsupportedParamsError, "aws_region_name"),
        ("azure/d", AZURE, {"azure_ad_token_provider": "t"}, BadRequestError, "function"),
        ("bedrock/m", {}, {"aws_access_key_id": "a"}, BadRequestError, "aws_secret_access_key is missing"),
        ("bedrock/m", {}, {"aws_secret_access_key": "a"}, BadRequestError, "aws_access_key_id is missing"),
        ("bedrock/m", PAIR, {"aws_session_name": "s"}, BadRequestError, "pass aws_role_name= too"),
        ("bedrock/m", PAIR, {"aws_web_identity_token": "t"}, BadRequestError, "pass aws_role_name= too"),
        ("watsonx/m", {}, {}, AuthenticationError, "WATSONX_API_KEY or .* or WATSONX_TOKEN"),
        (
            "watsonx/m",
            {"WATSONX_API_KEY": "k", "WATSONX_URL": "https://cpd"},
            {},
            AuthenticationError,
            "IAM_URL",
        ),
        ("databricks/m", WORKSPACE, {}, AuthenticationError, "or DATABRICKS_CLIENT_ID and"),
    ],
)
def test_what_is_refused(
    model: str, env: dict[str, str], options: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        endpoint(model, env, options=options)


def test_a_role_goes_before_the_credentials_it_is_taken_on_with() -> None:
    made = endpoint("bedrock/m", PAIR, options={"aws_role_name": "r", "aws_session_token": "secret"})
    assert made.credentials is None
    assert made.source is not None
    assert made.source.settings[:2] == (("role", "r"), ("session_token", "secret"))
    assert "secret" not in repr(made)


@pytest.mark.parametrize(
    ("env", "project"),
    [
        ({"WATSONX_PROJECT_ID": "p", "WATSONX_SPACE_ID": "s"}, "p"),
        ({"WX_PROJECT_ID": "p"}, "p"),
        ({"WATSONX_SPACE_ID": "s"}, "space/s"),
        ({"WATSONX_DEPLOYMENT_SPACE_ID": "s"}, "space/s"),
        ({}, None),
    ],
)
def test_who_is_charged_at_watsonx(env: dict[str, str], project: str | None) -> None:
    assert endpoint("watsonx/m", {"WATSONX_TOKEN": "t", **env}).project == project


def test_a_key_that_is_neither_text_nor_a_function() -> None:
    with pytest.raises(BadRequestError, match="api_key must be text or a function"):
        endpoint("gpt-4o", {}, api_key=7)


@pytest.mark.parametrize(
    ("model", "env", "options", "base"),
    [
        (
            "bedrock/m",
            PAIR,
            {"aws_region_name": "eu-west-1"},
            "https://bedrock-runtime.eu-west-1.amazonaws.com",
        ),
        ("bedrock/m", PAIR | {"AWS_REGION": "r"}, {}, "https://bedrock-runtime.r.amazonaws.com"),
        ("bedrock/m", {}, {"aws_profile_name": "d"}, "https://bedrock-runtime.{region}.amazonaws.com"),
        ("bedrock/m", {}, {"aws_bedrock_runtime_endpoint": "http://127.0.0.1:1"}, "http://127.0.0.1:1"),
        (
            "vertex_ai/m",
            {},
            {"vertex_project": "mine", "vertex_location": "us-east1"},
            "https://us-east1-aiplatform.googleapis.com/v1/projects/mine/locations/us-east1",
        ),
        (
            "vertex_ai/m",
            {"VERTEXAI_LOCATION": "global"},
            {},
            "https://aiplatform.googleapis.com/v1/projects/{project}/locations/global",
        ),
    ],
)
def test_where_options_lead(model: str, env: dict[str, str], options: dict[str, Any], base: str) -> None:
    assert endpoint(model, env, options=options).base_url == base


def test_a_region_of_ones_own_endpoint_is_signed_for() -> None:
    options = {"aws_bedrock_runtime_endpoint": "http://127.0.0.1:1", "aws_region_name": "eu-west-1"}
    assert endpoint("bedrock/m", PAIR, options=options).region == "eu-west-1"


def test_calls_that_agree_share_an_endpoint() -> None:
    def with_key(key: Any) -> Endpoint:
        return endpoint("gpt-4o", {}, api_key=key)

    assert with_key(provider) == with_key(provider)
    assert hash(with_key(provider)) == hash(with_key(provider))
    assert with_key(provider) != with_key(lambda: "a-token")
    static = endpoint("azure/d", AZURE, api_key="same")
    assert static != endpoint("azure/d", AZURE, options={"azure_ad_token": "same"})
    first = endpoint("databricks/m", WORKSPACE | M2M)
    assert first == endpoint("databricks/m", WORKSPACE | M2M)
    assert first != endpoint("databricks/m", WORKSPACE | M2M | {"DATABRICKS_CLIENT_SECRET": "other"})


def test_no_secret_shows() -> None:
    for found in (
        endpoint("databricks/m", WORKSPACE | M2M),
        endpoint("watsonx/m", {"WATSONX_API_KEY": "the-secret"}),
        endpoint("bedrock/m", PAIR),
        endpoint("vertex_ai/m", PLACE, options={"vertex_credentials": '{"private_key": "the-secret"}'}),
    ):
        assert "the-secret" not in repr(found)
        assert "the-secret" not in repr(found.source)
    assert "the-secret" not in repr(Credential(secret="the-secret", lifetime=1))
    assert "the-secret" not in repr(Target("m", credentials={"azure_ad_token": "the-secret"}))


def test_what_a_source_gives_takes_its_place() -> None:
    source = TokenSource(kind="google")
    found = Endpoint(provider="v", base_url="https://h/projects/{project}/x", source=source)
    given = found.with_credential(Credential(secret="t", fills=(("{project}", "p"),)))
    assert (given.api_key, given.base_url, given.source) == ("t", "https://h/projects/p/x", None)
    pair = AWSCredentials(access_key="a", secret_key="s")
    signed = found.with_credential(Credential(secret=pair))
    assert (signed.api_key, signed.credentials, signed.source) == (None, pair, None)
