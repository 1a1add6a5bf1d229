"""Errors that tell the reader what to do next."""


class StackError(Exception):
    """The stack can't run on this machine as it is. The message says what to install or where to look."""
