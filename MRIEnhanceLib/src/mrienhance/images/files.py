"""Files that appear whole or not at all: written beside, flushed, then renamed."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from mrienhance.errors import OutputError

_HINTS = {
    errno.ENOSPC: "free some space on that disk, or write to another one",
    errno.EDQUOT: "your quota on that disk is used up: free some space, or write to another one",
    errno.EFBIG: "the file is larger than this disk or account allows: write to another one",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to, and close the file if another program has it open",
    errno.EROFS: "the disk is read-only: choose another folder",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOTDIR: "a part of the path is a file, not a folder: choose another path",
}


def check_output(
    path: str | os.PathLike[str], *, overwrite: bool = False, sources: Iterable[str | os.PathLike[str]] = ()
) -> Path:
    """Refuse an output that could not be written, before any work is done for it.

    A file is made beside the output and removed again: that is the only sure test of a folder on every system.

    Parameters
    ----------
    path
        Where the result shall go.
    overwrite
        Whether a file that is there may be replaced.
    sources
        Files that are read for this result; none of them is ever replaced, whatever `overwrite` says.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    OutputError
        If there is a file already, if it is a source, or if its folder is missing or cannot be written to.

    Examples
    --------
    >>> from mrienhance.errors import OutputError
    >>> try:
    ...     check_output("no/such/folder/out.nii.gz")
    ... except OutputError as error:
    ...     print(error.hint)
    make the folder first, or choose another one
    """
    path = Path(path)
    _check_target(path, overwrite=overwrite, sources=sources)
    if not path.parent.exists():
        raise OutputError(
            f"cannot write {path}: the folder {path.parent} does not exist",
            hint="make the folder first, or choose another one",
        )
    try:
        _reserve(path).unlink()
    except OSError as error:
        raise refusal(path, error) from error
    return path


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary path to write to; it becomes `path` when the block ends well, and vanishes when it does not.

    Parameters
    ----------
    path
        Where the file shall be.
    overwrite
        Whether a file that is there may be replaced; it stays whole until the new one is.

    Yields
    ------
    Path
        An empty file in the same folder, with the same suffixes.

    Raises
    ------
    OutputError
        If `check_output` refuses the path, or if writing, flushing or renaming fails (any `OSError` in the block).

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_path(Path(folder) / "report.json") as temporary:
    ...         _ = temporary.write_text("{}", encoding="utf-8")
    ...     print([file.name for file in Path(folder).iterdir()])
    ['report.json']
    """
    path = check_output(path, overwrite=overwrite)
    temporary: Path | None = None
    try:
        temporary = _reserve(path)
        yield temporary
        _flush(temporary)
        _check_target(path, overwrite=overwrite)
        os.replace(temporary, path)
        _flush_folder(path.parent)
    except OSError as error:
        raise refusal(path, error) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def _check_target(path: Path, *, overwrite: bool, sources: Iterable[str | os.PathLike[str]] = ()) -> None:
    try:
        os.lstat(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise refusal(path, error) from error
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder", hint="add the name of a file")
    for source in sources:
        if os.path.exists(source) and os.path.exists(path) and os.path.samefile(path, source):
            raise OutputError(f"cannot write {path}: it is the input", hint="choose another name for the output")
    if not overwrite:
        raise OutputError(
            f"cannot write {path}: it exists already",
            hint="choose another name, or allow it to be replaced (--force, overwrite=True)",
        )


def _reserve(path: Path) -> Path:
    """Make an empty file of our own beside `path`. The permissions are those of any new file, unlike with tempfile."""
    suffixes = ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix
    temporary = path.parent / f".mrienhance-{secrets.token_hex(6)}{suffixes}"
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    return temporary


def _flush(path: Path) -> None:
    """Wait until the bytes are on the disk, so that a full disk shows now and a power cut loses nothing."""
    with open(path, "r+b") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Make the new name last too, where the system can (Windows cannot open a folder)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def refusal(path: Path, error: OSError) -> OutputError:
    """What to raise when the system would not write a file."""
    reason = (error.strerror or str(error)).strip().lower()
    hint = _HINTS.get(error.errno or 0, "check the folder and the disk, or choose another one")
    return OutputError(f"cannot write {path}: {reason}", hint=hint)
