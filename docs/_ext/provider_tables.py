"""The tables of the page "Providers", as Markdown, found out by asking the code itself.

What a dialect can do is tried: a request that needs it is checked and encoded as in a call, with a made-up key and with no
I/O. So the page cannot say anything else than the code does.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import attrs

from aiocompl.codecs.catalogue import ALIASES, FAMILIES
from aiocompl.codecs.dialects import bind_operation, dialect_of, operation_dialect
from aiocompl.codecs.natives import NATIVE_ALIASES
from aiocompl.codecs.routing import Target, known_vendors, resolve
from aiocompl.errors import NotFoundError, UnsupportedParamsError
from aiocompl.runtime.call import build_request, sort_keywords
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.params import OPENAI_PARAMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aiocompl.codecs.base import Codec
    from aiocompl.codecs.dialects import Kind
    from aiocompl.codecs.routing import Route
    from aiocompl.codecs.vendor import Vendor


@attrs.frozen
class Dialect:
    """A column of the table of what can be done."""

    title: str
    models: tuple[str, ...]
    """Models of several kinds, as a call names them: what only some of them can do is shown as that."""


DIALECTS: Final[Mapping[str, Dialect]] = {
    "openai": Dialect("OpenAI", ("openai/gpt-4o", "openai/gpt-5")),
    "responses": Dialect("Responses", ("openai/responses/gpt-4o", "openai/responses/gpt-5")),
    "anthropic": Dialect(
        "Anthropic",
        (
            "anthropic/claude-3-5-haiku-20241022",
            "anthropic/claude-sonnet-4-5",
            "anthropic/claude-opus-4-7",
        ),
    ),
    "gemini": Dialect(
        "Gemini", ("gemini/gemini-2.0-flash", "gemini/gemini-2.5-flash", "gemini/gemini-3-pro-preview")
    ),
    "vertex_ai": Dialect(
        "Vertex AI",
        ("vertex_ai/gemini-2.0-flash", "vertex_ai/gemini-2.5-flash", "vertex_ai/gemini-3-pro-preview"),
    ),
    "bedrock": Dialect(
        "Bedrock",
        (
            "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0",
            "bedrock/amazon.nova-pro-v1:0",
            "bedrock/meta.llama3-3-70b-instruct-v1:0",
        ),
    ),
    "cloudflare_run": Dialect("Workers AI (`run/`)", ("cloudflare/run/@cf/meta/llama-3.1-8b-instruct",)),
    "cohere": Dialect("Cohere", ("cohere/command-a-03-2025", "cohere/command-a-reasoning-08-2025")),
    "cohere_v1": Dialect("Cohere v1", ("cohere/v1/command-r-08-2024",)),
    "ollama": Dialect("Ollama", ("ollama/llama3.2",)),
    "replicate": Dialect("Replicate", ("replicate/meta/meta-llama-3-8b-instruct", "replicate/openai/gpt-4o")),
    "sagemaker": Dialect("SageMaker", ("sagemaker/my-endpoint",)),
    "sagemaker_inputs": Dialect("SageMaker, prompts", ("sagemaker/inputs/my-endpoint",)),
    "watsonx": Dialect("watsonx.ai", ("watsonx/ibm/granite-3-8b-instruct",)),
}
"""Every dialect by its name in `aiocompl.codecs.dialects`."""

HOSTED: Final[Mapping[str, str]] = {
    "azure_ai": "openai",
    "databricks": "openai",
    "foundry_claude": "anthropic",
    "huggingface": "openai",
    "snowflake_claude": "anthropic",
    "vertex_claude": "anthropic",
    "vertex_mistral": "openai",
    "vertex_openai": "openai",
}
"""Codecs of the same dialects at other hosts, where it is spoken with another address: they have no column."""

FRAMINGS: Final = {
    "SSEDecoder": "SSE",
    "GeminiFrames": "SSE",
    "PayloadDecoder": "SSE in AWS event stream",
    "JSONLinesDecoder": "JSON lines",
    "EventStreamDecoder": "AWS events",
}

NO: Final = "no"
HELLO: Final = "Hello!"
SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOLS: Final = [{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}]
PIXEL: Final = "data:image/png;base64,iVBORw0KGgo="
ENVIRONMENT: Final = {
    "GOOGLE_CLOUD_PROJECT": "my-project",
    "GOOGLE_CLOUD_LOCATION": "europe-west1",
    "WATSONX_PROJECT_ID": "p",
    "CLOUDFLARE_ACCOUNT_ID": "my-account",
}


@attrs.frozen
class Probe:
    """What is tried: parameters, and a part of the user's message."""

    params: Mapping[str, Any] = attrs.field(factory=dict)
    part: Mapping[str, Any] | None = None
    before: Mapping[str, Any] = attrs.field(factory=dict)
    """Parameters without which those that are tried mean nothing."""


def _file(data: str) -> Probe:
    return Probe(part={"type": "file", "file": {"filename": "a.pdf", "file_data": data}})


PROBES: Final[Mapping[str, Probe]] = {
    "`tools`": Probe({"tools": TOOLS}),
    '`tool_choice="required"`': Probe({"tool_choice": "required"}, before={"tools": TOOLS}),
    "`parallel_tool_calls=False`": Probe({"parallel_tool_calls": False}, before={"tools": TOOLS}),
    "JSON mode (`json_object`)": Probe({"response_format": {"type": "json_object"}}),
    "JSON Schema (`json_schema`)": Probe(
        {"response_format": {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA}}}
    ),
    "images inline": Probe(part={"type": "image_url", "image_url": {"url": PIXEL}}),
    "images by URL": Probe(
        part={"type": "image_url", "image_url": {"url": "https://example.com/a.png", "format": "image/png"}}
    ),
    "files (PDF)": _file("data:application/pdf;base64,JVBERi0="),
    "audio in": Probe(part={"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}),
    "audio out": Probe({"audio": {"voice": "alloy", "format": "pcm16"}, "modalities": ["text", "audio"]}),
    "`reasoning_effort`": Probe({"reasoning_effort": "low"}),
    "`thinking`": Probe({"thinking": {"type": "enabled", "budget_tokens": 2048}}),
    "web search (`web_search_options`)": Probe({"web_search_options": {}}),
    "`temperature`": Probe({"temperature": 0.5}),
    "`top_p`": Probe({"top_p": 0.5}),
    "`top_k`": Probe({"top_k": 20}),
    "`stop`": Probe({"stop": ["END"]}),
    "`n`": Probe({"n": 2}),
    "`seed`": Probe({"seed": 7}),
    "`logprobs`": Probe({"logprobs": True}),
    "`top_logprobs`": Probe({"top_logprobs": 2}, before={"logprobs": True}),
    "`logit_bias`": Probe({"logit_bias": {"50256": -100}}),
    "`presence_penalty`, `frequency_penalty`": Probe({"presence_penalty": 0.5, "frequency_penalty": 0.5}),
    "`service_tier`": Probe({"service_tier": "priority"}),
    "`user`": Probe({"user": "u-1"}),
    "`metadata`": Probe({"metadata": {"team": "search"}}),
}
"""The rows of the table, besides streams and the prompt cache."""

CACHES: Final[Mapping[str, Probe]] = {
    "`prompt_cache_key`": Probe({"prompt_cache_key": "k"}),
    "`cached_content`": Probe({"cached_content": "cachedContents/1"}),
    "`cache_control`": Probe(part={"type": "text", "text": "More.", "cache_control": {"type": "ephemeral"}}),
}
"""The ways to the prompt cache; the first that a dialect has is shown."""


OPERATIONS: Final[Mapping[Kind, str]] = {
    "embeddings": "aembedding",
    "rerank": "arerank",
    "moderations": "amoderation",
    "batches": "aiocompl batch --via provider",
    "models": "amodels",
}
"""The operations beside chat, and the function or command of each."""


def has(kind: Kind, vendor: Vendor) -> bool:
    """Whether a provider is known to have an operation beside chat."""
    dialect, _ = operation_dialect(kind, vendor, "some-model")
    endpoint = Endpoint(provider=vendor.name, base_url="https://example.invalid/v1", api_key="sk-example")
    try:
        bind_operation(kind, dialect, vendor, endpoint)
    except NotFoundError:
        return False
    return True


def operations() -> str:
    """The table of who has what beside chat; where it is more than half of all, of those who have not."""
    rows = []
    for kind, function in OPERATIONS.items():
        known = {vendor.name: has(kind, vendor) for vendor in known_vendors()}
        most = sum(known.values()) * 2 > len(known)
        names = ", ".join(f"`{name}`" for name, there in known.items() if there != most)
        rows.append([f"`{function}`", (f"all but {names}" if names else "all") if most else names])
    return table(["call", "providers"], rows)


@cache
def route_of(model: str) -> Route:
    """The route of a model, with a made-up key."""
    return resolve(Target(model, api_key="sk-example"), ENVIRONMENT)


def body_of(model: str, params: Mapping[str, Any], part: Mapping[str, Any] | None) -> bytes | None:
    """What would be sent; None where it would be refused."""
    route = route_of(model)
    known = OPENAI_PARAMS | route.codec.native_params
    if not known.issuperset(params):
        return None
    content = HELLO if part is None else [{"type": "text", "text": HELLO}, part]
    call = sort_keywords(model, [{"role": "user", "content": content}], stream=False, keywords=params)
    try:
        request, _ = build_request(call, route)
        return route.codec.encode_request(request).body
    except UnsupportedParamsError:
        return None


def takes(model: str, probe: Probe) -> bool:
    """Whether a request with it is accepted, and is another than the one without it."""
    with_it = body_of(model, {**probe.before, **probe.params}, probe.part)
    plain = None if probe.part is None else {"type": "text", "text": probe.part.get("text", "")}
    return with_it is not None and with_it != body_of(model, probe.before, plain)


def verdict(dialect: Dialect, probe: Probe) -> str:
    """A cell: what the dialect's models say, taken together."""
    said = [takes(model, probe) for model in dialect.models]
    return "yes" if all(said) else "some models" if any(said) else NO


def abilities() -> str:
    """The table of what each dialect can do."""
    columns = DIALECTS.values()
    rows = [["streams", *(FRAMINGS[type(_codec(column).frame_decoder()).__name__] for column in columns)]]
    rows += [[name, *(verdict(column, probe) for column in columns)] for name, probe in PROBES.items()]
    rows.append(["prompt cache", *(_cache(column) for column in columns)])
    return table(["", *(column.title for column in columns)], rows)


def _cache(dialect: Dialect) -> str:
    found = (name for name, probe in CACHES.items() if verdict(dialect, probe) != NO)
    return next(found, NO)


def _codec(dialect: Dialect) -> Codec:
    return route_of(dialect.models[0]).codec


def parameters(name: str) -> str:
    """Two lines: the parameters of its own that a dialect takes, and OpenAI's that it refuses."""
    codec = _codec(DIALECTS[name])
    refused = codec.unsupported_params & OPENAI_PARAMS
    return (
        f"Parameters of its own: {_listed(codec.native_params) or 'none'}.\n\n"
        f"Refused with `UnsupportedParamsError`, or dropped with `drop_params=True`: {_listed(refused) or 'none'}."
    )


def natives() -> str:
    """The table of the providers with a dialect of their own: names, keys, base URLs."""
    rows = [
        [_prefixes(vendor), _families(vendor) or "-", _keys(vendor), _base(vendor), _titled(vendor)]
        for vendor in known_vendors()
        if is_native(vendor)
    ]
    return table(["model", "bare names", "key", "base URL", "provider"], rows)


def vendors() -> str:
    """The table of all providers that speak OpenAI's dialect."""
    rows = [
        [
            _prefixes(vendor),
            _titled(vendor),
            _keys(vendor),
            _base(vendor),
            _families(vendor) or "-",
            _own(vendor),
            _refused(vendor),
        ]
        for vendor in known_vendors()
        if not is_native(vendor)
    ]
    return table(["model", "provider", "key", "base URL", "bare names", "takes also", "refuses"], rows)


def is_native(vendor: Vendor) -> bool:
    """Whether it speaks a dialect of its own."""
    dialect = dialect_of(vendor, "some-model")[0]
    return HOSTED.get(dialect, dialect) != "openai"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _prefixes(vendor: Vendor) -> str:
    """How a model is named; the aliases of those with a dialect of their own go first, as in routing."""
    aliases = {**ALIASES, **NATIVE_ALIASES}
    names = [vendor.name, *(alias for alias, name in aliases.items() if name == vendor.name)]
    return ", ".join(f"`{name}/`" for name in names)


def _families(vendor: Vendor) -> str:
    return ", ".join(
        f"`{start}…`" if start.endswith("-") else f"`{start}`"
        for start, name in FAMILIES
        if name == vendor.name
    )


def _keys(vendor: Vendor) -> str:
    names = " or ".join(f"`{name}`" for name in vendor.api_key_env)
    if not vendor.key_optional:
        return names
    return f"{names}, optional" if names else "none"


def _base(vendor: Vendor) -> str:
    usual = "-" if ".invalid" in vendor.base_url else f"`{vendor.base_url}`"
    override = " or ".join(f"`{name}`" for name in vendor.base_env)
    return f"{usual}; {override}" if override else usual


def _titled(vendor: Vendor) -> str:
    return f"[{vendor.title}]({vendor.docs})" if vendor.docs else vendor.title


def _unbound(vendor: Vendor) -> Codec:
    target = Target(f"{vendor.name}/some-model", api_base="https://example.invalid/v1", api_key="sk-example")
    return resolve(target, ENVIRONMENT).codec


def _own(vendor: Vendor) -> str:
    if not vendor.path:
        return "[embeddings](#embeddings) alone"
    return _listed(_unbound(vendor).native_params) or "-"


def _refused(vendor: Vendor) -> str:
    if not vendor.path:
        return "chat"
    refused = _unbound(vendor).unsupported_params & OPENAI_PARAMS
    if len(refused) * 2 > len(OPENAI_PARAMS):
        return f"all but {_listed(OPENAI_PARAMS - refused)}"
    return _listed(refused) or "-"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
