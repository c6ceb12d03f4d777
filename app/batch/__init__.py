"""Many scans: found, compared with what is recorded already, and worked on side by side, here or on a cluster."""
