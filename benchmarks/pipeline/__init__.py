"""What a trajectory costs from end to end, beside a peer that plays the same ones."""
