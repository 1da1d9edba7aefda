"""Degradations that are small matrices along each axis: blur and decimate, thick slices."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from mrienhance.physics import matrices
from mrienhance.physics.separable import Alignment, Degradation


class MatrixDegradation(Degradation):
    """A degradation given by one matrix an axis; the adjoint is the transpose. Voxel edges stay where they were."""

    alignment: ClassVar[Alignment] = "edge"

    def __init__(self, shape: Sequence[int], factors: Sequence[int]) -> None:
        super().__init__(shape, factors)
        self._matrices: dict[tuple[int, torch.dtype, torch.device], Tensor] = {}

    @abstractmethod
    def axis_matrix(self, size: int, factor: int) -> Tensor:
        """Give the float64 matrix (size / factor, size) of an axis."""

    def _coarsen(self, lines: Tensor, axis: int) -> Tensor:
        with torch.autocast(lines.device.type, enabled=False):
            return lines @ self._matrix(lines, axis).mT

    def _transpose(self, lines: Tensor, axis: int) -> Tensor:
        with torch.autocast(lines.device.type, enabled=False):
            return lines @ self._matrix(lines, axis)

    def _matrix(self, lines: Tensor, axis: int) -> Tensor:
        key = (axis, lines.dtype, lines.device)
        if key not in self._matrices:
            # A tensor made in inference mode could never serve training later. Narrowed on the CPU: MPS has no float64.
            with torch.inference_mode(False):
                matrix = self.axis_matrix(self.shape[axis], self.factors[axis])
                self._matrices[key] = matrix.to(lines.dtype).to(lines.device)
        return self._matrices[key]


class BlurDownsample(MatrixDegradation):
    """Gaussian blur, then antialiased cubic decimation: the degradation of much of the super-resolution literature.

    The cubic kernel (a = -0.5) is stretched by the factor, as in MATLAB's ``imresize`` and in Pillow; lines go on
    mirrored at their ends, so the mean stays exactly. Voxel edges stay: coarse voxel ``m`` is centred at
    ``(m + 1/2) f - 1/2``.

    Parameters
    ----------
    shape
        Sizes of the last axes of the fine image.
    factors
        Factor of each of these axes; 1 leaves an axis, unblurred.
    relative_sigma
        Standard deviation of the Gaussian in coarse voxels. The default 0.5 is close to the 1.6 pixels at factor 3 of
        the "BD" setting of natural-image super-resolution. 0 leaves the cubic alone.

    Raises
    ------
    ValueError
        As `Degradation`; or if ``relative_sigma`` is negative.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import BlurDownsample
    >>> BlurDownsample((8, 12), (2, 3))(torch.ones(5, 8, 12)).shape
    torch.Size([5, 4, 4])
    """

    def __init__(self, shape: Sequence[int], factors: Sequence[int], *, relative_sigma: float = 0.5) -> None:
        super().__init__(shape, factors)
        if not relative_sigma >= 0:
            raise ValueError(f"relative_sigma is at least 0, got {relative_sigma}")
        self.relative_sigma = relative_sigma

    def axis_matrix(self, size: int, factor: int) -> Tensor:
        """Give the matrix of an axis: cubic decimation times blur, (size / factor, size)."""
        blur = matrices.gaussian_blur(size, sigma=self.relative_sigma * factor)
        return matrices.cubic_decimation(size, factor) @ blur


class ThickSlice(MatrixDegradation):
    """Thick slices: each is the mean of thin ones under the slice profile. Voxel edges stay where they were.

    Parameters
    ----------
    shape
        Sizes of the last axes of the fine image.
    factors
        Thin slices to one thick slice for each of these axes; 1 leaves an axis, as the in-plane axes usually are.
    profile
        ``"box"``: an ideal profile; ``"gaussian"``: its full width at half maximum is the slice thickness.
    gap
        Part of the distance between slices that is not excited, in [0, 1); the thickness is ``(1 - gap)`` times the
        distance, which is ``factor`` thin slices.

    Raises
    ------
    ValueError
        As `Degradation`; or for an unknown profile, or a gap outside [0, 1).

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import ThickSlice
    >>> ThickSlice((6, 4, 4), (3, 1, 1))(torch.arange(6.0).view(6, 1, 1).expand(6, 4, 4))[:, 0, 0]
    tensor([1., 4.])
    """

    def __init__(
        self,
        shape: Sequence[int],
        factors: Sequence[int],
        *,
        profile: matrices.Profile = "box",
        gap: float = 0.0,
    ) -> None:
        super().__init__(shape, factors)
        if profile not in ("box", "gaussian"):
            raise ValueError(f"profile is 'box' or 'gaussian', got {profile!r}")
        if not 0 <= gap < 1:
            raise ValueError(f"gap is in [0, 1), got {gap}")
        self.profile: matrices.Profile = profile
        self.gap = gap

    @property
    def exact(self) -> bool:
        """Whether `project` is there: the slices are means of thin ones, each of which belongs to one of them."""
        return self.profile == "box" and self.gap == 0

    def project(self, x: Tensor, y: Tensor) -> Tensor:
        """Put the measured means back: the image nearest to ``x`` whose thick slices are ``y`` exactly.

        The rows of A are disjoint means of f voxels, so that ``A Aᵀ = 1/f`` and the pseudo-inverse is ``f Aᵀ``: each
        thin slice is moved by what the mean of its thick one lacks.

        Parameters
        ----------
        x
            Fine image, (..., *shape), e.g. a network's output.
        y
            Measured coarse image, (..., *coarse_shape).

        Returns
        -------
        Tensor
            Fine image, (..., *shape).

        Raises
        ------
        ValueError
            For a Gaussian profile or a gap, whose inverse would amplify noise.
        """
        if not self.exact:
            raise ValueError(f"{self!r} has no exact projection: its profile is {self.profile}, its gap {self.gap}")
        return x + self.voxels_merged * self.adjoint(y - self.forward(x))

    def axis_matrix(self, size: int, factor: int) -> Tensor:
        """Give the matrix of an axis: one slice profile a row, (size / factor, size)."""
        return matrices.slice_profiles(size, factor, profile=self.profile, gap=self.gap)
