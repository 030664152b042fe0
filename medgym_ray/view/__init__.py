"""A stored run as one static page, or served to this machine: figures, and a browser of trajectories."""
