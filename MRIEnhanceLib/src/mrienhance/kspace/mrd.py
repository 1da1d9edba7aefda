"""ISMRMRD files: one acquisition a readout, each with a header that says where in k-space it belongs.

Inati SJ et al. (2017), ISMRM Raw data format: a proposed standard for MRI raw datasets, Magn Reson Med 77:411-421.
Cartesian scans only. Lines are placed as the standard says: counter `center` of the encoding limits, and sample
`center_sample` of a readout, at the centre (size // 2) of the encoded matrix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mrienhance.errors import KSpaceError
from mrienhance.kspace.build import Contents
from mrienhance.kspace.hdf5 import child, dataset, guarded, names, read_text
from mrienhance.kspace.header import Encoding, Header, parse_header
from mrienhance.kspace.mrd_fill import Matrix, read_readouts
from mrienhance.kspace.mrd_lines import COUNTERS, Readouts, choose_readouts, locate
from mrienhance.kspace.mrd_place import place_stack
from mrienhance.kspace.types import Selection, slice_numbers, take
from mrienhance.kspace.volume import stack_slices

_AGAIN = "convert the raw data again"
# What is used of an acquisition's header, and its type by the standard.
_WHOLE = (
    *("number_of_samples", "active_channels", "center_sample", "discard_pre", "discard_post", "encoding_space_ref"),
    "flags",
)
_VECTORS = ("position", "read_dir", "phase_dir", "slice_dir")
_COUNTERS = ("kspace_encode_step_1", "kspace_encode_step_2", "slice", *COUNTERS)


def read_mrd(file: Any, path: Path, *, select: Mapping[str, int] | None = None, slices: Selection = None) -> Contents:
    """Read an open ISMRMRD file.

    Parameters
    ----------
    select
        Which encoding, contrast, phase, repetition or set to take, where there are several.
    slices
        Which slices to take, counted along slice_dir. Only their readouts are read.

    Raises
    ------
    KSpaceError
        If the file is damaged or unsafe, holds several images and none is selected, or is not Cartesian.
    DependencyError
        If the package ismrmrd is missing.
    """
    group = find_group(file, path)
    if group is None:
        raise KSpaceError(f"{path} holds no ISMRMRD data", hint="such a file has a group with 'data' and 'xml'")
    source, xml = dataset(group, "data", path), dataset(group, "xml", path)
    header = parse_header(read_text(xml, path), path)
    heads = _heads(source, path)
    readouts = choose_readouts(heads, select or {}, path)
    encoding = _encoding(header, readouts, path)
    numbers = np.concatenate([readouts.imaging, readouts.calibration])
    if np.unique(heads["active_channels"][numbers]).size > 1:
        raise KSpaceError(f"the readouts in {path} differ in their number of coils", hint=_AGAIN)
    contents = _read_image(source, heads, readouts, encoding, slices, path)
    contents.noise = _read_noise(source, heads, readouts, path)
    echoes = header.echo_times_ms
    echo = echoes[readouts.contrast] if readouts.contrast < len(echoes) else None
    contents.facts = replace(header.facts, te_ms=echo if echo is not None else header.facts.te_ms)
    return contents


def find_group(file: Any, path: Path) -> Any:
    """The group with the acquisitions: ``dataset``, or the only one of its kind; None if there is none.

    Raises
    ------
    KSpaceError
        If there are several, or it is behind a link.
    """
    found = {}
    for name in names(file, path):
        group = child(file, name, path)
        if hasattr(group, "keys") and {"data", "xml"} <= set(names(group, path)):
            found[name] = group
    if "dataset" in found:
        return found["dataset"]
    if len(found) > 1:
        raise KSpaceError(
            f"{path} holds several scans: {', '.join(sorted(found))}", hint="rename the one you want to 'dataset'"
        )
    return next(iter(found.values()), None)


def _heads(source: Any, path: Path) -> NDArray[Any]:
    """The headers of all acquisitions; their samples are not read."""
    fields = source.dtype.names or ()
    if "head" not in fields or "data" not in fields or len(source.shape) != 1:
        raise KSpaceError(f"{path} holds no acquisitions: they may be images", hint="give the raw data")
    head = source.dtype["head"]
    if not (
        _has(head, _WHOLE, "u")
        and _has(head, _VECTORS, "f", (3,))
        and _has(head, ("idx",), "V")
        and _has(head["idx"], _COUNTERS, "u")
    ):
        raise KSpaceError(f"the acquisitions in {path} have no headers of the standard", hint=_AGAIN)
    with guarded(path):
        heads: NDArray[Any] = source.fields("head")[...]
    return heads


def _has(kind: np.dtype[Any], names: tuple[str, ...], wanted: str, shape: tuple[int, ...] = ()) -> bool:
    """Whether a structured type has these fields, of this kind and shape."""
    return set(names) <= set(kind.names or ()) and all(
        kind[name].base.kind == wanted and kind[name].shape == shape for name in names
    )


def _encoding(header: Header, readouts: Readouts, path: Path) -> Encoding:
    if readouts.encoding >= len(header.encodings):
        raise KSpaceError(f"the XML header in {path} does not describe encoding {readouts.encoding}", hint=_AGAIN)
    encoding = header.encodings[readouts.encoding]
    if encoding.trajectory != "cartesian":
        raise KSpaceError(
            f"the trajectory in {path} is {encoding.trajectory[:40] or 'unknown'!r}, not Cartesian",
            hint="only Cartesian scans can be reconstructed here",
        )
    return encoding


def _read_image(
    source: Any, heads: NDArray[Any], readouts: Readouts, encoding: Encoding, selection: Selection, path: Path
) -> Contents:
    """Samples, geometry and a separate calibration scan."""
    nx, ny, nz = encoding.encoded.matrix
    if np.unique(heads["idx"]["kspace_encode_step_2"][readouts.imaging]).size == 1:
        nz = 1  # slices, whatever the header makes of their number
    crop = (encoding.kept(0, nx), encoding.kept(1, ny), encoding.kept(2, nz))
    stack = place_stack(heads[readouts.imaging], encoding, (nx, ny, nz), crop)
    slab = nz > 1
    chosen = slice_numbers(selection, crop[2] if slab else len(stack.order))
    order = stack.order if slab else [stack.order[number] for number in chosen]
    imaging, calibration = locate(heads, readouts, encoding, nz, path)
    shape = (int(heads["active_channels"][readouts.imaging[0]]), nz, ny, nx)

    matrix = Matrix(order, shape, path)
    matrix.add(source, imaging)
    contents = Contents(matrix.samples(), source="ISMRMRD", crop=(crop[1], crop[0]), notes=stack.notes)
    if calibration.numbers.size and encoding.calibration_mode in ("", "embedded"):
        matrix.add(source, matrix.missing(calibration))
        contents.samples = matrix.samples()
    elif calibration.numbers.size:
        separate = Matrix(order, shape, path)
        separate.add(source, calibration)
        contents.calibration = stack_slices(separate.samples(), keep=crop[2], name=f"the calibration scan in {path}")
    contents.samples = stack_slices(contents.samples, keep=crop[2], name=str(path))
    if slab:
        contents.samples = take(contents.samples, chosen).contiguous()
        contents.calibration = None if contents.calibration is None else take(contents.calibration, chosen)
    contents.geometry = stack.geometry.slices(chosen) if stack.geometry else None
    return contents


def _read_noise(source: Any, heads: NDArray[Any], readouts: Readouts, path: Path) -> torch.Tensor | None:
    """The noise scan (coil, samples), if there is one of the same coils."""
    coils = heads["active_channels"]
    alike = readouts.noise[coils[readouts.noise] == coils[readouts.imaging[0]]]
    parts = [data.copy() for data in read_readouts(source, alike, path)]
    return torch.from_numpy(np.concatenate(parts, axis=1)) if parts else None
