"""An endpoint: a vendor's configured base URL and credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    KeyProvider = Callable[[], "str | Awaitable[str]"]
    """A caller's function that gives a key or token; asked for each attempt."""


@attrs.frozen(kw_only=True)
class AWSCredentials:
    """The right to sign requests to AWS. Takes part in equality and hashing; no secret shows in `repr`."""

    access_key: str
    secret_key: str = attrs.field(repr=False)
    session_token: str | None = attrs.field(default=None, repr=False)
    """Goes with temporary credentials."""


@attrs.frozen(kw_only=True)
class TokenSource:
    """Where an endpoint's credential is fetched from, by whoever does I/O. Takes part in equality and hashing."""

    kind: Literal["callable", "azure", "google", "aws", "watsonx", "databricks"]
    """Which way of fetching; see `aiocompl.runtime.credentials`."""

    settings: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    """What that way must know, secrets included."""

    provider: KeyProvider | None = attrs.field(default=None, repr=False)
    """The caller's own function, for the kind ``"callable"``."""

    otherwise: str = attrs.field(default="", eq=False, repr=False)
    """What the caller can do where nothing is found."""


@attrs.frozen(kw_only=True)
class Credential:
    """What a source has given."""

    secret: str | AWSCredentials = attrs.field(repr=False)

    lifetime: float | None = None
    """Seconds for which it is good; 0 for this once, None for as long as it is accepted."""

    fills: tuple[tuple[str, str], ...] = ()
    """What came to light with it and has a place in the base URL: placeholders and what they stand for."""


@attrs.frozen(kw_only=True, cache_hash=True)
class Endpoint:
    """Where requests go and with what right. Two calls that agree in all of it share one actor.

    The key takes part in equality and hashing, and never shows in `repr`.
    """

    provider: str
    """The vendor's name in the catalogue, such as ``"openai"``; ``"custom"`` for a bare `api_base`."""

    base_url: str
    """Without a slash at the end, without user or password."""

    api_key: str | None = attrs.field(default=None, repr=False)

    bearer: bool = False
    """The key is an access token, and goes as one whatever the vendor does with keys."""

    organization: str | None = None
    project: str | None = None
    api_version: str | None = None

    region: str | None = None
    """AWS: the region that requests are signed for, where `base_url` does not tell."""

    credentials: AWSCredentials | None = attrs.field(default=None, repr=False)
    """AWS: what requests are signed with, where there is no `api_key`."""

    source: TokenSource | None = None
    """Where the key or the credentials are fetched from, instead of standing here."""

    local_model: str | None = None
    """For a model on this machine: which one, a name or a path."""

    extra_headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    """Sent with every request; settings of the endpoint, not of a call."""

    def with_credential(self, credential: Credential) -> Endpoint:
        """The endpoint with what its source has given."""
        base = self.base_url
        for placeholder, value in credential.fills:
            base = base.replace(placeholder, value)
        secret = credential.secret
        if isinstance(secret, AWSCredentials):
            return attrs.evolve(self, base_url=base, source=None, credentials=secret)
        return attrs.evolve(self, base_url=base, source=None, api_key=secret)


def headers_with(headers: Mapping[str, str], more: Mapping[str, str] | None) -> Mapping[str, str]:
    """`headers` themselves where there is nothing to add, else a new mapping with `more` over them."""
    if not more:
        return headers
    lower = {name.lower() for name in more}
    return {name: value for name, value in headers.items() if name.lower() not in lower} | dict(more)
