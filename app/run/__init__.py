"""One run, put together and carried out."""
