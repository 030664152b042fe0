"""Stored runs → data sets on a Hub: files by family and split, a card, a data-use gate, redaction."""
