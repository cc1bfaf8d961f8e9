"""The table of embeddings on the page "Providers", as Markdown, found out as those of `provider_tables` are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs
from provider_tables import ENVIRONMENT, table

from aiocompl.codecs.dialects import _OPERATIONS
from aiocompl.codecs.routing import Target, known_vendors, resolve_operation
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import NotFoundError, UnsupportedParamsError
from aiocompl.types.request import EmbeddingRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiocompl.codecs.routing import OperationRoute

SAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "openai": ("text-embedding-3-small", "text-embedding-ada-002"),
    "vertex_ai": ("text-embedding-005", "gemini-embedding-001", "gemini-embedding-2"),
    "bedrock": (
        "amazon.titan-embed-text-v1",
        "amazon.titan-embed-text-v2:0",
        "amazon.nova-2-multimodal-embeddings-v1:0",
        "cohere.embed-v4:0",
    ),
}
"""Models of several kinds, where they differ."""

USUAL: Final = attrs.fields_dict(Vendor)
"""The fields of a vendor, with what they are where a row says nothing."""


def embeddings() -> str:
    """The table of the providers with embeddings that are known to differ, and two lines about the others."""
    routes = {vendor.name: _routes(vendor) for vendor in known_vendors()}
    rows = [_row(vendor, routes[vendor.name]) for vendor in known_vendors() if _differs(vendor, routes)]
    plain = [name for name, found in routes.items() if found and name not in {row[0][1:-2] for row in rows}]
    none = [name for name, found in routes.items() if not found]
    header = [
        "model",
        "provider",
        "texts a request",
        "`dimensions`",
        "`input_type`",
        "token numbers",
        "takes also",
    ]
    return (
        f"{table(header, rows)}\n\n"
        f"Asked just as OpenAI is, 2048 texts a request, where they have embeddings: {_listed(plain)}.\n\n"
        f"Known to have none, or not in a form that is spoken here: {_listed(none)}."
    )


def _differs(vendor: Vendor, routes: Mapping[str, list[OperationRoute[Any]]]) -> bool:
    own = vendor.name in _OPERATIONS["embeddings"] or vendor.name in SAMPLES
    usual = all(getattr(vendor, name) == USUAL[name].default for name in ("embedding_rules", "max_inputs"))
    return bool(routes[vendor.name]) and (own or not usual)


def _routes(vendor: Vendor) -> list[OperationRoute[Any]]:
    """The routes of the vendor's sample models; none where it has no embeddings."""
    base = None if vendor.name == "huggingface" else "https://example.invalid/v1"
    try:
        return [
            resolve_operation(
                "embeddings",
                Target(f"{vendor.name}/{model}", api_base=base, api_key="sk-example"),
                ENVIRONMENT,
            )
            for model in SAMPLES.get(vendor.name, ("some-model",))
        ]
    except NotFoundError:
        return []


def _row(vendor: Vendor, routes: list[OperationRoute[Any]]) -> list[str]:
    most = sorted({route.codec.max_inputs(route.model) for route in routes})
    title = f"[{vendor.title}]({vendor.docs})" if vendor.docs else vendor.title
    return [
        f"`{vendor.name}/`",
        title,
        " or ".join(map(str, most)),
        _verdict(takes(route, dimensions=256) for route in routes),
        _verdict(takes(route, input_type="query") for route in routes),
        _verdict(takes(route, [[1, 2]]) for route in routes),
        ", ".join(f"`{name}`" for name in sorted(routes[0].codec.native_params)) or "-",
    ]


def takes(route: OperationRoute[Any], texts: Any = ("hi",), **params: Any) -> bool:
    """Whether a request with these parameters is accepted."""
    if not route.codec.unsupported_params.isdisjoint(params):
        return False
    try:
        route.codec.encode_request(EmbeddingRequest(model=route.model, input=texts, params=params))
    except UnsupportedParamsError:
        return False
    return True


def _verdict(said: Iterable[bool]) -> str:
    answers = list(said)
    return "yes" if all(answers) else "some models" if any(answers) else "no"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}/`" for name in names)
