"""The refusals of the library: one clear line, and a hint that says what to do."""

from __future__ import annotations


class MRIEnhanceError(Exception):
    """Something the user can understand and mend.

    Parameters
    ----------
    message
        One line: what is wrong, with the value received.
    hint
        One line: what to do about it; empty if there is nothing to say.

    Attributes
    ----------
    said
        Whether another process of the same work tells the user, so that this one need not; it leaves the exit code to
        that one, too.
    """

    said = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ImageError(MRIEnhanceError):
    """An image that cannot be read or used."""


class KSpaceError(MRIEnhanceError):
    """Raw k-space that cannot be read or used."""


class ModelError(MRIEnhanceError):
    """A model file that is missing, broken, tampered with, or made for something else."""


class OutputError(MRIEnhanceError):
    """A result that cannot be written where it was asked for."""


class DependencyError(MRIEnhanceError):
    """A library or a device that is not there."""


class OutOfMemory(MRIEnhanceError):
    """Work that needs more memory than there is, whatever is given up."""


class UsageError(MRIEnhanceError):
    """A request that contradicts itself or names what does not exist (exit code 2)."""


class Cancelled(MRIEnhanceError):
    """The user stopped the work (exit code 130)."""

    def __init__(self, message: str = "cancelled", *, hint: str = "nothing was written") -> None:
        super().__init__(message, hint=hint)
