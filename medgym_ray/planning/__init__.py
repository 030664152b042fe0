"""What a run will take: the pipeline and its engines in virtual time, and where each of the figures comes from."""
