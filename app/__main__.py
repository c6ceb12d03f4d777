"""``python -m latticewatch.app`` is the ``latticewatch`` command."""

from latticewatch.app.main import main

if __name__ == "__main__":
    main()
