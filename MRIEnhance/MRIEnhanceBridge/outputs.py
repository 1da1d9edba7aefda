"""Files that appear whole or not at all: written beside, flushed, then renamed."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from slicer.i18n import tr as _

from MRIEnhanceBridge.errors import BridgeError


def report_path(path: Path) -> Path:
    """Where the report of the result in `path` lies."""
    return path.with_name(f"{path.name}.json")


def file_names(stem: str, maps: Iterable[str], ending: str) -> list[str]:
    """The names of a result's file and of its maps' files: ``anna.nrrd``, ``anna_attention.nrrd``."""
    return [f"{stem}{part}.{ending}" for part in ("", *(f"_{name}" for name in maps))]


def check_new(folder: Path, pattern: str) -> None:
    """Refuse to replace a result or its report.

    Parameters
    ----------
    folder
        Where the result shall go.
    pattern
        Its name, as a pattern of file names.

    Raises
    ------
    BridgeError
        If there is one.
    """
    for file in sorted([*folder.glob(pattern), *folder.glob(f"{pattern}.json")]):
        raise BridgeError(_("{file} exists already").format(file=file), _("--force replaces it"), kind="Exists")


def write_result(images: Mapping[Path, sitk.Image], report: Mapping[str, Any], *, force: bool) -> None:
    """Write a result and the images that belong to it, with the report of the result beside it.

    The report comes first and the result last: who sees the result finds all that belongs to it.

    Parameters
    ----------
    images
        The result first, by where each image shall be; the ending is the format.
    report
        How the result came to be.
    force
        Whether files that are there are replaced. They stay whole until the new ones are.

    Raises
    ------
    BridgeError
        If they exist, or cannot be written; then nothing new is left behind.
    """
    if not force:
        for path in images:
            check_new(path.parent, glob.escape(path.name))
    report_file = report_path(next(iter(images)))
    with _all_or_none((*images, report_file)), contextlib.ExitStack() as stack:
        for path, image in images.items():
            temporary = stack.enter_context(_appearing(path))
            sitk.WriteImage(image, str(temporary), True)
            _check_written(temporary, image)
            _flush(temporary)
        write_json(report, report_file)


@dataclass(frozen=True)
class Product:
    """A result that is to be written.

    Parameters
    ----------
    images
        The result first, then what belongs to it, by where each shall be.
    report
        How the result came to be.
    """

    images: Mapping[Path, sitk.Image]
    report: Mapping[str, Any]


def write_results(products: Sequence[Product], *, force: bool) -> None:
    """Write results that belong together, each as `write_result` does, all of them or none.

    Raises
    ------
    BridgeError
        If one of them exists, or cannot be written; then nothing new is left behind.
    """
    with _all_or_none([path for each in products for path in (*each.images, report_path(next(iter(each.images))))]):
        for each in products:
            write_result(each.images, each.report, force=force)


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """Write `content`; a file that is there is replaced.

    Raises
    ------
    BridgeError
        If it cannot be written.
    """
    with _appearing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _check_written(file: Path, image: sitk.Image) -> None:
    """Read NIfTI files again: ITK does not tell when the disk was full."""
    if file.name.endswith(".nii.gz"):
        written = sitk.GetArrayFromImage(sitk.ReadImage(str(file)))
        if not np.array_equal(written, sitk.GetArrayViewFromImage(image), equal_nan=True):
            raise OSError(_("it could not be completed, the disk may be full"))


def _flush(file: Path) -> None:
    """Wait for the disk: a full one shows now."""
    with open(file, "r+b") as stream:
        os.fsync(stream.fileno())


@contextlib.contextmanager
def _all_or_none(paths: Collection[Path]) -> Iterator[None]:
    """Take those away that appeared in the block if it ends with an error."""
    there = {path for path in paths if path.exists()}
    try:
        yield
    except BaseException:
        for path in paths:
            if path not in there:
                with contextlib.suppress(OSError):
                    path.unlink()
        raise


@contextlib.contextmanager
def _appearing(path: Path) -> Iterator[Path]:
    """Give a temporary path in the same folder, with the same ending; it becomes `path` when the block ends well."""
    ending = "".join(path.suffixes[-2:]) if path.name.endswith(".nii.gz") else path.suffix
    temporary = path.parent / f".MRIEnhance-{secrets.token_hex(6)}{ending}"
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        if isinstance(error, BridgeError):
            raise
        reason = getattr(error, "strerror", None) or str(error).strip().splitlines()[-1]
        message = _("{file} cannot be written: {reason}").format(file=path, reason=reason)
        hint = _("see that the folder is yours to write to and the disk has space")
        raise BridgeError(message, hint, details=str(error)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
