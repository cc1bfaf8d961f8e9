"""From a model name to the endpoint that serves it and the codec that talks to it. Pure: the environment is an argument."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs

from aiocompl.codecs.base import Codec, Operation
from aiocompl.codecs.catalogue import FAMILIES, family_vendor, find_vendor, vendors
from aiocompl.codecs.dialects import Kind, bind, bind_operation, dialect_of, operation_dialect
from aiocompl.codecs.endpoints import Target, endpoint_of
from aiocompl.codecs.natives import (
    AZURE,
    CUSTOM,
    LOCAL,
    LOCAL_BASE,
    LOCAL_DEFAULT,
    NATIVE_ALIASES,
    NATIVES,
)
from aiocompl.codecs.registry import find_registered, registered_vendors
from aiocompl.errors import NotFoundError
from aiocompl.types.checks import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.base import Rebind
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.endpoint import Endpoint

__all__ = [
    "AZURE",
    "CUSTOM",
    "LOCAL",
    "LOCAL_BASE",
    "LOCAL_DEFAULT",
    "Kind",
    "OperationRoute",
    "Route",
    "Target",
    "known_vendors",
    "provider_named_by",
    "resolve",
    "resolve_operation",
]

OperationT_co = TypeVar("OperationT_co", bound="Operation[Any, Any]", covariant=True)


@attrs.frozen(kw_only=True)
class OperationRoute(Generic[OperationT_co]):
    """Where a call goes: an endpoint, the model's name there, and the operation bound to it."""

    endpoint: Endpoint
    model: str
    codec: OperationT_co

    rebind: Rebind | None = attrs.field(default=None, eq=False)
    """Where the endpoint has a `source`: makes the codec that has what this gives. `codec` itself has no credential."""

    chat: Codec | None = attrs.field(default=None, eq=False)
    """Where the vendor brings a codec of its own: that. Its endpoint's requests are signed, and answered, as it says."""


class Route(OperationRoute[Codec]):
    """Where a chat goes."""


def resolve(target: Target, env: Mapping[str, str]) -> Route:
    """Find the route of a call.

    Args:
        target: What the call says.
        env: The environment variables.

    Raises:
        NotFoundError: No provider is known by that name; the message has the nearest ones and what to set.
        AuthenticationError: The provider needs a key and there is none; the message names the variable.
        BadRequestError: The provider needs a base URL and there is none.
    """
    vendor, named = _vendor_and_model(target)
    dialect, model = dialect_of(vendor, named)
    _check_named(vendor, model)
    if not vendor.path:
        raise NotFoundError(
            f"{vendor.title} is not known to have chat; its models are for aembedding() or arerank()",
            provider=vendor.name,
            param="model",
        )
    endpoint = endpoint_of(vendor, model, target, env)
    return Route(
        endpoint=endpoint,
        model=model,
        codec=bind(dialect, vendor, endpoint),
        rebind=partial(bind, dialect, vendor) if endpoint.source else None,
    )


def resolve_operation(kind: Kind, target: Target, env: Mapping[str, str]) -> OperationRoute[Any]:
    """Find the route of a call beside chat; a list of models is asked for by the provider's bare name.

    Raises:
        NotFoundError: No provider is known by that name, or it is not known to have the operation.
        AuthenticationError: See `resolve`.
        BadRequestError: See `resolve`.
    """
    if kind == "models":
        vendor, model = _provider_of(target), ""
    else:
        vendor, model = _vendor_and_model(target)
        _check_named(vendor, model)
    dialect, model = operation_dialect(kind, vendor, model)
    endpoint = endpoint_of(vendor, model, target, env)
    return OperationRoute(
        endpoint=endpoint,
        model=model,
        codec=bind_operation(kind, dialect, vendor, endpoint),
        rebind=partial(bind_operation, kind, dialect, vendor) if endpoint.source else None,
        chat=None if vendor.codec is None else vendor.codec(vendor, endpoint),
    )


def known_vendors() -> tuple[Vendor, ...]:
    """Every provider a model name can be prefixed with: those with a dialect of their own, then the catalogue.

    What the program has registered itself comes last, or in the place of what it replaces.
    """
    first, *rest = (vendor for vendor in vendors() if vendor.name not in NATIVES)
    built_in = (first, *(vendor for vendor in NATIVES.values() if vendor is not CUSTOM), *rest)
    known = {vendor.name: vendor for vendor in (*built_in, *registered_vendors())}
    return tuple(known.values())


def provider_named_by(model: str) -> str | None:
    """The provider that a model name says, by prefix or family; None where it says none."""
    try:
        return _vendor_and_model(Target(model))[0].name
    except NotFoundError:
        return None


def _check_named(vendor: Vendor, model: str) -> None:
    if not model:
        raise NotFoundError(
            f"no model named after the provider: write '{vendor.name}/<model>'",
            provider=vendor.name,
            param="model",
        )


def _provider_of(target: Target) -> Vendor:
    name = target.provider or target.model
    vendor = _named(name) or (CUSTOM if target.api_base is not None else None)
    if vendor is None:
        raise _unknown_provider(name)
    return vendor


def _vendor_and_model(target: Target) -> tuple[Vendor, str]:
    name, slash, rest = target.model.partition("/")
    if target.provider is not None:
        vendor = _named(target.provider)
        if vendor is None:
            raise _unknown_provider(target.provider)
        return vendor, rest if slash and _named(name) is vendor else target.model
    if (slash or name == LOCAL.name) and (vendor := _named(name)) is not None:
        return vendor, rest or (LOCAL_DEFAULT if vendor is LOCAL else "")
    if not slash and (family := family_vendor(target.model)) and (vendor := _named(family)):
        return vendor, target.model
    if target.api_base is not None:
        return CUSTOM, target.model
    raise _unknown_provider(name) if slash else _unknown_model(target.model)


def _named(name: str) -> Vendor | None:
    return find_registered(name) or NATIVES.get(NATIVE_ALIASES.get(name, name)) or find_vendor(name)


def _unknown_provider(name: str) -> NotFoundError:
    hint = did_you_mean(name, [vendor.name for vendor in known_vendors()])
    return NotFoundError(
        f"no provider is called {name!r}{hint}; `aiocompl providers` lists all, and api_base= makes an endpoint "
        "of any OpenAI-compatible server",
        param="model",
    )


def _unknown_model(model: str) -> NotFoundError:
    hint = did_you_mean(model, [prefix for prefix, _ in FAMILIES])
    return NotFoundError(
        f"no provider is known for the bare model name {model!r}{hint}; write 'provider/{model}' "
        "(`aiocompl providers` lists the providers), or set api_base=",
        param="model",
    )
