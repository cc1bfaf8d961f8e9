"""From a model name to the endpoint that serves it and the codec that talks to it. Pure: the environment is an argument."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlencode

import attrs

from aiocompl.codecs.catalogue import FAMILIES, family_vendor, find_vendor, vendors
from aiocompl.codecs.openai import OpenAICodec
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import AuthenticationError, BadRequestError, NotFoundError
from aiocompl.types.checks import did_you_mean
from aiocompl.types.endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.base import Codec

LOCAL_BASE: Final = "http://local.invalid/v1"
"""Stands in for a local model's base URL, which is known only once its server runs."""

LOCAL_DEFAULT: Final = "smollm2-135m-instruct"
"""The local model that plain ``local`` means."""

LOCAL_DEFAULTS: Final = (("max_tokens", 256), ("temperature", 0.0))
"""A small model left to itself talks without end; at temperature 0 it at least says the same each time."""

CUSTOM: Final = Vendor(
    name="custom",
    title="An OpenAI-compatible server of one's own (`api_base`)",
    base_url="",
    key_optional=True,
    native=frozenset({"top_k", "min_p", "repetition_penalty", "chat_template_kwargs"}),
)
"""What a bare `api_base` with an unknown model name means."""

LOCAL: Final = Vendor(
    name="local",
    title="A model on this machine, run by llama.cpp (extra `local`)",
    base_url=LOCAL_BASE,
    key_optional=True,
    max_tokens="max_tokens",
    defaults=LOCAL_DEFAULTS,
    native=frozenset({"top_k", "min_p", "repeat_penalty", "grammar", "json_schema", "cache_prompt"}),
    docs="https://github.com/ggml-org/llama.cpp/tree/master/tools/server",
)

AZURE: Final = Vendor(
    name="azure",
    title="Azure OpenAI",
    base_url="https://{resource}.openai.azure.com",
    api_key_env=("AZURE_OPENAI_API_KEY", "AZURE_API_KEY"),
    base_env=("AZURE_OPENAI_ENDPOINT", "AZURE_API_BASE"),
    auth="header:api-key",
    native=frozenset({"data_sources", "user_security_context"}),
    docs="https://learn.microsoft.com/azure/ai-foundry/openai/reference",
)
_AZURE_V1: Final = frozenset({"v1", "preview", "latest"})
"""Values of api-version that mean the v1 endpoint."""
_AZURE_VERSION_ENV: Final = ("OPENAI_API_VERSION", "AZURE_OPENAI_API_VERSION", "AZURE_API_VERSION")


@attrs.frozen
class Target:
    """What a call says about where it goes; calls that agree in it share a route."""

    model: str
    api_base: str | None = None
    api_key: str | None = attrs.field(default=None, repr=False)
    api_version: str | None = None
    organization: str | None = None
    provider: str | None = None


@attrs.frozen(kw_only=True)
class Route:
    """Where a call goes: an endpoint, the model's name there, and the codec bound to it."""

    endpoint: Endpoint
    model: str
    codec: Codec


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
    vendor, model = _vendor_and_model(target)
    if not model:
        raise NotFoundError(
            f"no model named after the provider: write '{vendor.name}/<model>'",
            provider=vendor.name,
            param="model",
        )
    base = _azure_base(target, model, env) if vendor is AZURE else _base_url(vendor, target, env)
    base, user = _without_user(base)
    endpoint = Endpoint(
        provider=vendor.name,
        base_url=base,
        api_key=_api_key(vendor, target, env),
        organization=target.organization or (env.get("OPENAI_ORG_ID") if vendor.name == "openai" else None),
        project=env.get("OPENAI_PROJECT_ID") if vendor.name == "openai" else None,
        api_version=target.api_version,
        local_model=model if vendor is LOCAL else None,
        extra_headers=user,
    )
    return Route(endpoint=endpoint, model=model, codec=OpenAICodec(vendor, endpoint))


def known_vendors() -> tuple[Vendor, ...]:
    """Every provider a model name can be prefixed with: the catalogue, Azure, and the local model."""
    first, *rest = vendors()
    return (first, AZURE, *rest, LOCAL)


def _vendor_and_model(target: Target) -> tuple[Vendor, str]:
    name, slash, rest = target.model.partition("/")
    if target.provider is not None:
        vendor = _named(target.provider)
        if vendor is None:
            raise _unknown_provider(target.provider)
        return vendor, rest if slash and _named(name) is vendor else target.model
    if (slash or name == LOCAL.name) and (vendor := _named(name)) is not None:
        return vendor, rest or (LOCAL_DEFAULT if vendor is LOCAL else "")
    if not slash and (family := family_vendor(target.model)) and (vendor := find_vendor(family)):
        return vendor, target.model
    if target.api_base is not None:
        return CUSTOM, target.model
    raise _unknown_provider(name) if slash else _unknown_model(target.model)


def _named(name: str) -> Vendor | None:
    special = {"azure": AZURE, "local": LOCAL, "custom": CUSTOM, "custom_openai": CUSTOM}
    return special.get(name) or find_vendor(name)


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


def _base_url(vendor: Vendor, target: Target, env: Mapping[str, str]) -> str:
    base = target.api_base or _first(vendor.base_env, env)
    if base is not None:
        return _completed(base, vendor.base_url)
    if not vendor.base_url:
        raise BadRequestError("where is the server? pass api_base=", provider=vendor.name, param="api_base")
    base = vendor.base_url
    for placeholder, variable in vendor.url_env:
        value = env.get(variable)
        if not value:
            raise BadRequestError(
                f"the base URL {base} has a part that is yours to fill: set {variable}, or pass api_base=",
                provider=vendor.name,
                param="api_base",
            )
        base = base.replace(f"{{{placeholder}}}", value.rstrip("/"))
    return _completed(base, "https://")


def _completed(base: str, usual: str) -> str:
    """A base URL with scheme and path: a bare host, as some variables hold it, takes them from the usual one."""
    base, mark, query = base.strip().partition("?")
    if "://" not in base:
        usual_scheme, _, usual_rest = usual.rpartition("://")
        usual_path = "" if "/" in base else usual_rest.partition("/")[2]
        base = f"{usual_scheme or 'http'}://{base}/{usual_path}"
    return f"{base.rstrip('/')}{mark}{query}"


def _without_user(base: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A base URL without ``user:password@``, and the header that says the same."""
    scheme, mark, rest = base.partition("://")
    host, slash, path = rest.partition("/")
    user, at, host = host.rpartition("@")
    if not at:
        return base, ()
    basic = b64encode(unquote_to_bytes(user)).decode()
    return f"{scheme}{mark}{host}{slash}{path}", (("Authorization", f"Basic {basic}"),)


def _azure_base(target: Target, deployment: str, env: Mapping[str, str]) -> str:
    """Azure's base URL: the v1 endpoint without an api-version, else the deployment's own."""
    base = target.api_base or _first(AZURE.base_env, env)
    if not base:
        raise BadRequestError(
            f"Azure needs your resource's URL: set {AZURE.base_env[0]} or pass api_base=",
            provider="azure",
            param="api_base",
        )
    root, _, query = _completed(base, "https://").partition("?")
    root = root.rstrip("/").removesuffix("/chat/completions")
    given = dict(parse_qsl(query))
    version = given.get("api-version") or target.api_version or _first(_AZURE_VERSION_ENV, env)
    dated = version is not None and version not in _AZURE_V1
    if not root.endswith(("/openai/v1", "/models")) and "/openai/deployments/" not in root:
        root = root.removesuffix("/openai")
        root += f"/openai/deployments/{quote(deployment, safe='')}" if dated else "/openai/v1"
    if dated and not root.endswith("/openai/v1"):
        given["api-version"] = str(version)
    return f"{root}?{urlencode(given)}" if given else root


def _api_key(vendor: Vendor, target: Target, env: Mapping[str, str]) -> str | None:
    key = target.api_key or _first(vendor.api_key_env, env)
    if key or vendor.key_optional or target.api_base is not None:
        return key
    raise AuthenticationError(
        f"no API key: set the environment variable {' or '.join(vendor.api_key_env)}, or pass api_key=",
        provider=vendor.name,
        model=target.model,
    )


def _first(names: tuple[str, ...], env: Mapping[str, str]) -> str | None:
    for name in names:
        if value := env.get(name):
            return value
    return None
