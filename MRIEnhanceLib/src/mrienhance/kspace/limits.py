"""What protects from files that are not what they say: nothing in a header decides how much memory is taken."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from mrienhance.errors import KSpaceError

# Undersampled data with zeros in between pack well, 32-fold undersampling 32 times. Twice that and more is no scan.
_MOST_PACKED = 100
_ALWAYS_ALLOWED = 2**24


def check_size(wanted: int, held: int, path: Path) -> None:
    """Refuse to take `wanted` bytes of memory for a file that holds `held` bytes of packed or sparse data.

    Raises
    ------
    KSpaceError
        If no scan could pack that well.
    """
    if wanted > max(_ALWAYS_ALLOWED, held * _MOST_PACKED):
        raise KSpaceError(
            f"{path} claims {wanted / 2**20:,.0f} MiB of data, but holds only {held / 2**20:,.2f} MiB",
            hint="it is damaged, or made to fill the memory: export the raw data again",
        )


def check_file(path: Path) -> int:
    """Refuse what is no file with something in it; the size in bytes.

    Raises
    ------
    KSpaceError
        If there is no such file, or it cannot be read.
    """
    try:
        status = os.stat(path)
        if stat.S_ISREG(status.st_mode):
            open(path, "rb").close()
    except FileNotFoundError as error:
        raise KSpaceError(f"no such file: {path}", hint="check the path") from error
    except (OSError, ValueError) as error:  # a null character in the path is a ValueError
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise KSpaceError(f"cannot read {path}: {reason}", hint="check the path and its permissions") from error
    if stat.S_ISDIR(status.st_mode):
        raise KSpaceError(f"cannot read {path}: it is a folder", hint="give one file with raw k-space")
    if not stat.S_ISREG(status.st_mode):
        raise KSpaceError(f"cannot read {path}: not a file", hint="give one file with raw k-space")
    if status.st_size == 0:
        raise KSpaceError(f"cannot read {path}: the file is empty", hint="copy it again from its source")
    return status.st_size


def damaged(path: Path) -> KSpaceError:
    """The refusal of a file that is not whole."""
    return KSpaceError(
        f"{path} is truncated or damaged", hint="copy it again from its source: the copy may have been cut short"
    )
