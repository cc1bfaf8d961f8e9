"""Embeddings as the providers' servers speak them, one file each; the dialects of chat read and answer through these."""
