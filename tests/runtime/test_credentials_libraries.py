"""The clouds' own libraries, the real ones: pointed at a server on loopback, absent, and finding nothing."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from aiohttp import web
from cloud_server import Cloud
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from runtime_kit import MESSAGES, ScriptedSupervisor

from aiocompl import Supervisor
from aiocompl.errors import (
    APIConnectionError,
    AuthenticationError,
    BadRequestError,
    MissingExtraError,
)
from aiocompl.runtime.credentials.aws import AWSSource
from aiocompl.runtime.credentials.azure import AzureSource
from aiocompl.runtime.credentials.google import GoogleSource
from aiocompl.runtime.transport import TransportSettings
from aiocompl.testing import ScriptedTransport, Simulator
from aiocompl.types.endpoint import AWSCredentials, TokenSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiocompl.runtime.credentials.keeper import CredentialSource
    from aiocompl.types.endpoint import Credential

pytestmark = [pytest.mark.usefixtures("no_tasks_left", "no_blocking", "_nothing_set")]

ENVIRONMENT = ("AWS_", "AZURE_", "GOOGLE_", "IDENTITY_", "MSI_", "VERTEXAI_", "CLOUDSDK_")


@pytest.fixture
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credential of this machine takes part."""
    for name in list(os.environ):
        if name.startswith(ENVIRONMENT):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    async with Cloud() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def private_key() -> str:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files that the tests name; written before the loop runs, for it is watched for what blocks."""
    given = {"Version": 1, "AccessKeyId": "AKPROC", "SecretAccessKey": "s"}
    (tmp_path / "given.json").write_bytes(orjson.dumps(given))
    (tmp_path / "credentials").write_text("[dev]\naws_access_key_id = AKDEV\naws_secret_access_key = s\n")
    tool = f"[profile tool]\ncredential_process = cat {tmp_path}/given.json\n"
    role = "[profile role]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = dev\nregion = us-east-1\n"
    (tmp_path / "config").write_text(f"[profile dev]\nregion = cn-north-1\n{tool}{role}")
    return tmp_path


async def fetched(source: CredentialSource) -> Credential:
    try:
        return await source.fetch()
    finally:
        await source.aclose()


def source(kind: type[Any], **settings: str) -> CredentialSource:
    """A source of a kind, as the pure part would name it."""
    named = TokenSource(kind="aws", settings=tuple(settings.items()), otherwise="set SOME_KEY")
    made: CredentialSource = kind(named, "someone", TransportSettings())
    return made


# ---------------------------------------------------------------- Google


def account(cloud: Cloud, private_key: str) -> dict[str, str]:
    return {
        "type": "service_account",
        "project_id": "the-project",
        "private_key_id": "1",
        "private_key": private_key,
        "client_email": "robot@the-project.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": f"{cloud.url}/google/token",
    }


@pytest.mark.parametrize("form", ["mapping", "text", "path", "environment"])
async def test_a_service_account_of_google(
    cloud: Cloud, private_key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    info = account(cloud, private_key)
    path = tmp_path / "account.json"
    await asyncio.to_thread(path.write_bytes, orjson.dumps(info))
    options: dict[str, Any] = {"vertex_location": "us-central1"}
    if form == "environment":
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    else:
        forms = {"mapping": info, "text": orjson.dumps(info).decode(), "path": str(path)}
        options["vertex_credentials"] = forms[form]
    transport = ScriptedTransport.simulating(dialect="vertex")
    async with ScriptedSupervisor(lambda _: transport) as supervisor:
        for _ in range(2):
            await supervisor.acompletion("vertex_ai/gemini-2.5-flash", MESSAGES, **options)
    assert len(cloud.forms) == 1
    assert cloud.forms[0]["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    for record in transport.records:
        assert record.request.headers["Authorization"] == "Bearer token-1"
        assert "/projects/the-project/locations/us-central1/" in record.request.url


async def test_what_google_may_refuse(cloud: Cloud, private_key: str) -> None:
    info = account(cloud, private_key)
    cloud.refusal = web.json_response({"error": "invalid_grant", "error_description": "No."}, status=400)
    with pytest.raises(
        AuthenticationError, match=r"google-auth found no credential: .*invalid_grant.*; else set"
    ):
        await fetched(source(GoogleSource, credentials=orjson.dumps(info).decode()))
    info["token_uri"] = "http://127.0.0.1:9/token"
    with pytest.raises(APIConnectionError, match="google-auth got no credential"):
        await fetched(source(GoogleSource, credentials=orjson.dumps(info).decode()))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("{not json SECRET", "neither the path of a JSON file nor JSON"),
        ("{}", "neither the path of a JSON file nor JSON"),
        ("/no/such/file", "the file of vertex_credentials cannot be read"),
        (
            '{"type":"service_account","private_key":"SECRET"}',
            "a field of the credentials is missing or wrong",
        ),
        ('{"type":"external_account","credential_source":{"executable":{}}}', "missing or wrong"),
        ('{"type":"external_account","credential_source":{"environment_id":"aws1"}}', "of aws"),
        ('{"type":"strange"}', "type 'strange' are not taken; those of service_account"),
    ],
)
async def test_what_are_no_credentials_of_google(given: str, text: str) -> None:
    with pytest.raises(AuthenticationError, match=text) as caught:
        await fetched(source(GoogleSource, credentials=given))
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None or "SECRET" not in str(caught.value.__cause__)


async def test_credentials_of_google_without_a_project(cloud: Cloud, private_key: str) -> None:
    info = account(cloud, private_key)
    del info["project_id"]
    text = orjson.dumps(info).decode()
    given = await fetched(source(GoogleSource, credentials=text))
    assert (given.secret, given.fills) == ("token-1", ())
    assert given.lifetime is not None
    assert 3500 < given.lifetime <= 3600
    with pytest.raises(BadRequestError, match="set GOOGLE_CLOUD_PROJECT, or pass vertex_project="):
        await fetched(source(GoogleSource, credentials=text, wants_project="yes"))


# ---------------------------------------------------------------- AWS


async def test_a_profile_of_aws(simulator: Simulator, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    async with Supervisor() as supervisor:
        await supervisor.acompletion(
            "bedrock/m",
            MESSAGES,
            aws_bedrock_runtime_endpoint=simulator.url,
            aws_region_name="eu-west-1",
            aws_profile_name="dev",
        )
    authorization = simulator.requests[-1].headers["authorization"]
    assert "Credential=AKDEV/" in authorization
    assert "/eu-west-1/bedrock/aws4_request" in authorization
    given = await fetched(source(AWSSource, profile="dev"))
    assert given.fills == (("{region}.amazonaws.com", "cn-north-1.amazonaws.com.cn"),)


async def test_a_role_of_a_container(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{cloud.url}/aws")
    transport = ScriptedTransport.simulating(dialect="bedrock")
    async with ScriptedSupervisor(lambda _: transport) as supervisor:
        for _ in range(2):
            await supervisor.acompletion("bedrock/m", MESSAGES)
    assert len(cloud.metadata) == 1
    for record in transport.records:
        assert record.request.url.startswith("https://bedrock-runtime.us-east-1.amazonaws.com/model/m/")
        assert "Credential=AKID/" in record.request.headers["Authorization"]
        assert record.request.headers["X-Amz-Security-Token"] == "session"


async def test_a_process_that_gives_credentials(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    found = await fetched(source(AWSSource, profile="tool"))
    assert found.secret == AWSCredentials(access_key="AKPROC", secret_key="s")
    assert found.fills == (("{region}.amazonaws.com", "us-east-1.amazonaws.com"),)


async def test_aws_has_nothing() -> None:
    with pytest.raises(
        AuthenticationError, match="neither profile nor role nor instance has any; else set SOME"
    ):
        await fetched(source(AWSSource))
    with pytest.raises(AuthenticationError, match=r"profile .none. could not be found"):
        await fetched(source(AWSSource, profile="none"))


@pytest.mark.parametrize("given", ["pair", "found", "web identity"])
async def test_a_role_that_the_call_names(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"{cloud.url}/sts")
    options: dict[str, Any] = {"aws_role_name": "arn:aws:iam::000000000000:role/reader"}
    if given == "pair":
        options |= {"aws_access_key_id": "AKMINE", "aws_secret_access_key": "s", "aws_session_name": "mine"}
    elif given == "found":
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKENV")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    else:
        options["aws_web_identity_token"] = "oidc-token"
    transport = ScriptedTransport.simulating(dialect="bedrock")
    async with ScriptedSupervisor(lambda _: transport) as supervisor:
        for _ in range(2):
            await supervisor.acompletion("bedrock/m", MESSAGES, aws_region_name="eu-west-1", **options)
    (form,) = cloud.forms
    (signed,) = cloud.basics
    assert form["RoleArn"] == options["aws_role_name"]
    assert form["RoleSessionName"] == ("mine" if given == "pair" else "aiocompl")
    if given == "web identity":
        assert (form["Action"], form["WebIdentityToken"]) == ("AssumeRoleWithWebIdentity", "oidc-token")
        assert signed is None
    else:
        assert signed is not None
        assert f"Credential={'AKMINE' if given == 'pair' else 'AKENV'}/" in signed
    for record in transport.records:
        assert record.request.url.startswith("https://bedrock-runtime.eu-west-1.amazonaws.com/")
        assert "Credential=AKROLE/" in record.request.headers["Authorization"]
        assert record.request.headers["X-Amz-Security-Token"] == "of-the-role"


async def test_a_role_that_is_not_given(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"{cloud.url}/sts")
    error = "<Error><Code>AccessDenied</Code><Message>no such role</Message></Error>"
    cloud.refusal = web.Response(text=f"<ErrorResponse>{error}</ErrorResponse>", status=403)
    settings = {"role": "arn:aws:iam::000000000000:role/r", "access_key": "AK", "secret_key": "the-secret"}
    with pytest.raises(AuthenticationError, match=r"botocore found no credential: .*AccessDenied") as caught:
        await fetched(source(AWSSource, **settings))
    assert "the-secret" not in str(caught.value)


async def test_a_service_of_aws_that_is_not_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(APIConnectionError, match="botocore got no credential: Could not connect"):
        await fetched(source(AWSSource, profile="role"))


# ---------------------------------------------------------------- Azure


async def test_a_managed_identity_of_azure(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{cloud.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "header")
    transport = ScriptedTransport.simulating(dialect="azure")
    async with ScriptedSupervisor(lambda _: transport) as supervisor:
        for _ in range(2):
            await supervisor.acompletion("azure/d", MESSAGES, api_base="https://r.openai.azure.com")
    ((path, query, _),) = cloud.metadata
    assert (path, query["resource"]) == ("/msi/token", "https://cognitiveservices.azure.com")
    for record in transport.records:
        assert record.request.headers["Authorization"] == "Bearer entra"
        assert "api-key" not in record.request.headers


async def test_azure_has_nothing(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{cloud.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "header")
    cloud.refusal = web.json_response({"message": "no identity"}, status=400)
    with pytest.raises(
        AuthenticationError, match=r"azure-identity found no credential: .*; else set SOME_KEY"
    ):
        await fetched(source(AzureSource, scope="https://cognitiveservices.azure.com/.default"))


# ---------------------------------------------------------------- without the libraries


@pytest.mark.parametrize(
    ("module", "kind", "extra"),
    [
        ("google.auth", GoogleSource, "google"),
        ("botocore", AWSSource, "bedrock"),
        ("azure.identity", AzureSource, "azure"),
    ],
)
async def test_a_library_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, module: str, kind: type[Any], extra: str
) -> None:
    for name in list(sys.modules):
        if name == module or name.startswith(f"{module}."):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(AuthenticationError, match=rf"set SOME_KEY; .*pip install 'aiocompl\[{extra}\]'"):
        await fetched(source(kind))
    with pytest.raises(MissingExtraError, match=rf"SOME_OPTION needs .*: pip install 'aiocompl\[{extra}\]'"):
        await fetched(source(kind, asked="SOME_OPTION"))


async def test_the_error_where_nothing_is_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore", None)
    for name in list(sys.modules):
        if name.startswith("botocore."):
            monkeypatch.delitem(sys.modules, name)
    async with Supervisor() as supervisor:
        with pytest.raises(
            AuthenticationError, match=r"AWS_BEARER_TOKEN_BEDROCK .or AWS_ACCESS_KEY_ID"
        ) as caught:
            await supervisor.acompletion("bedrock/m", MESSAGES)
    assert "aiocompl[bedrock]" in str(caught.value)
    assert caught.value.model == "m"
