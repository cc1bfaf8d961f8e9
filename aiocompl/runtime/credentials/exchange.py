"""Keys that are exchanged for tokens at an identity service, over our own transport.

Source: https://cloud.ibm.com/apidocs/iam-identity-token-api, get a token with an API key;
https://docs.databricks.com/dev-tools/auth/oauth-m2m (2026-11).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from base64 import b64encode
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, urlencode, urlsplit

from aiocompl._compat import override
from aiocompl.codecs.error_shapes import error_fields, parse_body, redact
from aiocompl.error_statuses import error_class
from aiocompl.errors import APIConnectionError, AuthenticationError
from aiocompl.runtime.transport import AiohttpTransport
from aiocompl.types.endpoint import Credential
from aiocompl.wire.messages import HTTPRequest, HTTPResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.runtime.transport import TransportSettings
    from aiocompl.types.endpoint import TokenSource

_OK = 200
_LIFETIME = 3600.0
"""Seconds that a token is good where its answer does not say."""


class _Exchange(ABC):
    """A form that is posted, and the token in the answer. No connection is kept: it is an hour to the next one."""

    secret: ClassVar[str]
    """The setting that no message may hold."""
    what: ClassVar[str]
    """What is exchanged, for people."""

    def __init__(self, source: TokenSource, provider: str, settings: TransportSettings) -> None:
        self._known = dict(source.settings)
        self._provider = provider
        self._settings = settings

    async def fetch(self) -> Credential:
        """Post the form; see `CredentialSource`."""
        request = self._request(self._known["url"])
        transport = AiohttpTransport(self._provider, self._settings)
        try:
            response = await transport.open(request)
            try:
                whole = HTTPResponse(response.status, response.headers, await response.read())
            finally:
                response.close()
        except APIConnectionError as error:
            error.message = f"fetching a token: {error.message}"
            error.args = (error.message,)
            raise
        finally:
            await transport.aclose()
        return self._credential(whole)

    async def aclose(self) -> None:  # noqa: B027 - there is nothing to do
        """Nothing is open between fetches."""

    @abstractmethod
    def _request(self, url: str) -> HTTPRequest:
        """The form that asks for a token."""
        ...

    def _credential(self, response: HTTPResponse) -> Credential:
        body = parse_body(response.body)
        if response.status == _OK and isinstance(body, dict):
            token, lifetime = body.get("access_token"), body.get("expires_in", _LIFETIME)
            if isinstance(token, str) and token and isinstance(lifetime, (int, float)):
                return Credential(secret=token, lifetime=float(lifetime))
        raise self._refusal(response, body)

    def _refusal(self, response: HTTPResponse, body: Any) -> Exception:
        """What to say to an answer without a token: it is the key's fault unless it is the service's."""
        host, status = urlsplit(self._known["url"]).hostname, response.status
        text = redact(_reason(body), self._known[self.secret])
        cls = error_class(status)
        if not cls.retryable:
            cls = AuthenticationError
        return cls(
            f"{host} gave no token for {self.what} (status {status}): {text}",
            provider=self._provider,
            status_code=status,
            headers=response.headers,
        )


class WatsonxSource(_Exchange):
    """An IBM Cloud API key, for an IAM token. See `CredentialSource`."""

    secret = "api_key"  # noqa: S105 - its name
    what = "the API key"

    @override
    def _request(self, url: str) -> HTTPRequest:
        return _form(
            url,
            {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": self._known["api_key"]},
            {},
        )


class DatabricksSource(_Exchange):
    """A service principal's id and secret, for a token of its workspace. See `CredentialSource`."""

    secret = "client_secret"  # noqa: S105 - its name
    what = "DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET"

    @override
    def _request(self, url: str) -> HTTPRequest:
        pair = ":".join(quote(self._known[name], safe="") for name in ("client_id", "client_secret"))
        basic = b64encode(pair.encode()).decode()
        form = {"grant_type": "client_credentials", "scope": "all-apis"}
        return _form(url, form, {"Authorization": f"Basic {basic}"})


def _form(url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> HTTPRequest:
    usual = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    return HTTPRequest(url, usual | dict(headers), urlencode(form).encode())


def _reason(body: Any) -> str:
    """The service's own words, under whichever name they stand."""
    if isinstance(body, dict):
        for name in ("errorMessage", "error_description"):
            if isinstance(text := body.get(name), str):
                return text
    fields = error_fields(body)
    return fields.message if fields is not None else "the answer says no more"
