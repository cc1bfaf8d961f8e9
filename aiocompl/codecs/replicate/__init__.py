"""Replicate's predictions: jobs that are created, asked after or followed, and cancelled."""

from aiocompl.codecs.replicate.codec import ReplicateCodec

__all__ = ["ReplicateCodec"]
