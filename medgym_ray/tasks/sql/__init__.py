"""What the families share whose gold is a SQL query: clock, execution, checks, scoring."""
