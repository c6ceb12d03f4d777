"""The main window and what belongs to it: the run's page, its docks, alarms, pictures, and the worker it looks at."""
