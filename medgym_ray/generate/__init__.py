"""Runs episodes → trajectories. `command` is the course of one run, `driving` the part of it that needs Ray."""
