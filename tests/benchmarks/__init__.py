"""What is measured and not tested: no figure of time fails a test."""
