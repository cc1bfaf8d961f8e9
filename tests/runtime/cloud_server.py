"""A cloud on loopback: an identity service that gives tokens, and a chat that takes only those it has given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer
from runtime_kit import BODY

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN_PATHS = ("/identity/token", "/oidc/v1/token", "/google/token")


class Cloud:
    """Counts what it is asked. `refusal` is what the identity service says instead of giving a token."""

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []
        self.basics: list[str | None] = []
        self.asked: list[str | None] = []
        self.good: set[str] = set()
        self.metadata: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.accepts = True
        self.refuses_with = 401
        self.lifetime: Any = 3600
        self.refusal: web.Response | None = None
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._server = TestServer(app)

    @property
    def url(self) -> str:
        return str(self._server.make_url("/")).rstrip("/")

    async def __aenter__(self) -> Self:
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    async def _handle(self, request: web.Request) -> web.Response:
        if request.path in TOKEN_PATHS:
            form: Mapping[str, Any] = await request.post()
            self.forms.append({name: str(value) for name, value in form.items()})
            self.basics.append(request.headers.get("Authorization"))
            return self._token()
        if request.path.startswith("/sts"):
            return await self._role(request)
        if request.method == "GET":
            return self._from_metadata(request)
        body = orjson.loads(await request.read())
        authorization = request.headers.get("Authorization") or ""
        self.asked.append(authorization)
        if not self.accepts or authorization.removeprefix("Bearer ") not in self.good:
            error = {"error": {"message": f"not accepted: {authorization}", "code": "invalid_token"}}
            return web.json_response(error, status=self.refuses_with)
        if body.get("stream"):
            chunk = BODY | {
                "object": "chat.completion.chunk",
                "choices": [
                    {"index": 0, "delta": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}
                ],
            }
            text = f"data: {orjson.dumps(chunk).decode()}\n\ndata: [DONE]\n\n"
            return web.Response(text=text, content_type="text/event-stream")
        return web.json_response(BODY)

    def _from_metadata(self, request: web.Request) -> web.Response:
        """What the metadata services of containers say: AWS's keys, or Azure's token."""
        self.metadata.append((request.path, dict(request.query), dict(request.headers)))
        if self.refusal is not None:
            return self.refusal
        if request.path == "/aws":
            pair = {"AccessKeyId": "AKID", "SecretAccessKey": "secret", "Token": "session"}
            return web.json_response(pair | {"Expiration": "2099-01-01T00:00:00Z"})
        self.good.add("entra")
        return web.json_response(
            {"access_token": "entra", "expires_on": "4070908800", "token_type": "Bearer"}
        )

    async def _role(self, request: web.Request) -> web.Response:
        """AWS's Security Token Service: the credentials of a role."""
        form = await request.post()
        self.forms.append({name: str(value) for name, value in form.items()})
        self.basics.append(request.headers.get("Authorization"))
        if self.refusal is not None:
            return self.refusal
        action = str(form["Action"])
        given = {"AccessKeyId": "AKROLE", "SecretAccessKey": "s", "SessionToken": "of-the-role"}
        given["Expiration"] = "2099-01-01T00:00:00Z"
        fields = "".join(f"<{name}>{value}</{name}>" for name, value in given.items())
        result = f"<{action}Result><Credentials>{fields}</Credentials></{action}Result>"
        return web.Response(text=f"<{action}Response>{result}</{action}Response>", content_type="text/xml")

    def _token(self) -> web.Response:
        if self.refusal is not None:
            refusal, self.refusal = self.refusal, None
            return refusal
        token = f"token-{len(self.forms)}"
        self.good.add(token)
        given = {"access_token": token, "expires_in": self.lifetime, "token_type": "Bearer"}
        return web.json_response(given)
