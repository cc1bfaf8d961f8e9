"""One small pure file per dialect, and the catalogue of OpenAI-compatible vendors as data.

`base` holds the contract that every codec keeps. Nothing here does I/O, reads a clock, logs, or draws a random
number: keys, URLs and times are arguments.
"""
