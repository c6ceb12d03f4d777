"""Files of unknown origin, opened so that nothing can block, and files written whole."""
