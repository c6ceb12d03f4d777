"""Many scans: trees, what is left to do, workers that die, a Dask cluster."""
