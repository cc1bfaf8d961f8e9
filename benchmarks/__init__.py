"""The library's own benchmarks: scripts that print tables, never tests that assert on time."""
