"""The search for the turn and the shift that bring two scans together: from coarse to fine, always the same way."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from mrienhance.images.geometry import Grid

Step: TypeAlias = Callable[[float], None]

SMALLEST_SIZE = 4
"""Fewer slices than this do not say how a head is tilted."""

# Spacing in mm, samples of the metric, and most iterations of each level. From 35 degrees the coarsest finds home.
_LEVELS = ((8.0, 20_000, 100), (4.0, 40_000, 60), (2.0, 80_000, 40), (1.0, 120_000, 30))
_BINS = 32
# Radians by which the lattice of samples is askew, with no simple relation to each other or to a right angle.
_TILT = (0.29, 0.41, -0.23)
# Steps of the optimiser as fractions of a level's spacing: the first one, and the one at which it ends.
_FIRST_STEP, _LAST_STEP, _RELAXATION = 0.5, 0.004, 0.8
# The optimiser weighs a turn like the movement that it makes at this distance from the centre, in mm. A head is larger,
# but nearly round: its outline, most of what the metric sees, says little of turns, and with 60 they lagged behind.
_RADIUS = 30.0


class NothingShared(Exception):
    """Two images that have too little in common to be compared."""


class Search:
    """A search by Mattes mutual information and steps down its gradient, on images that become finer.

    The metric samples both images on a lattice that is askew to either: on the voxels of one, images on one grid would
    seem to fit best where nothing has to be interpolated. Nothing is random, and one thread works, since sums over
    several depend on which is first. Mattes et al., IEEE Trans. Med. Imaging 22(1), 2003, as ITK implements it.

    Parameters
    ----------
    moving, fixed
        3-D images of at least `SMALLEST_SIZE` voxels along each axis.
    step
        Called with the fraction of the work that is done; may raise to stop.
    """

    def __init__(self, moving: sitk.Image, fixed: sitk.Image, step: Step) -> None:
        self._moving, self._fixed, self._step = _prepared(moving), _prepared(fixed), step
        # Levels finer than the voxels bring nothing.
        finest = max(min(fixed.GetSpacing()), min(moving.GetSpacing()))
        self._levels = [level for level in _LEVELS if level[0] > 0.7 * finest] or [_LEVELS[0]]

    def run(self, first: sitk.Euler3DTransform) -> tuple[sitk.Euler3DTransform, float, float]:
        """Search from a first place.

        Returns
        -------
        tuple
            The best place, the metric at the first one, and the metric at the best; the first one if none is better.

        Raises
        ------
        NothingShared
            If the images have too little in common, there or on the way.
        """
        work = np.array([samples * iterations for _, samples, iterations in self._levels], dtype=np.float64)
        begins = np.concatenate([[0.0], np.cumsum(work) / work.sum()]).tolist()
        place, before, after = first, math.nan, math.nan
        for number, (spacing, samples, iterations) in enumerate(self._levels):
            fixed, moving = _coarse(self._fixed, spacing), _coarse(self._moving, spacing)
            method = _method(fixed, samples)
            if number == len(self._levels) - 1:
                _walk(method, spacing, iterations=1)
                before, _ = self._follow(method, fixed, moving, first, lambda iteration: None)
            _walk(method, spacing, iterations)
            begin, length = begins[number], (begins[number + 1] - begins[number]) / iterations
            after, place = self._follow(method, fixed, moving, place, self._teller(begin, length))
        return (place, before, after) if after < before else (first, before, before)

    def _teller(self, begin: float, length: float) -> Callable[[int], None]:
        """Tell of iterations as a part of the whole work."""
        return lambda iteration: self._step(min(begin + length * iteration, 1.0))

    def _follow(
        self,
        method: sitk.ImageRegistrationMethod,
        fixed: sitk.Image,
        moving: sitk.Image,
        place: sitk.Euler3DTransform,
        tell: Callable[[int], None],
    ) -> tuple[float, sitk.Euler3DTransform]:
        """Walk from a place; the metric before the last step, and where it ended."""
        stopped: list[BaseException] = []

        def listen() -> None:
            # An exception must not pass through ITK: it would come out as another one.
            try:
                tell(method.GetOptimizerIteration())
            except BaseException as error:
                stopped.append(error)
                method.StopRegistration()

        method.SetInitialTransform(sitk.Euler3DTransform(place), inPlace=False)
        method.AddCommand(sitk.sitkIterationEvent, listen)
        try:
            found = method.Execute(fixed, moving)
        except RuntimeError as error:  # all that ITK raises
            raise NothingShared from error
        finally:
            method.RemoveAllCommands()
        if stopped:
            raise stopped[0]
        return float(method.GetMetricValue()), sitk.Euler3DTransform(sitk.CompositeTransform(found).GetNthTransform(0))


def centre(image: sitk.Image) -> NDArray[np.float64]:
    """The centre of the field of view, in mm, LPS."""
    grid = Grid.of(image)
    return grid.points((np.array(grid.size) - 1) / 2)


def angle_of(transform: sitk.Euler3DTransform) -> float:
    """The angle of a rotation around whichever axis, in degrees, 0 to 180."""
    matrix = np.reshape(transform.GetMatrix(), (3, 3))
    # By sine and cosine: the arc cosine alone is blind to small angles.
    skew = np.array([matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]])
    return math.degrees(math.atan2(float(np.linalg.norm(skew)), float(np.trace(matrix)) - 1))


def overlap(fixed: sitk.Image, moving: sitk.Image, place: sitk.Euler3DTransform) -> float:
    """The fraction of the fixed field of view in which the moving image has voxels, to about 0.01."""
    grid, other = Grid.of(fixed), Grid.of(moving)
    steps = (np.arange(24) + 0.5) / 24
    indices = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3) * grid.size - 0.5
    turn, around = np.reshape(place.GetMatrix(), (3, 3)), np.array(place.GetCenter())
    places = (grid.points(indices) - around) @ turn.T + around + place.GetTranslation()
    found = (places - other.origin) @ np.linalg.inv(other.axes).T
    inside = np.all((found >= -0.5) & (found <= np.array(other.size) - 0.5), axis=1)
    return float(inside.mean())


def _method(fixed: sitk.Image, samples: int) -> sitk.ImageRegistrationMethod:
    """The metric of one level, on about as many samples."""
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(numberOfHistogramBins=_BINS)
    lattice = _lattice(Grid.of(fixed), samples)
    method.SetVirtualDomain(lattice.size, lattice.origin, lattice.spacing, lattice.direction)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetNumberOfThreads(1)
    method.SetOptimizerScales([_RADIUS**2] * 3 + [1.0] * 3)
    return method


def _lattice(grid: Grid, samples: int) -> Grid:
    """A lattice askew to a grid, with about as many points inside it; it reaches beyond the corners."""
    extent = np.array(grid.spacing) * grid.size
    tilt = sitk.Euler3DTransform()
    tilt.SetRotation(*_TILT)
    turn = np.reshape(tilt.GetMatrix(), (3, 3))
    step = float((extent.prod() / samples) ** (1 / 3))
    i, j, k = (math.ceil(length / step) for length in np.abs(turn.T) @ extent)
    direction = np.reshape(grid.direction, (3, 3)) @ turn
    middle = grid.points((np.array(grid.size) - 1) / 2)
    x, y, z = (middle - direction @ [step * (n - 1) / 2 for n in (i, j, k)]).tolist()
    return Grid((i, j, k), (step, step, step), (x, y, z), tuple(direction.ravel().tolist()))


def _walk(method: sitk.ImageRegistrationMethod, spacing: float, iterations: int) -> None:
    """Set how far the optimiser goes; with one iteration it all but stays where it is."""
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=spacing * (_FIRST_STEP if iterations > 1 else _LAST_STEP),
        minStep=_LAST_STEP * spacing,
        numberOfIterations=iterations,
        relaxationFactor=_RELAXATION,
        gradientMagnitudeTolerance=1e-8,
    )


def _prepared(image: sitk.Image) -> sitk.Image:
    """float32, without the few brightest voxels: they would leave most bins of the histogram empty."""
    values = sitk.GetArrayViewFromImage(image)
    tissue = values[values > values.min()]
    low, high = float(values.min()), float(np.percentile(tissue, 99.5))
    prepared: sitk.Image = sitk.Clamp(sitk.Cast(image, sitk.sitkFloat32), sitk.sitkFloat32, low, high)
    return prepared


def _coarse(image: sitk.Image, spacing: float) -> sitk.Image:
    """The image with about this spacing, smoothed as far as that asks for; along no axis finer than it is."""
    factors = []
    for axis, (own, size) in enumerate(zip(image.GetSpacing(), image.GetSize(), strict=True)):
        factor = max(1, min(round(spacing / own), size // SMALLEST_SIZE))
        factors.append(factor)
        if factor > 1:
            image = sitk.RecursiveGaussian(image, sigma=0.5 * factor * own, direction=axis)
    coarse: sitk.Image = sitk.Shrink(image, factors)
    return coarse
