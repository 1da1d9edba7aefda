"""Images as the protocol has them: a file of bare voxels, and its description."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrienhance.cli.worker.fields import Fields, number, one_of, path, positive, tuple_of, whole
from mrienhance.cli.worker.protocol import ProtocolError
from mrienhance.images.pixel_types import PIXEL_BYTES

if TYPE_CHECKING:
    import SimpleITK as sitk

_ROUNDING = 1e-3


@dataclass(frozen=True)
class Described:
    """An image that was sent: its voxels are still in their file.

    Parameters
    ----------
    voxels
        The file.
    pixel_type
        NumPy's name of the pixel type.
    size, spacing, origin, direction
        As SimpleITK has them (LPS).
    """

    voxels: Path
    pixel_type: str
    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    direction: tuple[float, ...]

    @classmethod
    def of(cls, fields: Fields) -> Described:
        """Take a description apart.

        Raises
        ------
        ProtocolError
            If a field is missing, unknown or wrong, or the axes are not perpendicular to each other.
        """
        i, j, k = fields.required("size", tuple_of(whole(1), 3))
        x, y, z = fields.required("spacing", tuple_of(positive, 3))
        a, b, c = fields.required("origin", tuple_of(number, 3))
        described = cls(
            voxels=fields.required("voxels", path),
            pixel_type=fields.required("pixel_type", one_of(*PIXEL_BYTES)),
            size=(i, j, k),
            spacing=(x, y, z),
            origin=(a, b, c),
            direction=fields.required("direction", tuple_of(number, 9)),
        )
        fields.optional("window", tuple_of(number, 2))  # an image of an answer may come back as it is
        fields.finish()
        if not _is_orthonormal(described.direction):
            raise ProtocolError(
                f"{fields.where}: the columns of 'direction' must be perpendicular and of length 1",
                hint="resample the image to a regular grid first",
            )
        return described

    def read(self, what: str) -> sitk.Image:
        """Read the image.

        Parameters
        ----------
        what
            What to call it in a message.

        Raises
        ------
        ImageError
            If the file is not there or has another size.
        """
        from mrienhance.images import Grid, read_raw

        grid = Grid(self.size, self.spacing, self.origin, self.direction)
        return read_raw(self.voxels, grid=grid, pixel_type=self.pixel_type, what=what)


def describe(image: sitk.Image, file: Path, *, symmetric: bool = False) -> dict[str, Any]:
    """An image as an answer has it, its voxels being in a file already.

    Parameters
    ----------
    image
        A scalar volume.
    file
        Where its voxels are.
    symmetric
        Whether 0 shall be in the middle of the display window.
    """
    import SimpleITK as sitk

    from mrienhance.images import display_window

    values = sitk.GetArrayViewFromImage(image)
    return {
        "voxels": str(file),
        "pixel_type": values.dtype.name,
        "size": list(image.GetSize()),
        "spacing": list(image.GetSpacing()),
        "origin": list(image.GetOrigin()),
        "direction": list(image.GetDirection()),
        "window": list(display_window(values, symmetric=symmetric)),
    }


def _is_orthonormal(direction: tuple[float, ...]) -> bool:
    columns = [direction[axis::3] for axis in range(3)]
    return all(
        abs(sum(p * q for p, q in zip(columns[a], columns[b], strict=True)) - (a == b)) <= _ROUNDING
        for a, b in product(range(3), repeat=2)
    )
