"""What goes wrong, with the text and the hint of the command line."""

from __future__ import annotations


class MunasError(RuntimeError):
    """Something failed on the way: the disk, or every training of a search."""


class InputError(MunasError, ValueError):
    """Something that was asked for cannot be: a wrong value, data that cannot be used, a folder that is no run."""


class MunasWarning(UserWarning):
    """Something about the data or the run that its user should know."""
