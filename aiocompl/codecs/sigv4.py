"""AWS Signature Version 4: a request with its signature, as pure function of request, credentials and time.

The rules are those of every service but S3: the path is normalised and encoded once more than it is on the wire, the
body is always signed.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html (2026-11).
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, quote, urlsplit

from aiocompl.types.endpoint import headers_with
from aiocompl.wire.messages import HTTPRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.types.endpoint import AWSCredentials

ALGORITHM: Final = "AWS4-HMAC-SHA256"

UNSIGNED: Final = frozenset(
    {"authorization", "connection", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id"}
)
"""Headers that what lies between us and AWS may change."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def sign(
    request: HTTPRequest,
    credentials: AWSCredentials,
    *,
    region: str,
    service: str,
    now: datetime | float,
) -> HTTPRequest:
    """The request with the headers that prove who sends it; the one given stays as it is.

    A signature is good for some five minutes, so each attempt wants one of its own.

    Args:
        request: What is to be sent; its URL is taken to be encoded as it goes over the wire.
        credentials: Who sends it.
        region: The region that the host belongs to, such as ``us-east-1``.
        service: The service's signing name, such as ``bedrock``.
        now: The time: seconds since 1970, or a datetime with a time zone.
    """
    moment = now.astimezone(UTC) if isinstance(now, datetime) else datetime.fromtimestamp(now, UTC)
    stamp = moment.strftime("%Y%m%dT%H%M%SZ")
    added = {"X-Amz-Date": stamp}
    if credentials.session_token:
        added["X-Amz-Security-Token"] = credentials.session_token
    headers = headers_with(request.headers, added)
    url = urlsplit(request.url)
    signed = _signed_headers(headers, url)
    names = ";".join(signed)
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    canonical = _canonical_request(request, url, signed, names)
    text = f"{ALGORITHM}\n{stamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    signature = _hmac(_signing_key(credentials.secret_key, scope), text).hex()
    who = f"Credential={credentials.access_key}/{scope}"
    proof = {"Authorization": f"{ALGORITHM} {who}, SignedHeaders={names}, Signature={signature}"}
    return HTTPRequest(request.url, headers_with(headers, proof), request.body, request.method)


def _signed_headers(headers: Mapping[str, str], url: SplitResult) -> dict[str, str]:
    """Names in lower case and in order, values with single spaces; the host stands among them."""
    signed = {"host": _host(url)}
    signed |= {
        name.lower(): " ".join(value.split())
        for name, value in headers.items()
        if name.lower() not in UNSIGNED
    }
    return dict(sorted(signed.items()))


def _canonical_request(request: HTTPRequest, url: SplitResult, signed: Mapping[str, str], names: str) -> str:
    lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
    payload = sha256(request.body).hexdigest()
    return f"{request.method}\n{_path(url.path)}\n{_query(url.query)}\n{lines}\n{names}\n{payload}"


def _host(url: SplitResult) -> str:
    """The host as the transport writes it: in lower case, with a port only where it is not the scheme's own."""
    host = url.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    return host if url.port in (None, _DEFAULT_PORTS.get(url.scheme)) else f"{host}:{url.port}"


def _path(path: str) -> str:
    """The path without dots and empty segments, encoded once more: ``%3A`` becomes ``%253A``."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in {"", "."}:
            segments.append(segment)
    slash = "/" if segments and path.endswith("/") else ""
    return quote(f"/{'/'.join(segments)}{slash}", safe="/~")


def _query(query: str) -> str:
    """The parameters in order of name and value, each with its equals sign; encoded as they are on the wire."""
    pairs = sorted(
        (name, value) for name, _, value in (part.partition("=") for part in query.split("&") if part)
    )
    return "&".join(f"{name}={value}" for name, value in pairs)


def _signing_key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
