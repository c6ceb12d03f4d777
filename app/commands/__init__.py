"""The commands of ``latticewatch``, one module each; heavy imports wait until a command runs."""
