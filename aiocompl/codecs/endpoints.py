"""The endpoint of a call: base URL and credentials, out of its arguments and the environment (which is an argument)."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlencode

import attrs

from aiocompl.codecs.credentials import AWS_HOST, PROJECT, first_of, right_of
from aiocompl.codecs.natives import AZURE, BEDROCK, LOCAL, OLLAMA, SAGEMAKER, VERTEX, WATSONX
from aiocompl.errors import BadRequestError
from aiocompl.types.endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.endpoint import KeyProvider

_AZURE_V1: Final = frozenset({"v1", "preview", "latest"})
"""Values of api-version that mean the v1 endpoint."""
_AZURE_VERSION_ENV: Final = ("OPENAI_API_VERSION", "AZURE_OPENAI_API_VERSION", "AZURE_API_VERSION")
_PROJECT_ENV: Final = ("GOOGLE_CLOUD_PROJECT", "VERTEXAI_PROJECT")
_WATSONX_PROJECT_ENV: Final = ("WATSONX_PROJECT_ID", "WX_PROJECT_ID")
_WATSONX_SPACE_ENV: Final = ("WATSONX_SPACE_ID", "WATSONX_DEPLOYMENT_SPACE_ID")
_LOCATION_ENV: Final = ("GOOGLE_CLOUD_LOCATION", "VERTEXAI_LOCATION")
_REGION_ENV: Final = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_REGION_NAME")
_DEFAULT_REGION: Final = "us-east-1"


@attrs.frozen
class Target:
    """What a call says about where it goes; calls that agree in it share a route."""

    model: str
    api_base: str | None = None
    api_key: str | KeyProvider | None = attrs.field(default=None, repr=False)
    api_version: str | None = None
    organization: str | None = None
    provider: str | None = None
    credentials: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    """The call's options of `CREDENTIAL_OPTIONS`, where they are given."""


def endpoint_of(vendor: Vendor, model: str, target: Target, env: Mapping[str, str]) -> Endpoint:
    """The endpoint that serves a model of a provider.

    Raises:
        AuthenticationError: The provider needs a key and there is none; the message names the variable.
        BadRequestError: The provider needs a base URL and there is none, or an option is not what it should be.
    """
    if target.api_base is None and (base := target.credentials.get("aws_bedrock_runtime_endpoint")):
        target = attrs.evolve(target, api_base=base)
    base, user = _without_user(_base_url(vendor, model, target, env))
    openai = vendor.name == "openai"
    right = right_of(vendor, target, base, env)
    return Endpoint(
        provider=vendor.name,
        base_url=base,
        api_key=right.api_key,
        bearer=right.bearer,
        organization=target.organization or (env.get("OPENAI_ORG_ID") if openai else None),
        project=env.get("OPENAI_PROJECT_ID")
        if openai
        else _watsonx_owner(env)
        if vendor is WATSONX
        else None,
        api_version=target.api_version,
        region=_aws_region(base, target, env) if vendor in (BEDROCK, SAGEMAKER) else None,
        credentials=right.credentials,
        source=right.source,
        local_model=model if vendor is LOCAL else None,
        extra_headers=user + right.headers + _key_headers(vendor, target, env),
    )


def _base_url(vendor: Vendor, model: str, target: Target, env: Mapping[str, str]) -> str:
    base = target.api_base or first_of(vendor.base_env, env)
    if vendor is AZURE:
        return _azure_base(base, target, model, env)
    if vendor is VERTEX and base is None:
        return _vertex_base(target, env)
    if vendor in (BEDROCK, SAGEMAKER) and base is None:
        return vendor.base_url.replace(AWS_HOST, _aws_host(target, env))
    if base is not None and vendor is VERTEX:
        return _vertex_at(_completed(base, "https://"), target, env)
    if base is not None:
        return _completed(_ollama_host(base) if vendor is OLLAMA else base, vendor.base_url)
    if not vendor.base_url:
        raise BadRequestError("where is the server? pass api_base=", provider=vendor.name, param="api_base")
    base = vendor.base_url
    for placeholder, variable in vendor.url_env:
        base = base.replace(f"{{{placeholder}}}", _needed(variable, vendor, env).rstrip("/"))
    return _completed(base, "https://")


def _watsonx_owner(env: Mapping[str, str]) -> str | None:
    """The project's id, or else the space's as ``space/<id>``."""
    if project := first_of(_WATSONX_PROJECT_ENV, env):
        return project
    space = first_of(_WATSONX_SPACE_ENV, env)
    return space and f"space/{space}"


def _key_headers(vendor: Vendor, target: Target, env: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The headers that say what kind of key it is: that of the variable which the key comes from."""
    used = None if target.api_key else next((name for name in vendor.api_key_env if env.get(name)), None)
    return tuple((header, value) for name, header, value in vendor.key_headers if name == used)


def _needed(variable: str, vendor: Vendor, env: Mapping[str, str], option: str = "api_base") -> str:
    value = env.get(variable)
    if not value:
        raise BadRequestError(
            f"the base URL {vendor.base_url} has a part that is yours to fill: set {variable}, or pass {option}=",
            provider=vendor.name,
            param=option,
        )
    return value


def _completed(base: str, usual: str) -> str:
    """A base URL with scheme and path: a bare host, as some variables hold it, takes them from the usual one."""
    base, mark, query = base.strip().partition("?")
    if "://" in base and usual.startswith(f"{base.rstrip('/')}/"):
        base = usual  # it is the vendor's own host, as some SDKs' variables hold it
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


def _azure_base(base: str | None, target: Target, deployment: str, env: Mapping[str, str]) -> str:
    """Azure's base URL: the v1 endpoint without an api-version, else the deployment's own."""
    if not base:
        raise BadRequestError(
            f"Azure needs your resource's URL: set {AZURE.base_env[0]} or pass api_base=",
            provider="azure",
            param="api_base",
        )
    root, _, query = _completed(base, "https://").partition("?")
    root = root.rstrip("/").removesuffix("/chat/completions")
    given = dict(parse_qsl(query))
    version = given.get("api-version") or target.api_version or first_of(_AZURE_VERSION_ENV, env)
    dated = (
        version is not None and version not in _AZURE_V1 and not target.model.startswith("azure/responses/")
    )
    if not root.endswith(("/openai/v1", "/models")) and "/openai/deployments/" not in root:
        root = root.removesuffix("/openai")
        below = (
            f"/deployments/{quote(deployment, safe='')}" if deployment else ""
        )  # a list of models is of none
        root += f"/openai{below if dated else '/v1'}"
    if dated and not root.endswith("/openai/v1"):
        given["api-version"] = str(version)
    return f"{root}?{urlencode(given)}" if given else root


def _vertex_base(target: Target, env: Mapping[str, str]) -> str:
    """Vertex AI's base URL; application default credentials may know the project, a token does not."""
    from aiocompl.codecs.gemini import vertex_base_url  # noqa: PLC0415 - a dialect loads at first use

    given = target.credentials
    project = given.get("vertex_project") or first_of(_PROJECT_ENV, env)
    location = given.get("vertex_location") or first_of(_LOCATION_ENV, env)
    has_token = isinstance(target.api_key, str) or first_of(VERTEX.api_key_env, env)
    if not project and (has_token and "vertex_credentials" not in given):
        _needed(_PROJECT_ENV[0], VERTEX, {}, "vertex_project")
    location = location or _needed(_LOCATION_ENV[0], VERTEX, {}, "vertex_location")
    return vertex_base_url(project or PROJECT, location)


def _vertex_at(base: str, target: Target, env: Mapping[str, str]) -> str:
    """A base URL of the caller's own; a bare host gets the path of the project and the location, where both are given."""
    root, mark, query = base.partition("?")
    root = root.rstrip("/")
    project = target.credentials.get("vertex_project") or first_of(_PROJECT_ENV, env)
    location = target.credentials.get("vertex_location") or first_of(_LOCATION_ENV, env)
    if "/" in root.partition("://")[2] or not (project and location):
        return base
    return f"{root}/v1/projects/{project}/locations/{location}{mark}{query}"


def _ollama_host(base: str) -> str:
    """What `OLLAMA_HOST` means for a client: Ollama's port where a bare host has none, an address to connect to."""
    base = base.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - replaced, not bound
    if "://" in base:
        return base
    host, slash, path = base.partition("/")
    return f"{host if ':' in host else f'{host}:11434'}{slash}{path}"


def _aws_host(target: Target, env: Mapping[str, str]) -> str:
    """How the host of an AWS service ends; a profile that is asked for may know the region."""
    region = _given_region(target, env)
    if region is None and "aws_profile_name" in target.credentials:
        return AWS_HOST
    region = region or _DEFAULT_REGION
    return f"{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"


def _aws_region(base: str, target: Target, env: Mapping[str, str]) -> str | None:
    """The region that requests are signed for: None where the host says it, which goes before the environment."""
    return None if ".amazonaws.com" in base else _given_region(target, env)


def _given_region(target: Target, env: Mapping[str, str]) -> str | None:
    return target.credentials.get("aws_region_name") or first_of(_REGION_ENV, env)
