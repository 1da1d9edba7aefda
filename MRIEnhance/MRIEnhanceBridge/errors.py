"""What the user is told when something cannot be done."""

from __future__ import annotations

from slicer.i18n import tr as _


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


class MissingPackages(BridgeError):
    """The worker's interpreter lacks packages.

    Parameters
    ----------
    missing
        Requirements, such as ``torch>=2.6``.
    """

    def __init__(self, missing: list[str]) -> None:
        self.missing = list(missing)
        message = _("{packages} must be installed first").format(packages=", ".join(self.missing))
        hint = _("press Apply in the module once and agree, or start a batch run with --install")
        super().__init__(message, hint, kind="MissingPackages")
