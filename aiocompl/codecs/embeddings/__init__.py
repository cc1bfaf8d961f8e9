"""Texts to vectors, in each provider's dialect."""
