"""An endpoint: a vendor's configured base URL and credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping


@attrs.frozen(kw_only=True)
class AWSCredentials:
    """The right to sign requests to AWS. Takes part in equality and hashing; no secret shows in `repr`."""

    access_key: str
    secret_key: str = attrs.field(repr=False)
    session_token: str | None = attrs.field(default=None, repr=False)
    """Goes with temporary credentials."""


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
    organization: str | None = None
    project: str | None = None
    api_version: str | None = None

    region: str | None = None
    """AWS: the region that requests are signed for, where `base_url` does not tell."""

    credentials: AWSCredentials | None = attrs.field(default=None, repr=False)
    """AWS: what requests are signed with, where there is no `api_key`."""

    local_model: str | None = None
    """For a model on this machine: which one, a name or a path."""

    extra_headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    """Sent with every request; settings of the endpoint, not of a call."""


def headers_with(headers: Mapping[str, str], more: Mapping[str, str] | None) -> Mapping[str, str]:
    """`headers` themselves where there is nothing to add, else a new mapping with `more` over them."""
    if not more:
        return headers
    lower = {name.lower() for name in more}
    return {name: value for name, value in headers.items() if name.lower() not in lower} | dict(more)
