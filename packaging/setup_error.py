"""The one error of the set-up scripts."""


class SetupError(Exception):
    """Set-up cannot continue. One line: what, where, what to do."""
