"""Scores stored trajectories again, with the scorers of today, into a new directory; the run itself is not touched."""
