"""Google Gemini's ``generateContent`` dialect, on AI Studio (`GeminiCodec`) and on Vertex AI (`VertexCodec`).

Sources: https://ai.google.dev/api/generate-content and
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference (2026-11).
"""

from __future__ import annotations

from aiocompl.codecs.gemini.codec import GeminiCodec, VertexCodec
from aiocompl.codecs.gemini.surfaces import vertex_base_url

__all__ = ["GeminiCodec", "VertexCodec", "vertex_base_url"]
