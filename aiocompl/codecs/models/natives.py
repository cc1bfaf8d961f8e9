"""The lists of models of dialects other than OpenAI's, each a table of its words.

Source: https://platform.claude.com/docs/en/api/models-list, https://ai.google.dev/api/models,
https://cloud.google.com/vertex-ai/docs/reference/rest/v1beta1/publishers.models/list,
https://docs.cohere.com/reference/list-models, https://docs.ollama.com/api/tags,
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListFoundationModels.html,
https://cloud.ibm.com/apidocs/watsonx-ai (foundation model specs), https://developers.cloudflare.com/api (model search),
https://docs.databricks.com/api (serving endpoints), https://docs.together.ai and https://docs.github.com/rest/models
(2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

import attrs

from aiocompl.codecs.bound import endpoint_url
from aiocompl.codecs.dialects import bind
from aiocompl.codecs.models.listing import Listing, ModelListing
from aiocompl.codecs.plain_operation import operation_url

if TYPE_CHECKING:
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.model import JSON


def anthropic(vendor: Vendor, endpoint: Endpoint) -> ModelListing:
    """Anthropic's list, page after page."""
    return _native("anthropic", vendor, endpoint, "/v1/models", _ANTHROPIC, "/messages", "/v1")


def gemini(vendor: Vendor, endpoint: Endpoint) -> ModelListing:
    """The list of Google's AI Studio, page after page."""
    return _native("gemini", vendor, endpoint, "/models", _GEMINI)


def vertex(vendor: Vendor, endpoint: Endpoint) -> ModelListing:
    """Google's own models on Vertex AI, of which the beta API alone has a list; projects have no part in it."""
    versioned = endpoint.base_url.partition("?")[0].partition("/projects/")[0].rstrip("/")
    url = f"{versioned.rpartition('/')[0]}/v1beta1/publishers/google/models"
    return ModelListing(vendor, endpoint, url=url, listing=_VERTEX, chat=bind("vertex_ai", vendor, endpoint))


def cohere(vendor: Vendor, endpoint: Endpoint) -> ModelListing:
    """Cohere's list, page after page."""
    return _native("cohere", vendor, endpoint, "/v1/models", _COHERE, "/chat", "/v1", "/v2")


def ollama(vendor: Vendor, endpoint: Endpoint) -> ModelListing:
    """The models that an Ollama server has got."""
    return _native("ollama", vendor, endpoint, "/api/tags", _OLLAMA, "/chat", "/api", "/v1")


def bedrock(vendor: Vendor, endpoint: Endpoint) -> ModelListing:
    """Bedrock's foundation models, which another host of the region lists than the one that runs them."""
    base = endpoint.base_url.replace("//bedrock-runtime.", "//bedrock.", 1)
    url = endpoint_url(base, "/foundation-models")
    return ModelListing(vendor, endpoint, url=url, listing=_BEDROCK, chat=bind("bedrock", vendor, endpoint))


def watsonx(vendor: Vendor, endpoint: Endpoint) -> ModelListing:
    """The foundation models of watsonx.ai, page after page."""
    from aiocompl.codecs.watsonx import VERSION  # noqa: PLC0415 - a dialect loads at first use

    version = ("version", endpoint.api_version or VERSION)
    listing = attrs.evolve(_WATSONX, query=(version, *_WATSONX.query))
    return _native("watsonx", vendor, endpoint, "/ml/v1/foundation_model_specs", listing, "/ml/v1")


def cloudflare(vendor: Vendor, endpoint: Endpoint) -> ModelListing:
    """Cloudflare's models, page after page."""
    url = endpoint_url(endpoint.base_url, "/models/search", vendor.path, "/v1")
    return ModelListing(vendor, endpoint, url=url, listing=_CLOUDFLARE)


def databricks(vendor: Vendor, endpoint: Endpoint) -> ModelListing:
    """The serving endpoints of a Databricks workspace: their names are the models'."""
    url = endpoint_url(endpoint.base_url, "/api/2.0/serving-endpoints", vendor.path, "/serving-endpoints")
    return ModelListing(vendor, endpoint, url=url, listing=_DATABRICKS)


def github(vendor: Vendor, endpoint: Endpoint) -> ModelListing:
    """GitHub's catalogue of models."""
    return _compatible(vendor, endpoint, "publisher")


def together(vendor: Vendor, endpoint: Endpoint) -> ModelListing:
    """Together's list, which has nothing around it."""
    return _compatible(vendor, endpoint, "organization")


def _native(
    dialect: str, vendor: Vendor, endpoint: Endpoint, path: str, listing: Listing, *surplus: str
) -> ModelListing:
    url = endpoint_url(endpoint.base_url, path, *surplus)
    return ModelListing(vendor, endpoint, url=url, listing=listing, chat=bind(dialect, vendor, endpoint))


def _compatible(vendor: Vendor, endpoint: Endpoint, owned_by: str) -> ModelListing:
    url = operation_url(vendor, endpoint, vendor.models)
    return ModelListing(vendor, endpoint, url=url, listing=Listing(owned_by=owned_by))


def _google_next(data: JSON) -> str | None:
    return data.get("nextPageToken") or None


def _anthropic_next(data: JSON) -> str | None:
    return data["last_id"] if data.get("has_more") else None


def _cohere_next(data: JSON) -> str | None:
    return data.get("next_page_token") or None


def _watsonx_next(data: JSON) -> str | None:
    link = data.get("next")
    return parse_qs(urlsplit(link["href"]).query)["start"][0] if link else None


def _cloudflare_next(data: JSON) -> str | None:
    info = data.get("result_info")
    if not info or info["page"] * info["per_page"] >= info["total_count"]:
        return None
    return str(info["page"] + 1)


_ANTHROPIC: Final = Listing(
    items=("data",),
    created=("created_at",),
    query=(("limit", "1000"),),
    page="after_id",
    next_page=_anthropic_next,
)
_GEMINI: Final = Listing(
    items=("models",),
    id=("name",),
    prefix="models/",
    created=(),
    query=(("pageSize", "1000"),),
    page="pageToken",
    next_page=_google_next,
)
_VERTEX: Final = Listing(
    items=("publisherModels",),
    id=("name",),
    prefix="publishers/google/models/",
    created=(),
    query=(("pageSize", "100"),),
    page="pageToken",
    next_page=_google_next,
)
_COHERE: Final = Listing(
    items=("models",),
    id=("name",),
    created=("created_at",),
    query=(("page_size", "1000"),),
    page="page_token",
    next_page=_cohere_next,
)
_OLLAMA: Final = Listing(items=("models",), id=("model", "name"), created=("modified_at",))
_BEDROCK: Final = Listing(items=("modelSummaries",), id=("modelId",), created=(), owned_by="providerName")
_WATSONX: Final = Listing(
    items=("resources",),
    id=("model_id",),
    created=(),
    owned_by="provider",
    query=(("limit", "200"),),
    page="start",
    next_page=_watsonx_next,
)
_CLOUDFLARE: Final = Listing(
    items=("result",),
    id=("name",),
    query=(("per_page", "100"),),
    page="page",
    next_page=_cloudflare_next,
)
_DATABRICKS: Final = Listing(
    items=("endpoints",), id=("name",), created=("creation_timestamp",), owned_by="creator"
)
