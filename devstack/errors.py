"""What can go wrong, said so that the reader knows what to do next."""


class StackError(Exception):
    """The stack can't be had on this machine as it is; the message says what to install or where to look."""
