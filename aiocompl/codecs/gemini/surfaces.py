"""What AI Studio and Vertex AI do differently, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

UNSUPPORTED: Final = frozenset(
    {
        "logit_bias",
        "moderation",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "store",
        "user",
        "verbosity",
    }
)
"""OpenAI's parameters that neither surface has a place for."""


@attrs.frozen(kw_only=True)
class Surface:
    """One of the two places where the dialect is spoken."""

    models: str
    """What stands before the model's name in a URL, below the base URL."""

    auth_header: str
    """The header that carries the credentials."""

    auth_prefix: str = ""
    """What stands before them in it."""

    finish_reasons: Mapping[int, str]
    """The finish reasons by their numbers, which a URL with ``enum-encoding=int`` asks for; the two differ."""

    block_reasons: Mapping[int, str]
    """The reasons why a prompt is blocked, by their numbers."""

    unsupported: frozenset[str]
    """OpenAI's parameters that have no place here."""

    labels: bool = False
    """OpenAI's `metadata` can be sent, as ``labels``."""

    mixing_flag: bool = False
    """Functions beside the provider's own tools need ``includeServerSideToolInvocations``."""

    def finish_reason(self, word: str | int) -> str:
        """The name of a finish reason given by name or number."""
        return word if isinstance(word, str) else self.finish_reasons.get(word, f"FINISH_REASON_{word}")

    def block_reason(self, word: str | int) -> str:
        """The name of a block reason given by name or number."""
        return word if isinstance(word, str) else self.block_reasons.get(word, f"BLOCK_REASON_{word}")


AI_STUDIO: Final = Surface(
    models="models",
    auth_header="x-goog-api-key",
    finish_reasons={
        0: "FINISH_REASON_UNSPECIFIED",
        1: "STOP",
        2: "MAX_TOKENS",
        3: "SAFETY",
        4: "RECITATION",
        5: "OTHER",
        6: "LANGUAGE",
        7: "BLOCKLIST",
        8: "PROHIBITED_CONTENT",
        9: "SPII",
        10: "MALFORMED_FUNCTION_CALL",
        11: "IMAGE_SAFETY",
        12: "UNEXPECTED_TOOL_CALL",
    },
    block_reasons={1: "SAFETY", 2: "OTHER", 3: "BLOCKLIST", 4: "PROHIBITED_CONTENT", 5: "IMAGE_SAFETY"},
    unsupported=UNSUPPORTED | {"metadata"},
    mixing_flag=True,
)

VERTEX: Final = Surface(
    models="publishers/google/models",
    auth_header="Authorization",
    auth_prefix="Bearer ",
    finish_reasons={
        0: "FINISH_REASON_UNSPECIFIED",
        1: "STOP",
        2: "MAX_TOKENS",
        3: "SAFETY",
        4: "RECITATION",
        5: "OTHER",
        6: "BLOCKLIST",
        7: "PROHIBITED_CONTENT",
        8: "SPII",
        9: "MALFORMED_FUNCTION_CALL",
        10: "MODEL_ARMOR",
        11: "IMAGE_SAFETY",
        12: "IMAGE_PROHIBITED_CONTENT",
        13: "IMAGE_RECITATION",
        14: "IMAGE_OTHER",
        15: "UNEXPECTED_TOOL_CALL",
        16: "NO_IMAGE",
    },
    block_reasons={
        1: "SAFETY",
        2: "OTHER",
        3: "BLOCKLIST",
        4: "PROHIBITED_CONTENT",
        5: "MODEL_ARMOR",
        6: "IMAGE_SAFETY",
        7: "JAILBREAK",
    },
    unsupported=UNSUPPORTED | {"service_tier"},
    labels=True,
)

_MULTI_REGIONS: Final = frozenset({"us", "eu"})


def vertex_base_url(project: str, location: str, version: str = "v1") -> str:
    """The base URL of Vertex AI for a project and a location: a region, ``global``, or the multi-regions ``us`` and ``eu``."""
    if location == "global":
        host = "aiplatform.googleapis.com"
    elif location in _MULTI_REGIONS:
        host = f"aiplatform.{location}.rep.googleapis.com"
    else:
        host = f"{location}-aiplatform.googleapis.com"
    return f"https://{host}/{version}/projects/{project}/locations/{location}"
