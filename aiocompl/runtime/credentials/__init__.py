"""Credentials that are fetched and expire: where from, and who keeps them. Loads with the first endpoint that has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiocompl.runtime.credentials.keeper import CredentialKeeper
from aiocompl.runtime.credentials.sources import source_of

if TYPE_CHECKING:
    from aiocompl.runtime.transport import TransportSettings
    from aiocompl.types.endpoint import Endpoint, TokenSource

__all__ = ["CredentialKeeper", "keeper_for"]


def keeper_for(endpoint: Endpoint, source: TokenSource, settings: TransportSettings) -> CredentialKeeper:
    """What fetches and keeps an endpoint's credential.

    Args:
        endpoint: Whose credential it is.
        source: Where it comes from.
        settings: How connections are made, where fetching it takes one.
    """
    return CredentialKeeper(endpoint, source_of(source, endpoint.provider, settings))
