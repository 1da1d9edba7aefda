"""Keep freed memory for the next tensor instead of giving it back to the operating system."""

from __future__ import annotations

import ctypes
import sys

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
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return all([mallopt(_MMAP_THRESHOLD, _KEPT), mallopt(_TRIM_THRESHOLD, _KEPT)])
