"""Live streams, each from a real sender on this machine."""
