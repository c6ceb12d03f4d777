"""Qt views: they show a snapshot and emit what the user wants."""
