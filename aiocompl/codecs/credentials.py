"""With what right a call goes out: a key, signatures, or a source that the runtime has to ask. Pure: nothing is fetched here.

What the call says goes before what the environment says; a key goes before all else.

Source: the vendors' pages on authentication; names of options and variables as in LiteLLM and the vendors' own clients
(2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

import attrs

from aiocompl.errors import AuthenticationError, BadRequestError, UnsupportedParamsError
from aiocompl.types.endpoint import AWSCredentials, TokenSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocompl.codecs.endpoints import Target
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.endpoint import KeyProvider

PROJECT: Final = "{project}"
"""Stands in a base URL for the Google project, where only the credentials know it."""

AWS_HOST: Final = "{region}.amazonaws.com"
"""Stands in a base URL for the end of the host, where only the profile knows the region."""

_AZURE_TOKEN_ENV: Final = ("AZURE_AD_TOKEN", "AZURE_OPENAI_AD_TOKEN")
_WATSONX_KEY_ENV: Final = ("WATSONX_API_KEY", "WATSONX_APIKEY", "WX_API_KEY")
_IAM: Final = "https://iam.cloud.ibm.com"
_AWS_HOSTS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
_AZURE_HOSTS: Final = tuple(
    f".{service}.azure.{end}"
    for service in ("openai", "cognitiveservices", "services.ai")
    for end in ("com", "us", "cn")
)
_CLOUDS: Final[Mapping[str, tuple[str, ...]]] = {
    "azure": _AZURE_HOSTS,
    "azure_ai": _AZURE_HOSTS,
    "bedrock": _AWS_HOSTS,
    "sagemaker": _AWS_HOSTS,
    "vertex_ai": (".googleapis.com",),
    "watsonx": (".cloud.ibm.com",),
}
"""How the hosts of the clouds end. Unasked, a credential that was found rather than given goes only there."""

_MORE: Final = {"databricks": " (or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET)"}
"""What does instead of a key."""

_OPTIONS: Final[Mapping[str, frozenset[str]]] = {
    "azure_": frozenset({"azure", "azure_ai"}),
    "vertex_": frozenset({"vertex_ai"}),
    "aws_": frozenset({"bedrock", "sagemaker"}),
}
"""Which providers the call's options about credentials are for, by how they begin."""


@attrs.frozen(kw_only=True)
class Right:
    """What an endpoint may act with; see the fields of `Endpoint`."""

    api_key: str | None = attrs.field(default=None, repr=False)
    bearer: bool = False
    credentials: AWSCredentials | None = attrs.field(default=None, repr=False)
    source: TokenSource | None = None
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)


@attrs.frozen(kw_only=True)
class Asked:
    """What the right is looked for in."""

    vendor: Vendor
    target: Target
    base: str
    """The endpoint's base URL."""
    env: Mapping[str, str]
    key: str | None = attrs.field(repr=False)
    """The key that the call gives."""

    def option(self, name: str) -> Any:
        """One of the call's options about credentials, or None."""
        return self.target.credentials.get(name)

    def variable(self, *names: str) -> str | None:
        """The first of these variables that is set to something."""
        return first_of(names, self.env)

    @property
    def is_own_host(self) -> bool:
        """The base URL is the cloud's own, or none that the call itself has given."""
        return self.target.api_base is None or _host(self.base).endswith(_CLOUDS[self.vendor.name])

    def missing(self, more: str = "") -> str:
        """What to do where there is no key."""
        return f"set the environment variable {' or '.join(self.vendor.api_key_env)}{more}, or pass api_key="

    def without_key(self, more: str = "") -> AuthenticationError:
        """The error where there is no key."""
        text = f"no API key: {self.missing(more)}"
        return AuthenticationError(text, provider=self.vendor.name, model=self.target.model)


def right_of(vendor: Vendor, target: Target, base: str, env: Mapping[str, str]) -> Right:
    """With what right a call goes to an endpoint.

    Raises:
        AuthenticationError: The vendor needs a key and there is none; the message names the variable.
        BadRequestError: An option about credentials is not what it should be.
        UnsupportedParamsError: One is for another provider.
    """
    for option in target.credentials:
        if not any(option.startswith(start) and vendor.name in names for start, names in _OPTIONS.items()):
            raise UnsupportedParamsError(
                f"{option} is for another provider; leave it out", provider=vendor.name, param=option
            )
    key = target.api_key
    if key is not None and not isinstance(key, str):
        return Right(source=_callable("api_key", key, vendor))
    asked = Asked(vendor=vendor, target=target, base=base, env=env, key=key)
    find = _FINDERS.get(vendor.name)
    right = find(asked) if find is not None else None
    return right or _plain(asked)


def _plain(asked: Asked) -> Right:
    """A key, or none where none is needed."""
    vendor = asked.vendor
    key = asked.key or asked.variable(*vendor.api_key_env)
    if key or vendor.key_optional or asked.target.api_base is not None:
        return Right(api_key=key)
    raise asked.without_key(_MORE.get(vendor.name, ""))


def _azure(asked: Asked) -> Right | None:
    """Entra's tokens: given, asked of the caller's function, or by the extra `azure`."""
    provider, token = asked.option("azure_ad_token_provider"), asked.option("azure_ad_token")
    if asked.key:
        return None
    if provider is not None:
        return Right(source=_callable("azure_ad_token_provider", provider, asked.vendor), bearer=True)
    if token is None and asked.variable(*asked.vendor.api_key_env):
        return None
    if token := token or asked.variable(*_AZURE_TOKEN_ENV):
        return Right(api_key=token, bearer=True)
    if not asked.is_own_host:
        return None
    scope = asked.variable("AZURE_SCOPE") or _azure_scope(asked.base)
    settings = _settings(scope=scope, asked="AZURE_CLIENT_ID" if asked.variable("AZURE_CLIENT_ID") else None)
    more = ", azure_ad_token= or azure_ad_token_provider="
    source = TokenSource(kind="azure", settings=settings, otherwise=asked.missing() + more)
    return Right(source=source, bearer=True)


def _azure_scope(base: str) -> str:
    """What an Entra token must be made for; the national clouds have names of their own."""
    suffix = next((end for end in (".azure.us", ".azure.cn") if _host(base).endswith(end)), ".azure.com")
    return f"https://cognitiveservices{suffix}/.default"


def _google(asked: Asked) -> Right | None:
    """Tokens for Google Cloud: given, or made from application default credentials by the extra `google`."""
    given = asked.option("vertex_credentials")
    if asked.key or (given is None and asked.variable(*asked.vendor.api_key_env)):
        return None
    if given is None and not asked.is_own_host:
        return None
    file = "GOOGLE_APPLICATION_CREDENTIALS"
    settings = _settings(
        credentials=str(given) if given is not None else None,
        asked="vertex_credentials" if given is not None else file if asked.variable(file) else None,
        wants_project="yes" if PROJECT in asked.base else None,
    )
    more = f" or {file}"
    return Right(source=TokenSource(kind="google", settings=settings, otherwise=asked.missing(more)))


def _aws(asked: Asked) -> Right | None:
    """A signature's credentials: given, or found by botocore (profiles, roles, instances) with the extra `bedrock`."""
    access, secret = asked.option("aws_access_key_id"), asked.option("aws_secret_access_key")
    profile, token = asked.option("aws_profile_name"), asked.option("aws_session_token")
    if asked.key:
        return None
    if (role := _aws_role(asked)) is not None:
        return role
    if access and secret:
        return _signed(access, secret, token)
    if bool(access) != bool(secret):
        name = "aws_secret_access_key" if access else "aws_access_key_id"
        raise BadRequestError(f"{name} is missing beside its other half", param=name)
    if profile is None:
        has_key = asked.vendor.name == "bedrock" and asked.variable(*asked.vendor.api_key_env)
        if has_key:
            return None
        access, secret = asked.variable("AWS_ACCESS_KEY_ID"), asked.variable("AWS_SECRET_ACCESS_KEY")
        if access and secret:
            return _signed(access, secret, asked.variable("AWS_SESSION_TOKEN"))
        if not asked.is_own_host:
            return Right()
    settings = _settings(profile=profile, asked="aws_profile_name" if profile is not None else None)
    return Right(source=TokenSource(kind="aws", settings=settings, otherwise=_aws_missing(asked.vendor)))


def _aws_role(asked: Asked) -> Right | None:
    """Credentials of a role, which botocore asks for with those that the call gives, or that it finds."""
    role = asked.option("aws_role_name")
    if role is None:
        for name in ("aws_session_name", "aws_web_identity_token"):
            if asked.option(name) is not None:
                raise BadRequestError(f"{name} is for a role: pass aws_role_name= too", param=name)
        return None
    settings = _settings(
        role=role,
        session_name=asked.option("aws_session_name"),
        web_identity_token=asked.option("aws_web_identity_token"),
        access_key=asked.option("aws_access_key_id"),
        secret_key=asked.option("aws_secret_access_key"),
        session_token=asked.option("aws_session_token"),
        profile=asked.option("aws_profile_name"),
        region=asked.option("aws_region_name"),
        asked="aws_role_name",
    )
    return Right(source=TokenSource(kind="aws", settings=settings, otherwise=_aws_missing(asked.vendor)))


def _signed(access: str, secret: str, token: str | None) -> Right:
    return Right(credentials=AWSCredentials(access_key=access, secret_key=secret, session_token=token))


def _aws_missing(vendor: Vendor) -> str:
    pair = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if vendor.name != "bedrock":
        return f"set {pair}, or pass aws_access_key_id= and aws_secret_access_key="
    return f"set the environment variable {vendor.api_key_env[0]} (or {pair}), or pass api_key="


def _watsonx(asked: Asked) -> Right:
    """A token as it is; a key is exchanged for one; on premises a key of another kind goes as it is."""
    key, url = asked.key, asked.variable("WATSONX_IAM_URL")
    if not key and (token := asked.variable("WATSONX_TOKEN")):
        return Right(api_key=token)
    if not key and (zen := asked.variable("WATSONX_ZENAPIKEY")):
        return Right(api_key=zen, headers=(("Authorization", f"ZenApiKey {zen}"),))
    to_exchange = key or asked.variable(*_WATSONX_KEY_ENV)
    in_cloud = _host(asked.base).endswith(_CLOUDS["watsonx"])
    if to_exchange and not _is_token(to_exchange) and (url or in_cloud):
        url = (url or _IAM).rstrip("/").removesuffix("/identity/token") + "/identity/token"
        return Right(source=TokenSource(kind="watsonx", settings=_settings(api_key=to_exchange, url=url)))
    if not key and asked.target.api_base is None:
        raise asked.without_key(" (or WATSONX_IAM_URL besides, for keys of your own installation)")
    return Right(api_key=key)


def _is_token(key: str) -> bool:
    """Whether it is a signed token (a JWT), rather than a key that buys one."""
    return key.startswith("eyJ") and key.count(".") == 2  # noqa: PLR2004 - head, claims and signature


def _databricks(asked: Asked) -> Right | None:
    """A service principal's secret, which is exchanged for a token at the very host that is asked."""
    client, secret = asked.variable("DATABRICKS_CLIENT_ID"), asked.variable("DATABRICKS_CLIENT_SECRET")
    if asked.key or asked.variable(*asked.vendor.api_key_env) or not client or not secret:
        return None
    hosts = {_host(asked.env.get(name, "")) for name in ("DATABRICKS_HOST", "DATABRICKS_API_BASE")}
    if asked.target.api_base is not None and _host(asked.base) not in hosts:
        return None
    scheme, _, rest = asked.base.partition("://")
    url = f"{scheme}://{rest.partition('/')[0]}/oidc/v1/token"
    settings = _settings(client_id=client, client_secret=secret, url=url)
    return Right(source=TokenSource(kind="databricks", settings=settings))


def _settings(**settings: str | None) -> tuple[tuple[str, str], ...]:
    """Those that are there."""
    return tuple((name, value) for name, value in settings.items() if value is not None)


def _callable(name: str, provider: Any, vendor: Vendor) -> TokenSource:
    if not callable(provider):
        raise BadRequestError(
            f"{name} must be text or a function that returns it, not {type(provider).__name__}",
            provider=vendor.name,
            param=name,
        )
    return TokenSource(kind="callable", provider=cast("KeyProvider", provider), settings=(("name", name),))


_FINDERS: Final[Mapping[str, Callable[[Asked], Right | None]]] = {
    "azure": _azure,
    "azure_ai": _azure,
    "vertex_ai": _google,
    "bedrock": _aws,
    "sagemaker": _aws,
    "watsonx": _watsonx,
    "databricks": _databricks,
}


def _host(url: str) -> str:
    """The host of a URL; it may be without a scheme, as some variables hold it."""
    return urlsplit(url if "://" in url else f"//{url}").hostname or ""


def first_of(names: tuple[str, ...], env: Mapping[str, str]) -> str | None:
    """The first of these variables that is set to something."""
    for name in names:
        if value := env.get(name):
            return value
    return None
