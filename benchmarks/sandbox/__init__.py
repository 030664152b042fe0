"""What a cell costs in every sandbox. `load` is what is run, `plain` and `bench` run it, `tables` show it."""
