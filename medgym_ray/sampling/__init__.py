"""Which task gets the next rollout: every task as often as every other, or where a pair may come of it."""
