"""What is measured and not tested: no figure of time fails a test."""

import latticewatch.app  # noqa: F401 — before numpy is loaded: it says how many threads linear algebra has
