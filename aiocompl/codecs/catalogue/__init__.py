"""The catalogue of vendors who speak OpenAI's dialect: rows of data, looked up by name.

Importing this loads no rows; the first look-up does. To add a vendor, add a row to the module of its kind.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from aiocompl.codecs.catalogue.names import ALIASES, FAMILIES, family_vendor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.vendor import Vendor

__all__ = ["ALIASES", "FAMILIES", "family_vendor", "find_vendor", "vendors"]


def find_vendor(name: str) -> Vendor | None:
    """The vendor behind the prefix of ``"name/model"``, by its own name or an alias; None if it has no row."""
    return _by_name().get(ALIASES.get(name, name))


@cache
def vendors() -> tuple[Vendor, ...]:
    """All vendors, each once per name; the best-known first."""
    from aiocompl.codecs.catalogue import rows  # noqa: PLC0415 - the rows load on first use

    return rows.VENDORS


@cache
def _by_name() -> Mapping[str, Vendor]:
    return {vendor.name: vendor for vendor in vendors()}
