"""moto's server takes our signatures for AWS's own: it computes each anew, with botocore, from what it has received.

moto has no Converse. It looks at the signature first, though, and then at what the caller may do; so an answer that this
user may not is proof enough. Its refusals are XML, where Bedrock's are JSON: their class is that of the status.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp
import attrs
import orjson
import pytest
from peer_process import running
from yarl import URL

from aiocompl import PermissionDeniedError, Supervisor
from aiocompl.codecs.sigv4 import sign
from aiocompl.runtime.transport import AiohttpTransport
from aiocompl.types.endpoint import AWSCredentials
from aiocompl.wire.messages import HTTPRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytest.importorskip("moto.server", reason="moto's server is not installed (extra `peers`)")
boto3 = pytest.importorskip("boto3", reason="boto3 is not installed (extra `peers`)")

pytestmark = pytest.mark.real_time

REGION = "eu-central-1"
MODELS = [
    "plain",
    "anthropic.claude-3-haiku-20240307-v1:0",
    "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.claude",
    "an odd/name+with=all&sorts?of#signs~%41",
    "größer",
]
MAY_INVOKE = {"Effect": "Allow", "Action": ["bedrock:InvokeModel", "sts:AssumeRole"], "Resource": "*"}


@attrs.frozen
class Cloud:
    """moto, with who there is in it."""

    url: str
    user: AWSCredentials
    role: AWSCredentials

    async def send(
        self,
        credentials: AWSCredentials,
        path: str,
        *,
        body: bytes = b"{}",
        service: str = "bedrock",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Sign a request, send it by our own transport; the answer's status and body."""
        usual = {"Content-Type": "application/json", "User-Agent": "aiocompl", "Accept": "application/json"}
        request = HTTPRequest(self.url + path, usual | dict(headers or {}), body)
        signed = sign(request, credentials, region=REGION, service=service, now=datetime.now(UTC))
        transport = AiohttpTransport("bedrock")
        try:
            response = await transport.open(signed)
            return response.status, await response.read()
        finally:
            await transport.aclose()


def who_there_is(url: str) -> Cloud:
    """Make a user and a role, while moto asks nobody who he is."""
    clients = {"endpoint_url": url, "region_name": REGION}
    made_up = {"aws_access_key_id": "AKIAMADEUP", "aws_secret_access_key": "made-up"}
    iam = boto3.client("iam", **clients, **made_up)
    policy = orjson.dumps({"Version": "2012-10-17", "Statement": [MAY_INVOKE]}).decode()
    user = iam.create_user(UserName="caller")["User"]
    iam.put_user_policy(UserName="caller", PolicyName="may", PolicyDocument=policy)
    key = iam.create_access_key(UserName="caller")["AccessKey"]
    trust = {"Effect": "Allow", "Principal": {"AWS": user["Arn"]}, "Action": "sts:AssumeRole"}
    trusting = orjson.dumps({"Version": "2012-10-17", "Statement": [trust]}).decode()
    role = iam.create_role(RoleName="helper", AssumeRolePolicyDocument=trusting)["Role"]
    iam.put_role_policy(RoleName="helper", PolicyName="may", PolicyDocument=policy)
    sts = boto3.client("sts", **clients, **made_up)
    lent = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session")["Credentials"]
    iam.close()
    sts.close()
    return Cloud(
        url,
        AWSCredentials(access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"]),
        AWSCredentials(
            access_key=lent["AccessKeyId"],
            secret_key=lent["SecretAccessKey"],
            session_token=lent["SessionToken"],
        ),
    )


CALLS_BEFORE = 6  # of `who_there_is`; from the next one on moto asks


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env = {**kept, "INITIAL_NO_AUTH_ACTION_COUNT": str(CALLS_BEFORE)}
    with running([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"], env) as url:
        yield who_there_is(url)


@pytest.mark.parametrize("model", MODELS)
async def test_a_right_signature_is_accepted(cloud: Cloud, model: str) -> None:
    path = f"/model/{quote(model, safe='')}/invoke"
    for credentials in (cloud.user, cloud.role):
        assert await cloud.send(credentials, path, body='{"prompt": "grüß dich"}'.encode()) == (200, b"{}")


async def test_headers_and_queries_are_signed_as_they_are_sent(cloud: Cloud) -> None:
    status, body = await cloud.send(
        cloud.user,
        "/model/m/invoke?b=2&a=1&a=%20x",
        headers={"X-Amzn-Bedrock-Trace": "  EN  ABLED ", "X-Empty": ""},
    )
    assert (status, body) == (200, b"{}")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"secret_key": "another"}, "SignatureDoesNotMatch"),
        ({"access_key": "AKIAANOTHER"}, "InvalidClientTokenId"),
        ({"session_token": "another"}, "InvalidClientTokenId"),
    ],
)
async def test_a_wrong_one_is_refused(cloud: Cloud, changes: dict[str, str], words: str) -> None:
    for credentials in (cloud.user, cloud.role):
        status, body = await cloud.send(attrs.evolve(credentials, **changes), "/model/m/invoke")
        assert status == 403
        assert words in body.decode()


async def test_what_is_changed_on_the_way_is_refused(cloud: Cloud) -> None:
    request = HTTPRequest(f"{cloud.url}/model/m%3A0/invoke", {"Accept": "application/json"}, b'{"a": 1}')
    signed = sign(request, cloud.user, region=REGION, service="bedrock", now=datetime.now(UTC))
    changed: list[dict[str, Any]] = [
        {"data": b'{"a": 2}'},
        {"headers": {"Accept": "application/json; charset=utf-8"}},
        {"path": "/model/m%3A1/invoke"},
        {"path": "/model/m%3A0/invoke?a=1"},
        {},
    ]
    statuses = []
    async with aiohttp.ClientSession() as session:
        for change in changed:
            headers = {**signed.headers, **change.get("headers", {})}
            url = URL(cloud.url + change.get("path", "/model/m%3A0/invoke"), encoded=True)
            async with session.post(url, data=change.get("data", signed.body), headers=headers) as response:
                statuses.append(response.status)
    assert statuses == [403, 403, 403, 403, 200]


async def test_another_service(cloud: Cloud) -> None:
    form = b"Action=GetCallerIdentity&Version=2011-06-15"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    status, body = await cloud.send(cloud.role, "/", body=form, service="sts", headers=kind)
    assert status == 200
    assert b"assumed-role/helper/session" in body


@pytest.mark.parametrize("stream", [False, True])
async def test_a_whole_call(cloud: Cloud, stream: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(credentials: AWSCredentials, words: str) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", credentials.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", credentials.secret_key)
        if credentials.session_token:
            monkeypatch.setenv("AWS_SESSION_TOKEN", credentials.session_token)
        async with Supervisor(num_retries=0) as supervisor:
            with pytest.raises(PermissionDeniedError) as caught:
                await supervisor.acompletion(
                    "bedrock/anthropic.claude-3-haiku-20240307-v1:0",
                    [{"role": "user", "content": "Hello!"}],
                    stream=stream,
                )
        # Bedrock answers in JSON and moto in XML, which no message is taken from.
        assert words in f"{caught.value.message} {caught.value.body}"

    for name in ("AWS_BEARER_TOKEN_BEDROCK", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", cloud.url)
    monkeypatch.setenv("AWS_REGION", REGION)
    call = "bedrock:Converse" + "Stream" * stream
    wrong = attrs.evolve(cloud.user, secret_key="another")
    await fails(wrong, "SignatureDoesNotMatch")
    await fails(cloud.user, f"user/caller is not authorized to perform: {call}")
    await fails(cloud.role, f"helper/session is not authorized to perform: {call}")
