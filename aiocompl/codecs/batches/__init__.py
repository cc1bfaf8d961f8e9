"""Batches that a provider works off by itself, dialect by dialect."""
