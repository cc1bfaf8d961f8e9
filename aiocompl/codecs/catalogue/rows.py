"""All rows in one tuple, the best-known vendors first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from aiocompl.codecs.catalogue import (
    china,
    clouds,
    embedders,
    gateways,
    hosts,
    labs,
    local_servers,
    major_hosts,
    majors,
    small_hosts,
)

if TYPE_CHECKING:
    from aiocompl.codecs.vendor import Vendor


def _as_known(vendor: Vendor) -> Vendor:
    """The row with what holds for nearly all: only OpenAI's own answers are to the letter of OpenAI's format.

    Hosts of open models pass on what a model writes, thoughts in tags included; where a vendor has never been seen to,
    looking for the tag changes nothing.
    """
    if vendor.name == "openai":
        return vendor
    return attrs.evolve(vendor, loosely=True, think_tag=vendor.think_tag or "think")


_ROWS: Final[tuple[Vendor, ...]] = (
    *majors.VENDORS,
    *major_hosts.VENDORS,
    *labs.VENDORS,
    *embedders.VENDORS,
    *china.VENDORS,
    *clouds.VENDORS,
    *gateways.VENDORS,
    *hosts.VENDORS,
    *local_servers.VENDORS,
    *small_hosts.VENDORS,
)

VENDORS: Final = tuple(_as_known(row) for row in _ROWS)
