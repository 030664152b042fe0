"""The views: each says which trajectories it wants, which of them make an example, and what the example is."""
