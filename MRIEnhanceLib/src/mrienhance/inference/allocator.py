"""Keep freed memory for the next tensor instead of giving it back to the operating system."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

# Parameters of glibc's mallopt (malloc.h).
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT = 2**30


def keep_freed_memory() -> bool:
    """Tell glibc to keep up to 1 GiB of freed memory.

    By default every feature map of a few megabytes is fetched from the operating system page by page, and given back at
    once: on the CPU that costs a network of many small layers a third of its time. This changes the whole process, so
    it is for programs of our own (the command, the worker), not for a library inside somebody else's.

    Returns
    -------
    bool
        Whether the C library understood; False on Windows, macOS and musl.

    Examples
    --------
    >>> from mrienhance.inference.allocator import keep_freed_memory
    >>> keep_freed_memory() in (True, False)
    True
    """
    mallopt = _of_glibc("mallopt")
    return mallopt is not None and all([mallopt(_MMAP_THRESHOLD, _KEPT), mallopt(_TRIM_THRESHOLD, _KEPT)])


def give_back_freed_memory() -> None:
    """Give all freed memory back to the operating system now, where the C library can be asked to.

    Examples
    --------
    >>> from mrienhance.inference.allocator import give_back_freed_memory
    >>> give_back_freed_memory()
    """
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _of_glibc(name: str) -> Any:
    """A function of the C library; None where there is none of that name."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        return getattr(ctypes.CDLL(None), name, None)
    except OSError:
        return None
