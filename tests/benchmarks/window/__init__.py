"""How long the window's event loop is blocked."""
