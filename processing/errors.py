"""The one error a user is meant to read."""


class UserError(Exception):
    """What was given is unusable. The message is one line: what, where, what to do. Exit status 2."""
