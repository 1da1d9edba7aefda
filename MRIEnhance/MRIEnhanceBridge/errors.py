"""What the user is told when something cannot be done."""

from __future__ import annotations


class BridgeError(RuntimeError):
    """A refusal in one clear line.

    Parameters
    ----------
    message
        What is wrong, one line.
    hint
        What to do about it, one line, or empty.
    kind
        Class of the error, as the worker names it (``"ImageError"``, ``"Cancelled"`` ...); empty for the bridge's own.
    details
        What helps whoever looks into it, such as a traceback; several lines, or empty.
    """

    def __init__(self, message: str, hint: str = "", *, kind: str = "", details: str = "") -> None:
        super().__init__(f"{message} ({hint})" if hint else message)
        self.message = message
        self.hint = hint
        self.kind = kind
        self.details = details
