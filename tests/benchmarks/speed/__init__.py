"""How fast the program is: per stage and end to end, beside its yardsticks in the same run."""
