"""Where a command will write: checked before the work starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mrienhance.errors import UsageError


def check_outputs(
    *, inputs: Iterable[Path | None], images: Iterable[Path | None] = (), files: Iterable[Path | None] = (), force: bool
) -> None:
    """Refuse outputs that cannot or must not be written; None stands for an output that was not asked for.

    Parameters
    ----------
    inputs
        What the command reads.
    images, files
        Where it will write images, and anything else.
    force
        Whether files that exist may be overwritten.

    Raises
    ------
    UsageError
        If two outputs are one file.
    OutputError
        If an output is one of the inputs, exists without `force`, or lies where nothing can be written.
    """
    from mrienhance.images import check_image_output, check_output

    sources = tuple(path for path in inputs if path is not None)
    seen: set[Path] = set()
    for path, check in [(path, check_image_output) for path in images] + [(path, check_output) for path in files]:
        if path is None:
            continue
        if path.resolve() in seen:
            raise UsageError(f"{path} is asked for twice", hint="give each output its own name")
        seen.add(path.resolve())
        check(path, overwrite=force, sources=sources)


@contextmanager
def beside(path: Path | None, write: Callable[[Path], object], *, force: bool) -> Iterator[None]:
    """Have `write` make a file that appears when the block has ended well: beside a result, never without it."""
    if path is None:
        yield
        return
    from mrienhance.images import atomic_path

    with atomic_path(path, overwrite=force) as temporary:
        write(temporary)
        yield


def text(content: str) -> Callable[[Path], object]:
    """What writes a text file, for `beside`."""
    return lambda path: path.write_text(content, encoding="utf-8", newline="\n")
