"""Providers that a program adds at run time. They go before the built-in ones, and are this process's alone.

What is registered is kept in one dict, of which each change is one operation: threads need no lock.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from aiocompl.codecs.catalogue import find_vendor
from aiocompl.codecs.dialects import DIALECTS
from aiocompl.codecs.natives import CUSTOM, LOCAL, NATIVE_ALIASES, NATIVES
from aiocompl.codecs.vendor import Vendor
from aiocompl.types.checks import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from typing import Unpack

    from aiocompl.codecs.base import Codec
    from aiocompl.codecs.provider_fields import ProviderFields
    from aiocompl.types.endpoint import Endpoint

_registered: Final[dict[str, Vendor]] = {}

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_IRREPLACEABLE: Final = frozenset({CUSTOM.name, LOCAL.name})
"""Names that mean something to routing."""


def register_provider(
    name: str,
    *,
    base_url: str,
    api_key_env: str | Collection[str] = (),
    codec: str | Callable[[Vendor, Endpoint], Codec] = "openai",
    replace: bool = False,
    **fields: Unpack[ProviderFields],
) -> None:
    """Add a provider, whose models are then called ``"name/model"``; every supervisor of the process knows it.

    ::

        register_provider("acme", base_url="https://llm.acme.example/v1", api_key_env="ACME_API_KEY")

    A supervisor keeps the route of each model name (with its options) that it has served. So replacing or
    unregistering a provider that is in use changes new supervisors, and those that run for names that they have not
    served yet. May be called from any thread.

    Args:
        name: The prefix: letters, digits, ``_``, ``.`` and ``-``.
        base_url: Ends before `path`. May hold ``{PLACEHOLDERS}``, see `url_env`.
        api_key_env: The environment variable that holds the key, or several of which the first one set wins. Without
            one no key is needed.
        codec: The dialect: a name such as ``"anthropic"``, or what makes a codec of one's own, called once for each
            endpoint with the provider's row and the endpoint; see `aiocompl.codecs.base.Codec` for its contract.
        replace: Take the name over where another provider has it, a built-in one included.
        **fields: How it differs from others; see `ProviderFields`.

    Raises:
        ValueError: A value is not what it must be, or the name is taken.
        TypeError: A field is misspelt; the message names the nearest one.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"name must be letters, digits, '_', '.' and '-', not {name!r}")
    vendor = _vendor(name, base_url=base_url, api_key_env=api_key_env, codec=codec, fields=fields)
    if name in _IRREPLACEABLE:
        raise ValueError(f"the name {name!r} has a meaning of its own and cannot be taken")
    if replace:
        _registered[name] = vendor
    elif (built_in := _built_in(name)) is not None:
        raise ValueError(f"{name!r} is {built_in.title}, built in; pass replace=True to take the name over")
    elif _registered.setdefault(name, vendor) is not vendor:
        raise ValueError(f"{name!r} is registered already; pass replace=True to register it anew")


def unregister_provider(name: str) -> None:
    """Forget a provider that was registered; a built-in one that it replaced is back. See `register_provider`.

    Raises:
        ValueError: None was registered under this name.
    """
    if _registered.pop(name, None) is None:
        raise ValueError(f"no provider was registered as {name!r}{did_you_mean(name, _registered.copy())}")


def find_registered(name: str) -> Vendor | None:
    """The provider that was registered under a name."""
    return _registered.get(name)


def registered_vendors() -> tuple[Vendor, ...]:
    """All providers that were registered, in that order."""
    return tuple(_registered.copy().values())


def _built_in(name: str) -> Vendor | None:
    return NATIVES.get(NATIVE_ALIASES.get(name, name)) or find_vendor(name)


def _vendor(
    name: str,
    *,
    base_url: object,
    api_key_env: object,
    codec: str | Callable[[Vendor, Endpoint], Codec],
    fields: Mapping[str, Any],
) -> Vendor:
    """The provider's row, every field of it checked."""
    from aiocompl.codecs.provider_fields import (  # noqa: PLC0415 - few programs have providers of their own
        FIELD_CHECKS,
        check_base_url,
        check_names,
        check_pairs,
    )

    base = check_base_url(base_url, dict(check_pairs("url_env", fields.get("url_env", {}))))
    keys = check_names("api_key_env", api_key_env)
    own: dict[str, Any] = {"title": name, "key_optional": not keys, "loosely": True, "think_tag": "think"}
    for field, value in fields.items():
        check = FIELD_CHECKS.get(field)
        if check is None:
            known = [*FIELD_CHECKS, "base_url", "api_key_env", "codec", "replace"]
            raise TypeError(
                f"register_provider() got an unexpected keyword argument {field!r}{did_you_mean(field, known)}"
            )
        own[field] = check(field, value)
    if not keys and not own["key_optional"]:
        raise ValueError("api_key_env must name the variable of the key, unless key_optional=True")
    own |= _codec_fields(codec)
    return Vendor(name=name, base_url=base, api_key_env=keys, **own)


def _codec_fields(codec: object) -> dict[str, Any]:
    if callable(codec):
        return {"dialect": "openai", "codec": codec}
    if codec in DIALECTS:
        return {"dialect": codec}
    hint = did_you_mean(codec, DIALECTS) if isinstance(codec, str) else ""
    raise ValueError(f"codec must be one of {', '.join(DIALECTS)}, or make a codec, not {codec!r}{hint}")
