"""Command line, main window and sessions: where the parts are put together."""
