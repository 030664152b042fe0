"""Trajectories → training views: what a trainer loads, filtered, split by task, one fixed schema per view."""
