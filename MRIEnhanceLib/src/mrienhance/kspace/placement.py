"""Where the image that k-space becomes lies in space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vector: TypeAlias = tuple[float, float, float]

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Placement:
    """The lattice of the image after the inverse Fourier transform and the crop to `KSpace.crop`.

    Parameters
    ----------
    size
        Voxels along i (kx), j (ky) and k (slices).
    spacing
        Distance between samples along i, j and k, in mm.
    origin
        Place of the centre of voxel (0, 0, 0), in mm: LPS, as in SimpleITK and DICOM.
    direction
        The 3 x 3 matrix, row by row, whose columns are the directions of i, j and k.
    in_patient
        False where the file says how large the voxels are, but not where the patient was: the volume is then centred
        on the origin with its axes along the coordinates.

    Examples
    --------
    >>> from mrienhance.kspace import Placement
    >>> Placement(size=(4, 4, 2), spacing=(1.0, 1.0, 3.0), origin=(-2.0, -2.0, 0.0)).points((2, 2, 1)).tolist()
    [0.0, 0.0, 3.0]
    """

    size: tuple[int, int, int]
    spacing: Vector = (1.0, 1.0, 1.0)
    origin: Vector = (0.0, 0.0, 0.0)
    direction: tuple[float, ...] = IDENTITY
    in_patient: bool = True

    def points(self, indices: ArrayLike) -> NDArray[np.float64]:
        """Physical places, in mm, of continuous indices in the order i, j, k; both of shape (..., 3)."""
        steps = np.reshape(self.direction, (3, 3)) * np.asarray(self.spacing)
        places: NDArray[np.float64] = np.asarray(indices, dtype=np.float64) @ steps.T + np.asarray(self.origin)
        return places

    def slices(self, numbers: Sequence[int]) -> Placement | None:
        """The lattice of some of the slices, or None if these are not evenly spaced in increasing order."""
        steps = set(np.diff(numbers).tolist())
        if len(steps) > 1 or min(steps, default=1) < 1:
            return None
        step = steps.pop() if steps else 1
        i, j, _ = self.size
        x, y, z = self.spacing
        return replace(
            self,
            size=(i, j, len(numbers)),
            spacing=(x, y, z * step),
            origin=_vector(self.points((0, 0, numbers[0]))),
        )

    @classmethod
    def around(
        cls,
        place: Sequence[float],
        *,
        index: tuple[int, int, int],
        size: tuple[int, int, int],
        spacing: Vector,
        direction: Sequence[float] = IDENTITY,
        in_patient: bool = True,
    ) -> Placement:
        """The lattice whose voxel `index` has its centre at `place`.

        Parameters
        ----------
        place
            In mm, LPS. The Fourier transform puts the point where the gradients add nothing, which headers call the
            position of a slice, at voxel size // 2 along each transformed axis.
        index
            In the order i, j, k.
        size, spacing, direction, in_patient
            As in the class.
        """
        bare = cls(size, spacing, (0.0, 0.0, 0.0), tuple(float(part) for part in direction), in_patient)
        return replace(bare, origin=_vector(np.asarray(place, dtype=np.float64) - bare.points(index)))


def _vector(place: NDArray[np.float64]) -> Vector:
    x, y, z = place.tolist()
    return x, y, z
