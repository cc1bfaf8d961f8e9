"""All rows in one tuple, the best-known vendors first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiocompl.codecs.catalogue import (
    china,
    clouds,
    gateways,
    hosts,
    labs,
    local_servers,
    majors,
    small_hosts,
)

if TYPE_CHECKING:
    from aiocompl.codecs.vendor import Vendor

VENDORS: Final[tuple[Vendor, ...]] = (
    *majors.VENDORS,
    *labs.VENDORS,
    *china.VENDORS,
    *clouds.VENDORS,
    *gateways.VENDORS,
    *hosts.VENDORS,
    *local_servers.VENDORS,
    *small_hosts.VENDORS,
)
