"""The one error that is meant for a person."""


class UserError(ValueError):
    """What was given, what was expected, what to do, in a sentence.

    The command line prints it without a traceback and exits with 2.
    """
