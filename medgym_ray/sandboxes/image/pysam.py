"""Stands in for pysam: programs of the benchmarks import it and use none of it."""
