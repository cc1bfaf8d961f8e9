"""Google's tokens by google-auth: application default credentials, service accounts, federation, instances."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Final

import orjson

from aiocompl._compat import override
from aiocompl.codecs.credentials import PROJECT
from aiocompl.errors import BadRequestError
from aiocompl.runtime.credentials.libraries import LibrarySource
from aiocompl.types.endpoint import Credential

_LOADERS: Final = {
    "service_account": ("oauth2.service_account", "from_service_account_info"),
    "authorized_user": ("oauth2.credentials", "from_authorized_user_info"),
    "impersonated_service_account": (
        "auth.impersonated_credentials",
        "from_impersonated_service_account_info",
    ),
    "external_account": ("auth.identity_pool", "from_info"),
    "external_account of aws": ("auth.aws", "from_info"),
}
"""How credentials that a call gives are read, by their type. Those that name a program to run are not among them."""

SCOPES: Final = ("https://www.googleapis.com/auth/cloud-platform",)


class GoogleSource(LibrarySource):
    """Asks google-auth. See `LibrarySource`."""

    extra: ClassVar[str] = "google"
    library: ClassVar[str] = "google-auth"
    _credentials: Any = None
    _project: str | None = None

    @override
    def _found(self) -> Credential:
        from google.auth.exceptions import GoogleAuthError, TransportError  # noqa: PLC0415 - an extra
        from google.auth.transport.requests import Request  # noqa: PLC0415 - an extra
        from requests import Session  # noqa: PLC0415 - comes with it

        try:
            if self._credentials is None:
                self._credentials, self._project = self._loaded()
            with Session() as session:
                self._credentials.refresh(Request(session))
        except GoogleAuthError as error:
            lost = isinstance(error, TransportError) or bool(error.retryable)
            raise self._failed(error, connection=lost) from error
        project = self._project or getattr(self._credentials, "quota_project_id", None)
        if project is None and "wants_project" in self._known:
            raise BadRequestError(
                "the credentials name no project: set GOOGLE_CLOUD_PROJECT, or pass vertex_project=",
                provider=self._provider,
                param="vertex_project",
            )
        fills = ((PROJECT, project),) if project else ()
        return Credential(
            secret=self._credentials.token, lifetime=_lifetime(self._credentials.expiry), fills=fills
        )

    def _loaded(self) -> tuple[Any, str | None]:
        """The credentials, not yet refreshed, and their project."""
        given = self._known.get("credentials")
        if given is None:
            import google.auth  # noqa: PLC0415 - an extra

            library: Any = google.auth  # typed in parts
            found: tuple[Any, str | None] = library.default(scopes=SCOPES)
            return found
        info = self._parsed(given)
        kind = str(info.get("type"))
        if kind == "external_account" and "environment_id" in (info.get("credential_source") or ()):
            kind = "external_account of aws"
        if kind not in _LOADERS:
            raise self._failed(
                f"credentials of type {kind!r} are not taken; those of {', '.join(_LOADERS)} are"
            )
        module, method = _LOADERS[kind]
        load = getattr(import_module(f"google.{module}").Credentials, method)
        try:
            return load(info, scopes=SCOPES), info.get("project_id")
        except (ValueError, KeyError) as error:
            raise self._failed(f"a field of the credentials is missing or wrong ({kind})") from error

    def _parsed(self, given: str) -> dict[str, Any]:
        """What Google hands out, given as JSON or as the path of a file."""
        text = given
        if not given.lstrip().startswith("{"):
            try:
                text = Path(given).expanduser().read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise self._failed(f"the file of vertex_credentials cannot be read: {error}") from error
        try:
            data: dict[str, Any] = orjson.loads(text)
        except orjson.JSONDecodeError:
            data = {}
        if not data or not isinstance(data, dict):  # raised without a cause: that would hold the private key
            raise self._failed("vertex_credentials is neither the path of a JSON file nor JSON")
        return data


def _lifetime(expiry: datetime | None) -> float | None:
    if expiry is None:
        return None
    return max((expiry.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds(), 0.0)
