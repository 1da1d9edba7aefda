"""Works around a mistake of PySide6: it gives back references to None, True and False that it never took.

Seen with 6.12.0 on Python 3.11: each call of a function without a result takes one reference of None too many, until
the interpreter ends with "deallocating None". From Python 3.12 on these objects have no counted references.
"""

import ctypes
import sys

_MANY = 1 << 40


def protect() -> None:
    """Give None, True and False more references than can ever be lost."""
    if sys.version_info < (3, 12) and sys.getrefcount(None) < _MANY:
        for each in (None, True, False):
            # The count is the first field of every object (PyObject.ob_refcnt).
            ctypes.c_ssize_t.from_address(id(each)).value += _MANY
