"""Where the voxels of an image are, and where those of a finer or coarser one would be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
import SimpleITK as sitk
from numpy.typing import ArrayLike, NDArray

from mrienhance.errors import ImageError, UsageError

Alignment: TypeAlias = Literal["sample", "edge"]
Factors: TypeAlias = tuple[int, int, int]
Vector: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True)
class Grid:
    """The lattice of a volume in space.

    Parameters
    ----------
    size
        Voxels along i, j and k.
    spacing
        Distance between samples along i, j and k, in mm.
    origin
        Place of the centre of voxel (0, 0, 0), in mm: LPS, as in SimpleITK.
    direction
        The 3 x 3 matrix, row by row, whose columns are the directions of i, j and k.

    Notes
    -----
    A grid can be made finer or coarser in two ways, and the operator that relates the two images says which
    (`alignment`):

    ``"sample"``
        Sample 0 stays where it is, as with truncation and zero filling of k-space: fine sample f*n lies on coarse
        sample n, and the voxel edges move.
    ``"edge"``
        The edges of the volume stay, as with averaging of voxels: each coarse voxel is tiled by fine ones, and sample 0
        moves by (1 - 1/f)/2 of a coarse voxel.

    Examples
    --------
    >>> grid = Grid(size=(4, 4, 2), spacing=(1.0, 1.0, 3.0))
    >>> grid.finer((2, 2, 1), alignment="sample").origin
    (0.0, 0.0, 0.0)
    >>> grid.finer((2, 2, 1), alignment="edge").origin
    (-0.25, -0.25, 0.0)
    """

    size: tuple[int, int, int]
    spacing: Vector = (1.0, 1.0, 1.0)
    origin: Vector = (0.0, 0.0, 0.0)
    direction: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

    @classmethod
    def of(cls, image: sitk.Image) -> Grid:
        """The grid of a 3-D image.

        Raises
        ------
        ImageError
            If the image is not 3-D.
        """
        if image.GetDimension() != 3:
            raise ImageError(f"a volume is 3-D, not {image.GetDimension()}-D", hint="see check_image")
        return cls(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of the array or tensor: (k, j, i)."""
        i, j, k = self.size
        return k, j, i

    @property
    def axes(self) -> NDArray[np.float64]:
        """The 3 x 3 matrix, in mm, whose columns are the steps from one sample to the next along i, j and k."""
        columns: NDArray[np.float64] = np.reshape(self.direction, (3, 3)) * np.asarray(self.spacing)
        return columns

    def points(self, indices: ArrayLike) -> NDArray[np.float64]:
        """Physical places of continuous indices.

        Parameters
        ----------
        indices
            Shape (..., 3), in the order i, j, k; -0.5 is the outer edge of the first voxel.

        Returns
        -------
        ndarray
            Shape (..., 3), in mm, LPS.
        """
        places: NDArray[np.float64] = np.asarray(indices, dtype=np.float64) @ self.axes.T + np.asarray(self.origin)
        return places

    def finer(self, factors: Factors, *, alignment: Alignment) -> Grid:
        """The grid with `factors` times as many samples in the same field of view.

        Parameters
        ----------
        factors
            Whole numbers of at least 1, along i, j and k.
        alignment
            What stays in place: "sample" or "edge", see the class.

        Raises
        ------
        UsageError
            If a factor or the alignment is none.
        """
        _check(factors, alignment)
        i, j, k = (size * factor for size, factor in zip(self.size, factors, strict=True))
        return self._rescaled((i, j, k), [1 / factor for factor in factors], alignment)

    def coarser(self, factors: Factors, *, alignment: Alignment) -> Grid:
        """The grid with one sample for `factors` of this one: the inverse of `finer`.

        Parameters
        ----------
        factors
            Whole numbers of at least 1, along i, j and k.
        alignment
            What stays in place: "sample" or "edge", see the class.

        Raises
        ------
        ImageError
            If a size is not divisible by its factor.
        UsageError
            If a factor or the alignment is none.
        """
        _check(factors, alignment)
        for axis, size, factor in zip("ijk", self.size, factors, strict=True):
            if size % factor:
                raise ImageError(
                    f"{size} voxels along {axis} cannot be divided by {factor}",
                    hint=f"crop the image to {size - size % factor} voxels there, or choose another factor",
                )
        i, j, k = (size // factor for size, factor in zip(self.size, factors, strict=True))
        return self._rescaled((i, j, k), [float(factor) for factor in factors], alignment)

    def matches(self, other: Grid, *, tolerance: float = 1e-4) -> bool:
        """Whether two grids have the same voxels in the same places.

        Parameters
        ----------
        other
            The grid to compare with.
        tolerance
            How far any corner of the volume may be off, as a fraction of its diagonal: the default is 0.03 mm for a
            head. It forgives the single precision of NIfTI and the decimals of DICOM, not half a voxel.
        """
        if self.size != other.size:
            return False
        corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * self.size - 0.5
        offset = np.linalg.norm(self.points(corners) - other.points(corners), axis=1).max()
        return bool(offset <= tolerance * np.linalg.norm(self.axes @ np.asarray(self.size)))

    def place(self, image: sitk.Image) -> None:
        """Give an image of this size the spacing, origin and direction of the grid."""
        if image.GetSize() != self.size:
            raise ValueError(f"an image of size {image.GetSize()} does not fit a grid of size {self.size}")
        image.SetSpacing(self.spacing)
        image.SetOrigin(self.origin)
        image.SetDirection(self.direction)

    def _rescaled(self, size: tuple[int, int, int], steps: list[float], alignment: Alignment) -> Grid:
        """The grid whose spacing is `steps` times this one's."""
        x, y, z = (spacing * step for spacing, step in zip(self.spacing, steps, strict=True))
        origin = self.origin
        if alignment == "edge":
            # The first centre lies half a new voxel behind the edge, which lies half an old voxel before the old one.
            a, b, c = self.points([(step - 1) / 2 for step in steps]).tolist()
            origin = (a, b, c)
        return replace(self, size=size, spacing=(x, y, z), origin=origin)


def _check(factors: Sequence[float], alignment: str) -> None:
    if len(factors) != 3 or any(not math.isfinite(factor) or factor != int(factor) or factor < 1 for factor in factors):
        raise UsageError(
            f"the factors {factors!r} are not three whole numbers of at least 1", hint="in plane, twice: (2, 2, 1)"
        )
    if alignment not in get_args(Alignment):
        raise UsageError(f"there is no alignment {alignment!r}", hint=f"choose one of {', '.join(get_args(Alignment))}")
