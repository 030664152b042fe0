"""Builders of the bundled synthetic sample: our own tasks in the original's layout, gold computed, never typed in."""

SEED = 20250605
"""Of the sample that is shipped."""
