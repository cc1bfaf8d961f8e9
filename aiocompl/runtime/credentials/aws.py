"""AWS credentials by botocore's chain: profiles, single sign-on, roles, web identity, containers, instances."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from aiocompl._compat import override
from aiocompl.codecs.credentials import AWS_HOST
from aiocompl.runtime.credentials.libraries import LibrarySource
from aiocompl.types.endpoint import AWSCredentials, Credential

if TYPE_CHECKING:
    from botocore.session import Session

DEFAULT_REGION: Final = "us-east-1"

ASK_AGAIN: Final = 120.0
"""Seconds for which botocore is not asked. It renews by itself, some ten minutes before the end, when it is asked."""


class AWSSource(LibrarySource):
    """Asks botocore. See `LibrarySource`."""

    extra: ClassVar[str] = "bedrock"
    library: ClassVar[str] = "botocore"
    _session: Session | None = None

    @override
    def _found(self) -> Credential:
        import botocore.session  # noqa: PLC0415 - an extra
        from botocore.exceptions import (  # noqa: PLC0415 - an extra
            BotoCoreError,
            ClientError,
            ConnectionError,  # noqa: A004 - botocore's own
            HTTPClientError,
        )

        try:
            if self._session is None:
                self._session = botocore.session.Session(profile=self._known.get("profile"))
            credentials = self._session.get_credentials()
            found = credentials.get_frozen_credentials() if credentials is not None else None
            region = self._session.get_config_variable("region")
        except (ConnectionError, HTTPClientError) as error:
            raise self._failed(error, connection=True) from error
        except (BotoCoreError, ClientError) as error:
            raise self._failed(error) from error
        if found is None or not found.access_key or not found.secret_key:
            raise self._failed("neither profile nor role nor instance has any")
        return Credential(
            secret=AWSCredentials(
                access_key=found.access_key, secret_key=found.secret_key, session_token=found.token
            ),
            lifetime=ASK_AGAIN,
            fills=((AWS_HOST, _host(region or DEFAULT_REGION)),),
        )


def _host(region: str) -> str:
    return f"{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"
