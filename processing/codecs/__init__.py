"""Decoders of detectors' packings, compiled; they work on bare arrays."""
