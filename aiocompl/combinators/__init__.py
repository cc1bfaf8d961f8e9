"""Race, fan-out and batch: many calls as one. They stand on nothing but a function that asks one model."""

from __future__ import annotations

from typing import Final

CONCURRENCY: Final = 100
"""How many prompts of a batch are asked at a time where nothing else is said."""
