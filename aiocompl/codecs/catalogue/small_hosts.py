"""Smaller hosts. Little besides the address is confirmed.

Source: the vendors' documentation (`docs`) and well-kept clients of theirs, 2026-11.
Unverified: `matterai`.
"""

from __future__ import annotations

from typing import Final

from aiocompl.codecs.vendor import Vendor

VENDORS: Final = (
    Vendor(
        name="abliteration",
        title="abliteration.ai",
        base_url="https://api.abliteration.ai/v1",
        api_key_env=("ABLITERATION_API_KEY",),
        max_tokens="max_tokens",
    ),
    Vendor(
        name="llamagate",
        title="LlamaGate",
        base_url="https://api.llamagate.dev/v1",
        api_key_env=("LLAMAGATE_API_KEY",),
        max_tokens="max_tokens",
    ),
    Vendor(
        name="charity_engine",
        title="Charity Engine",
        base_url="https://api.charityengine.services/remotejobs/v2/inference",
        api_key_env=("CHARITY_ENGINE_API_KEY",),
        max_tokens="max_tokens",
    ),
    Vendor(
        name="darkbloom",
        title="Darkbloom",
        base_url="https://api.darkbloom.dev/v1",
        api_key_env=("DARKBLOOM_API_KEY",),
        base_env=("DARKBLOOM_API_BASE",),
        max_tokens="max_tokens",
    ),
    Vendor(
        name="empiriolabs",
        title="EmpirioLabs",
        base_url="https://api.empiriolabs.ai/v1",
        api_key_env=("EMPIRIOLABS_API_KEY",),
        base_env=("EMPIRIOLABS_API_BASE",),
        max_tokens="max_tokens",
    ),
    Vendor(
        name="pinstripes",
        title="Pinstripes",
        base_url="https://pinstripes.io/v1",
        api_key_env=("PINSTRIPES_API_KEY",),
        base_env=("PINSTRIPES_API_BASE",),
        max_tokens="max_tokens",
    ),
    Vendor(
        name="scx",
        title="SCX.ai",
        base_url="https://api.scx.ai/v1",
        api_key_env=("SCX_API_KEY",),
        base_env=("SCX_API_BASE",),
        max_tokens="max_tokens",
    ),
    Vendor(
        name="prism",
        title="Prism Inference",
        base_url="https://api.prisminference.com/v1",
        api_key_env=("PRISM_API_KEY",),
        base_env=("PRISM_API_BASE",),
    ),
    Vendor(
        name="sail",
        title="Sail Research",
        base_url="https://api.sailresearch.com/v1",
        api_key_env=("SAIL_API_KEY",),
        base_env=("SAIL_API_BASE",),
    ),
    Vendor(
        name="kenari",
        title="Kenari",
        base_url="https://kenari.id/v1",
        api_key_env=("KENARI_API_KEY",),
        base_env=("KENARI_API_BASE",),
        usage_asked=True,
        docs="https://kenari.id/docs",
    ),
    Vendor(
        name="matterai",
        title="MatterAI",
        base_url="https://api.matterai.so/v1",
        api_key_env=("MATTERAI_API_KEY",),
        max_tokens="max_tokens",
    ),
)
