"""Cohere's own chat dialects: v2, and v1 for what only v1 has."""
