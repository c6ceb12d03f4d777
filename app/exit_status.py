"""The exit statuses of the contract."""

DONE, INTERNAL_ERROR, UNUSABLE, INTERRUPTED = 0, 1, 2, 130
