"""Lists of models: what dialects do alike, and OpenAI's own.

A model keeps all that its provider says of it beside OpenAI's fields, under the provider's names; what would stand where
OpenAI's `id`, `object`, `created` or `owned_by` stands is kept in `provider_specific_fields`.

Source: https://developers.openai.com/api/docs, list models (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import attrs

from aiocompl._compat import override
from aiocompl.codecs.bound import endpoint_url
from aiocompl.codecs.instants import epoch_seconds
from aiocompl.codecs.plain_operation import PlainOperation, operation_url
from aiocompl.types.endpoint import headers_with
from aiocompl.types.model_list import ModelInfo, ModelList
from aiocompl.types.request import ModelsRequest
from aiocompl.wire.messages import HTTPRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocompl.codecs.base import Codec
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.model import JSON

KEPT: Final = "provider_specific_fields"

_MILLISECONDS_FROM: Final = 100_000_000_000
"""Numbers from here on are no seconds since 1970 (that would be the year 5138), but milliseconds."""

_NEVER: Final = 253_402_300_800_000
"""The first millisecond of the year 10000: what is beyond is no time."""


def _last(_: JSON) -> str | None:
    return None


@attrs.frozen(kw_only=True)
class Listing:
    """The words of a dialect's list."""

    items: tuple[str, ...] = ("data", "models")
    """What holds the models, the first of these that is there; where none is, the answer may be a bare list."""

    id: tuple[str, ...] = ("id", "name")
    """What holds the name that a model is asked by, the first of these that is there."""

    prefix: str = ""
    """What stands before that name, and is no part of it."""

    created: tuple[str, ...] = ("created", "created_at")
    """What holds the time it was made at."""

    owned_by: str = "owned_by"
    """What holds whose it is."""

    query: tuple[tuple[str, str], ...] = ()
    """Parameters of every request."""

    page: str = ""
    """The parameter that asks for a page by where it begins."""

    next_page: Callable[[JSON], str | None] = _last
    """Where the next page begins, as an answer says it; None after the last."""


class ModelListing(PlainOperation[ModelsRequest, ModelList]):
    """A list of models at one endpoint. See `Operation` for the contract."""

    def __init__(
        self, vendor: Vendor, endpoint: Endpoint, *, url: str, listing: Listing, chat: Codec | None = None
    ) -> None:
        super().__init__(vendor, endpoint, url=url, chat=chat)
        self._listing = listing

    def encode_request(self, request: ModelsRequest) -> HTTPRequest:
        """Make the HTTP request, which has no body; see `Operation`."""
        query: Mapping[str, str] = dict(self._listing.query)
        if request.page is not None:
            query = {**query, self._listing.page: request.page}
        query = {**query, **(request.extra_query or {})}
        url = self._url
        if query:
            url += f"{'&' if '?' in url else '?'}{urlencode(query)}"
        headers = headers_with(self.headers, request.extra_headers) if request.extra_headers else self.headers
        return HTTPRequest(url, headers, method="GET")

    @override
    def _read(self, request: ModelsRequest, data: Any) -> ModelList:
        if isinstance(data, list):
            data = {"data": data}
        listing = self._listing
        field = next((name for name in (*listing.items, "data") if name in data), listing.items[0])
        models = [self._model(item) for item in data.pop(field)]
        page = listing.next_page(data)
        if page is not None and page == request.page:
            raise ValueError("the next page is this one")
        answer = ModelList.take({**data, "object": "list", "data": []})
        answer.data, answer.next_page = models, page
        return answer

    def _model(self, item: JSON) -> ModelInfo:
        """A model in OpenAI's shape; the provider's own words for the same stay beside them."""
        listing = self._listing
        name = item[next((field for field in listing.id if field in item), listing.id[0])]
        if not isinstance(name, str) or not name:
            raise TypeError(f"a model's name of type {type(name).__name__}")
        fields: JSON = {
            "id": name.removeprefix(listing.prefix),
            "object": "model",
            "created": next((seconds(item[field]) for field in listing.created if item.get(field)), None),
            "owned_by": owner if isinstance(owner := item.get(listing.owned_by), str) else None,
        }
        hidden = {key: item[key] for key in fields if key in item and item[key] != fields[key]}
        rest = {key: value for key, value in item.items() if key not in fields}
        if hidden and KEPT not in rest:
            rest[KEPT] = hidden
        return ModelInfo(**fields, model_extra=rest)


class OpenAIModels(ModelListing):
    """The list of models of one vendor of OpenAI's dialect. See `Operation` for the contract."""

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        super().__init__(
            vendor, endpoint, url=operation_url(vendor, endpoint, vendor.models), listing=Listing()
        )


class AzureModels(ModelListing):
    """The models that an Azure OpenAI resource can deploy. See `Operation` for the contract."""

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        base, mark, query = endpoint.base_url.partition("?")
        root = base.rstrip("/").partition("/deployments/")[0]
        if root.endswith("/models"):  # the inference endpoint of a Foundry resource, which has no list
            root = f"{root.removesuffix('/models')}/openai/v1"
        super().__init__(
            vendor, endpoint, url=endpoint_url(f"{root}{mark}{query}", "/models"), listing=Listing()
        )


def seconds(value: object) -> int | None:
    """A time as seconds since 1970: a number of seconds or milliseconds, or an ISO 8601 text; None for anything else."""
    if isinstance(value, str):
        return epoch_seconds(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _NEVER:
        return None
    return int(value / 1000 if value >= _MILLISECONDS_FROM else value)
