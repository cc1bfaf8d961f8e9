"""AWS credentials by botocore's chain: profiles, single sign-on, roles, web identity, containers, instances.

A role that the call names is taken on by the Security Token Service, with what the chain or the call gives.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, ClassVar, Final

from aiocompl._compat import override
from aiocompl.codecs.credentials import AWS_HOST
from aiocompl.runtime.credentials.libraries import LibrarySource
from aiocompl.types.endpoint import AWSCredentials, Credential

if TYPE_CHECKING:
    from botocore.session import Session

DEFAULT_REGION: Final = "us-east-1"

SESSION_NAME: Final = "aiocompl"
"""What the session of a role is called where the call does not say."""

ASK_AGAIN: Final = 120.0
"""Seconds for which botocore is not asked. It renews by itself, some ten minutes before the end, when it is asked."""


class AWSSource(LibrarySource):
    """Asks botocore. See `LibrarySource`."""

    extra: ClassVar[str] = "bedrock"
    library: ClassVar[str] = "botocore"
    _session: Session | None = None
    _sts: Any = None

    @override
    async def aclose(self) -> None:
        await super().aclose()
        sts, self._sts = self._sts, None
        if sts is not None:
            await asyncio.to_thread(sts.close)

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
            if "role" in self._known:
                return self._assumed(self._session)
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

    def _assumed(self, session: Session) -> Credential:
        """Take the role on."""
        from botocore import UNSIGNED  # noqa: PLC0415 - an extra
        from botocore.config import Config  # noqa: PLC0415 - an extra

        known = self._known
        region = known.get("region") or session.get_config_variable("region") or DEFAULT_REGION
        token = known.get("web_identity_token")
        if self._sts is None:
            self._sts = session.create_client(
                "sts",
                region_name=region,
                aws_access_key_id=known.get("access_key"),
                aws_secret_access_key=known.get("secret_key"),
                aws_session_token=known.get("session_token"),
                config=Config(signature_version=UNSIGNED) if token else None,
            )
        role = {"RoleArn": known["role"], "RoleSessionName": known.get("session_name") or SESSION_NAME}
        if token:
            answer = self._sts.assume_role_with_web_identity(**role, WebIdentityToken=token)
        else:
            answer = self._sts.assume_role(**role)
        given = answer["Credentials"]
        now = time.time()  # noqa: TID251 - it says when the credentials end, on the wall clock
        return Credential(
            secret=AWSCredentials(
                access_key=given["AccessKeyId"],
                secret_key=given["SecretAccessKey"],
                session_token=given["SessionToken"],
            ),
            lifetime=max(given["Expiration"].timestamp() - now, 0.0),
            fills=((AWS_HOST, _host(region)),),
        )


def _host(region: str) -> str:
    return f"{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"
