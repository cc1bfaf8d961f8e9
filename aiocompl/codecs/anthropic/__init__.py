"""Anthropic's Messages dialect, spoken by Anthropic itself, by Claude on Vertex and on Bedrock, and by Foundry.

What the hosts share stands in plain functions and the stream decoder; what differs between them (address, credentials,
where model and version go) are the few methods of `AnthropicCodec` that another host overrides.

Source: https://platform.claude.com/docs, Messages API, version 2023-06-01 (2026-11).
"""

from aiocompl.codecs.anthropic.codec import AnthropicCodec
from aiocompl.codecs.anthropic.stream import AnthropicStreamDecoder

__all__ = ["AnthropicCodec", "AnthropicStreamDecoder"]
