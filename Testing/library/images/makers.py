"""Grids, images and DICOM series for the tests of this room."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from hypothesis import strategies as st

from mrienhance.images import Grid

SCALAR_TYPES = [
    sitk.sitkInt8,
    sitk.sitkUInt8,
    sitk.sitkInt16,
    sitk.sitkUInt16,
    sitk.sitkInt32,
    sitk.sitkUInt32,
    sitk.sitkInt64,
    sitk.sitkUInt64,
    sitk.sitkFloat32,
    sitk.sitkFloat64,
]
INTEGER_TYPES = SCALAR_TYPES[:8]


def rotation(quaternion: Sequence[float]) -> np.ndarray:
    """The rotation matrix of a quaternion that is not zero."""
    w, x, y, z = np.asarray(quaternion) / np.linalg.norm(quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


@st.composite
def grids(draw: st.DrawFn, *, smallest: int = 1, largest: int = 6) -> Grid:
    """Oblique, left- and right-handed, anisotropic, shifted."""
    size = draw(st.tuples(*[st.integers(smallest, largest)] * 3))
    spacing = draw(st.tuples(*[st.floats(0.2, 8)] * 3))
    origin = draw(st.tuples(*[st.floats(-300, 300)] * 3))
    # Whole hundredths: ITK's own inverse of a direction breaks down with cosines of 1e-298, which no scanner makes.
    quaternion = draw(st.tuples(*[st.integers(-100, 100)] * 4).filter(any))
    handedness = draw(st.sampled_from([1.0, -1.0]))
    direction = rotation(quaternion) * [1, 1, handedness]
    return Grid(size, spacing, origin, tuple(direction.ravel().tolist()))


OBLIQUE = Grid(
    (5, 4, 3), (0.5, 0.75, 3.0), (-90.25, 126.5, -72.125), tuple((rotation((0.9, 0.2, -0.3, 0.1)) * [1, 1, -1]).ravel())
)


def blank(grid: Grid, kind: int = sitk.sitkFloat32) -> sitk.Image:
    """An image of zeros on a grid."""
    image = sitk.Image(list(grid.size), kind)
    grid.place(image)
    return image


def noise(grid: Grid, kind: int = sitk.sitkInt16, seed: int = 0) -> sitk.Image:
    """An image on a grid whose voxels differ."""
    values = np.random.default_rng(seed).uniform(0, 100, grid.shape)
    image = sitk.Cast(sitk.GetImageFromArray(values), kind)
    grid.place(image)
    return image


def write_slice(
    file: Path, values: np.ndarray, *, position: Sequence[float], series: str, number: int, tags: dict[str, str]
) -> None:
    """One sagittal DICOM slice (the columns run along y, the rows along z)."""
    slice_ = sitk.GetImageFromArray(values)
    slice_.SetSpacing((0.5, 0.75))
    written = {
        "0008|0060": "MR",
        "0008|103e": f"T1w sag {series[-1]}",
        "0008|0018": f"{series}.{number}",
        "0020|000d": "1.2.826.1",
        "0020|000e": series,
        "0020|0013": str(number),
        "0020|0032": "\\".join(f"{place:g}" for place in position),
        "0020|0037": "0\\1\\0\\0\\0\\1",
        "0028|1050": "40",
        "0028|1051": "400",
    }
    for key, value in {**written, **tags}.items():
        slice_.SetMetaData(key, value)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    writer.SetFileName(str(file))
    writer.Execute(slice_)


def write_series(
    folder: Path,
    *,
    series: str = "1.2.826.5",
    order: Sequence[int] = (3, 1, 0, 4, 2),
    name: str = "slice",
    tags: dict[str, str] | None = None,
) -> np.ndarray:
    """A DICOM series of slices 2.5 mm apart whose names and numbers follow `order`; returns the volume (k, j, i)."""
    folder.mkdir(exist_ok=True, parents=True)
    volume = np.arange(5 * 8 * 6, dtype=np.int16).reshape(5, 8, 6)
    for number, k in enumerate(order):
        file = folder / f"{name}{number}.dcm"
        position = (10 + 2.5 * k, -20, 30)
        write_slice(file, volume[k], position=position, series=series, number=number + 1, tags=tags or {})
    return volume
