"""What records mean: rows, tie groups, power, effects."""
