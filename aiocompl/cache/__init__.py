"""Answers that are kept and given again, and calls that share one: a layer above the policy loop."""
