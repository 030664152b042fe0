"""The audit of rewards: what gold, honest variants, near misses, cheats and constants earn, family by family."""
