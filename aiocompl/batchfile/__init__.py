"""Batches from files: requests in, results out, crash-safe.

`requests` and `results` are the formats of the lines, pure; `run` puts the rest together.
"""
