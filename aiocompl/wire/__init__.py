"""Bytes and messages: HTTP requests and responses as values, and push-style framing of streams. No I/O."""
