"""The exit statuses of the contract."""

DONE, INTERNAL_ERROR, UNUSABLE, NO_NUMBERS, INTERRUPTED = 0, 1, 2, 3, 130
