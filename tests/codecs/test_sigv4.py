"""Signatures against AWS's published test suite, against botocore, and against a vector of Bedrock's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from aiocompl.codecs.sigv4 import sign
from aiocompl.types.endpoint import AWSCredentials
from aiocompl.wire.messages import HTTPRequest

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
CREDENTIALS = AWSCredentials(access_key="AKIDEXAMPLE", secret_key=SECRET)
TEMPORARY = AWSCredentials(access_key="AKIDEXAMPLE", secret_key=SECRET, session_token="TOKEN")
SUITE_TIME = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
HOST = "https://example.amazonaws.com"

BEDROCK = HTTPRequest(
    "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse",
    {"Content-Type": "application/json", "User-Agent": "x"},
    b'{"messages":[{"role":"user","content":[{"text":"hi"}]}]}',
)
BEDROCK_TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

VANILLA = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

SUITE = [
    ("get-vanilla", "GET", "/", {}, b"", VANILLA),
    ("get-vanilla-no-slash", "GET", "", {}, b"", VANILLA),
    ("get-vanilla-empty-query", "GET", "/?", {}, b"", VANILLA),
    (
        "get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1", {}, b"",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    (
        "get-vanilla-query-unreserved", "GET",
        "/?{0}={0}".format("-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"), {}, b"",
        "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
    ),
    (
        "get-utf8", "GET", "/\u1234", {}, b"",
        "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
    ),
    (
        "get-space", "GET", "/example space/", {}, b"",
        "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
    ),
    ("get-relative", "GET", "/example/..", {}, b"", VANILLA),
    ("get-relative-relative", "GET", "/example1/example2/../..", {}, b"", VANILLA),
    ("get-slash", "GET", "//", {}, b"", VANILLA),
    ("get-slash-dot-slash", "GET", "/./", {}, b"", VANILLA),
    (
        "get-slash-pointless-dot", "GET", "/./example", {}, b"",
        "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
    ),
    (
        "get-header-value-trim", "GET", "/", {"My-Header1": " value1", "My-Header2": ' "a   b   c"'}, b"",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ),
    (
        "post-vanilla", "POST", "/", {}, b"",
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ),
    (
        "post-header-key-sort", "POST", "/", {"My-Header1": "value1"}, b"",
        "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    ),
    (
        "post-x-www-form-urlencoded", "POST", "/", FORM, b"Param1=value1",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
]  # fmt: skip


def signature(request: HTTPRequest) -> str:
    return request.headers["Authorization"].rpartition("Signature=")[2]


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "expected"), [pytest.param(*case[1:], id=case[0]) for case in SUITE]
)
def test_signatures_are_those_of_the_published_suite(
    method: str, path: str, headers: dict[str, str], body: bytes, expected: str
) -> None:
    request = HTTPRequest(f"{HOST}{path}", headers, body, method)
    signed = sign(request, CREDENTIALS, region="us-east-1", service="service", now=SUITE_TIME)
    assert signature(signed) == expected


def test_the_whole_header_is_that_of_the_documentation() -> None:
    request = HTTPRequest(
        "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
        {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
        method="GET",
    )
    signed = sign(request, CREDENTIALS, region="us-east-1", service="iam", now=SUITE_TIME)
    assert signed.headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    )


@pytest.mark.parametrize(
    ("credentials", "expected"),
    [
        (CREDENTIALS, "1d46b853950ada1236d7f19ff7fa4766dda53e3e07916e6dea4affdb3c67879a"),
        (TEMPORARY, "f470609ec842e64f9053d63b7db73b241bbbda751136d6adcc79f05c40a18641"),
    ],
)
def test_an_encoded_path_is_encoded_once_more(credentials: AWSCredentials, expected: str) -> None:
    signed = sign(BEDROCK, credentials, region="us-east-1", service="bedrock", now=BEDROCK_TIME)
    assert signature(signed) == expected


def test_the_request_given_stays_as_it_is_and_signing_again_replaces_the_signature() -> None:
    before = dict(BEDROCK.headers)
    first = sign(BEDROCK, TEMPORARY, region="us-east-1", service="bedrock", now=BEDROCK_TIME)
    again = sign(first, TEMPORARY, region="us-east-1", service="bedrock", now=BEDROCK_TIME)
    assert BEDROCK.headers == before
    assert again == first
    assert (first.url, first.body, first.method) == (BEDROCK.url, BEDROCK.body, BEDROCK.method)


@pytest.mark.parametrize(
    "now", [BEDROCK_TIME.timestamp(), BEDROCK_TIME.astimezone(timezone(timedelta(hours=5, minutes=30)))]
)
def test_the_time_may_be_seconds_or_a_datetime_of_any_zone(now: datetime | float) -> None:
    expected = sign(BEDROCK, CREDENTIALS, region="us-east-1", service="bedrock", now=BEDROCK_TIME)
    assert sign(BEDROCK, CREDENTIALS, region="us-east-1", service="bedrock", now=now) == expected


def test_no_secret_shows_in_the_repr() -> None:
    assert SECRET not in repr(TEMPORARY)
    assert "TOKEN" not in repr(TEMPORARY)


@pytest.mark.parametrize("credentials", [CREDENTIALS, TEMPORARY])
@pytest.mark.parametrize(
    "request_",
    [
        BEDROCK,
        HTTPRequest(
            "http://127.0.0.1:8080/model/arn%3Aaws%3Abedrock%2Fx/converse-stream",
            {"X-B": "1", "x-a": " 2  3"},
        ),
        HTTPRequest("http://[::1]:8080/a/./b//c/", {}, b"\x00\xff"),
        HTTPRequest("https://Example.com:443/", {}, method="GET"),
        HTTPRequest("https://example.com/p?b=2&a=%20x&a=%2F&flag&=", {"Accept": "*/*"}, method="GET"),
    ],
    ids=["bedrock", "arn", "ipv6", "default-port", "query"],
)
def test_signatures_are_those_of_botocore(
    request_: HTTPRequest, credentials: AWSCredentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth = pytest.importorskip("botocore.auth", reason="botocore is not installed: nothing to compare with")
    awsrequest, botocore = (
        pytest.importorskip("botocore.awsrequest"),
        pytest.importorskip("botocore.credentials"),
    )
    monkeypatch.setattr(auth, "get_current_datetime", lambda: BEDROCK_TIME.replace(tzinfo=None))
    theirs = awsrequest.AWSRequest(
        request_.method, request_.url, headers=dict(request_.headers), data=request_.body
    )
    theirs.context["payload_signing_enabled"] = True
    keys = botocore.Credentials(credentials.access_key, credentials.secret_key, credentials.session_token)
    auth.SigV4Auth(keys, "bedrock", "eu-west-1").add_auth(theirs)
    ours = sign(request_, credentials, region="eu-west-1", service="bedrock", now=BEDROCK_TIME)
    assert ours.headers["Authorization"] == theirs.headers["Authorization"]
    assert ours.headers["X-Amz-Date"] == theirs.headers["X-Amz-Date"]
