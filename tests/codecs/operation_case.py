"""What an operation is held to its contract with; see `test_operations_contract`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from aiocompl._compat import override
from aiocompl.codecs.routing import Target, resolve_operation
from aiocompl.types.endpoint import Credential
from aiocompl.types.request import ModelsRequest, ModerationRequest, RerankRequest

if TYPE_CHECKING:
    from aiocompl.codecs.base import Operation
    from aiocompl.codecs.routing import Kind
    from aiocompl.types.request import Request

KEY = "sk-contract-0123456789abcdef"
TEXT = "what the caller asked, which is nobody's business"
PLACES = {
    "AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com",
    "CLOUDFLARE_ACCOUNT_ID": "acc",
    "DATABRICKS_HOST": "https://w.databricks.com",
    "GOOGLE_CLOUD_PROJECT": "p",
    "GOOGLE_CLOUD_LOCATION": "europe-west1",
}


@attrs.frozen(kw_only=True)
class Case:
    """An operation of a provider, what it is asked, what that looks like, and what the provider answers."""

    kind: Kind
    model: str
    """As a call names it; of a list of models the provider."""
    request: Request
    """What is asked; its model is set by the route."""
    sent: tuple[str, str, Any]
    """Method, URL and parsed body, None where there is none."""
    answer: Any
    """The provider's answer, with ``"unforeseen": 1`` somewhere."""
    means: dict[str, Any]
    """The answer's `model_dump`, as far as it is not null."""
    api_version: str | None = None

    @override
    def __str__(self) -> str:
        return f"{self.kind}-{self.model}{f'-{self.api_version}' if self.api_version else ''}"

    def bound(self) -> Operation[Any, Any]:
        """The operation, and the request's model set to what the provider knows."""
        base = "http://127.0.0.1:9/v1" if self.model.startswith("custom") else None
        target = Target(self.model, base, KEY, self.api_version)
        route = resolve_operation(self.kind, target, PLACES)
        self.request.model = route.model
        operation: Operation[Any, Any] = route.codec
        if route.rebind is not None:  # the key buys a token; what is sent is that
            operation = route.rebind(route.endpoint.with_credential(Credential(secret=KEY)))
        return operation


def rerank(**params: Any) -> RerankRequest:
    """Two documents to be ordered."""
    return RerankRequest(model="", query=TEXT, documents=["no", "yes"], params=params)


def moderate(*texts: Any) -> ModerationRequest:
    """Texts to be judged."""
    return ModerationRequest(model="", input=list(texts))


def models(page: str | None = None) -> ModelsRequest:
    """A page of a list."""
    return ModelsRequest(page=page)
