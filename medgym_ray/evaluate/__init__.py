"""Stored runs → benchmark tables: success, pass@k, best@k, cost, each with an interval over tasks."""
