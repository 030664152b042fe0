"""Published formulas as plain functions, one per calculator, in the units that their parameters name.

Every function stands alone (no module-level name is used, imports are its own), because its source text is also the
oracle's program: what is demonstrated is what made the gold.
"""
