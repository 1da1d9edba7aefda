"""Where a command will write: checked before the work starts; and what it has made, written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mrienhance.errors import UsageError

if TYPE_CHECKING:
    import SimpleITK as sitk

    from mrienhance.models import Entry, Model
    from mrienhance.tasks.result import Report

Load: TypeAlias = "Callable[[Entry], Model]"
"""Loads a model that the catalogue has found, or has it loaded already."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """What a command reads, and where it will write.

    Parameters
    ----------
    inputs
        What it reads, always in the same order.
    images, files
        Where it will write images, and anything else; the first image is the result.
    """

    inputs: tuple[Path, ...]
    images: tuple[Path, ...]
    files: tuple[Path, ...] = ()

    def check(self, *, force: bool) -> None:
        """Refuse what `check_outputs` refuses."""
        check_outputs(inputs=self.inputs, images=self.images, files=self.files, force=force)


@dataclass(frozen=True, kw_only=True)
class Made:
    """What a command has made and written.

    Parameters
    ----------
    images
        The images by their files; the first is the result.
    report
        Of the result, or of the first one.
    notes
        Lines that people may want to read beside it.
    """

    images: Mapping[Path, sitk.Image]
    report: Report
    notes: tuple[str, ...] = ()


def given(*paths: Path | None) -> tuple[Path, ...]:
    """Those paths that were given."""
    return tuple(path for path in paths if path is not None)


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


def write_all(images: Mapping[Path, sitk.Image], report: Path | None, content: str, *, force: bool) -> None:
    """Write images and a report, all of it or nothing.

    Raises
    ------
    OutputError
        If something cannot be written.
    """
    from mrienhance.images import write_image

    def writer(image: sitk.Image) -> Callable[[Path], object]:
        return lambda path: write_image(image, path, overwrite=True)

    with ExitStack() as stack:
        stack.enter_context(beside(report, text(content), force=force))
        for path, image in images.items():
            stack.enter_context(beside(path, writer(image), force=force))
