"""Rigid registration of two scans of one person, by mutual information."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from mrienhance.errors import ImageError
from mrienhance.images.check import check_image, size_text
from mrienhance.images.geometry import Grid
from mrienhance.images.resample import Interpolation, resample_to

Step: TypeAlias = Callable[[float], None]

LARGEST_ANGLE_DEG = 30.0
LARGEST_SHIFT_MM = 50.0
"""No head moves farther between two scans of one session: what is beyond is taken for a failure."""

SEED = 20130501

# Spacing in mm, samples of the metric, and most iterations of each level, from coarse to fine.
_LEVELS = ((8.0, 20_000, 100), (4.0, 40_000, 60), (2.0, 80_000, 40), (1.0, 120_000, 30))
_BINS = 32
# Steps of the optimiser as a fraction of a level's spacing: the first one, and the one at which it ends.
_FIRST_STEP, _LAST_STEP = 0.5, 0.004
# The optimiser weighs a turn like the movement it makes at this distance from the centre, in mm: inside a head.
_RADIUS = 60.0
_SMALLEST_SIZE = 4
_SMALLEST_OVERLAP = 0.1
# In nats. Images that have nothing in common have 0.01, by the count of samples alone.
_LEAST_INFORMATION = 0.05


@dataclass(frozen=True, kw_only=True, eq=False)
class Registration:
    """What `register` found.

    Parameters
    ----------
    image
        The moving image on the grid of the fixed one.
    transform
        Takes places in the fixed image to those in the moving image, in mm, LPS; turns around the centre of the fixed
        volume.
    angle_deg
        How far it turns, around whichever axis; 0 to 180.
    shift_mm
        How far it moves the centre of the fixed volume.
    metric_before, metric_after
        Mattes mutual information in nats, negated as ITK has it (lower is better), at the first place and the last, of
        the same samples.
    start
        ``"headers"`` if the images lay together as their headers have it, ``"centres"`` if they had no place in common
        and their centres were put together first.
    overlap
        Fraction of the fixed volume in which the moving image has voxels; it is 0 elsewhere.
    """

    image: sitk.Image
    transform: sitk.Euler3DTransform
    angle_deg: float
    shift_mm: float
    metric_before: float
    metric_after: float
    start: Literal["headers", "centres"]
    overlap: float


def register(
    moving: sitk.Image,
    fixed: sitk.Image,
    *,
    interpolation: Interpolation = "cubic",
    what: str = "moving image",
    step: Step | None = None,
) -> Registration:
    """Bring an image onto the grid of another one of the same person, of whatever contrast.

    Parameters
    ----------
    moving, fixed
        3-D scalar images; their fields of view, spacings and orientations may differ.
    interpolation
        As in `resample_to`.
    what
        What to call the moving image in a message.
    step
        Called often with the fraction of the work that is done; may raise to stop.

    Returns
    -------
    Registration
        The image with the pixel type of `moving`, and how it was moved.

    Raises
    ------
    ImageError
        If an image cannot be used, the images share too little, or what was found cannot be true: an angle above
        30 degrees, or a shift above 50 mm.
    """
    moving, fixed = check_image(moving, what=what), check_image(fixed, what="fixed image")
    for image, name in ((moving, what), (fixed, "fixed image")):
        _check_size(image, name)
    first, start = _first_place(moving, fixed)
    search = _Search(_prepared(moving), _prepared(fixed), what, step or (lambda fraction: None))
    transform, before, after = search.run(first)
    _check_found(transform, first, after, what)
    overlap = _overlap(fixed, moving, transform)
    if overlap < _SMALLEST_OVERLAP * _volume_ratio(moving, fixed):
        raise _refusal(what, "moved out of the fixed image")
    return Registration(
        image=resample_to(moving, Grid.of(fixed), interpolation=interpolation, transform=transform),
        transform=transform,
        angle_deg=_angle(transform),
        shift_mm=float(np.linalg.norm(transform.GetTranslation())),
        metric_before=before,
        metric_after=after,
        start=start,
        overlap=overlap,
    )


class _Search:
    """The search for the best place, from coarse to fine.

    Parameters
    ----------
    moving, fixed
        As `_prepared` gives them.
    what, step
        As `register` has them.
    """

    def __init__(self, moving: sitk.Image, fixed: sitk.Image, what: str, step: Step) -> None:
        self._moving, self._fixed, self._what, self._step = moving, fixed, what, step

    def run(self, first: sitk.Euler3DTransform) -> tuple[sitk.Euler3DTransform, float, float]:
        """The best place, and the metric at the first one and at the best."""
        finest = max(min(self._fixed.GetSpacing()), min(self._moving.GetSpacing()))
        levels = [level for level in _LEVELS if level[0] >= 0.7 * finest] or [_LEVELS[0]]
        work = [samples * iterations for _, samples, iterations in levels]
        place, before, after = first, math.nan, math.nan
        for number, (spacing, samples, iterations) in enumerate(levels):
            done, share = sum(work[:number]) / sum(work), work[number] / sum(work)
            fixed, moving = _coarse(self._fixed, spacing), _coarse(self._moving, spacing)
            method = _method(fixed, spacing, samples, iterations)
            place = self._optimise(method, fixed, moving, place, done, share / iterations)
        before, after = (self._metric(method, fixed, moving, where) for where in (first, place))
        self._step(1.0)
        return (place, before, after) if after < before else (first, before, before)

    def _optimise(
        self,
        method: sitk.ImageRegistrationMethod,
        fixed: sitk.Image,
        moving: sitk.Image,
        place: sitk.Euler3DTransform,
        done: float,
        share: float,
    ) -> sitk.Euler3DTransform:
        """The best place at one level, from another one."""
        stopped: list[BaseException] = []

        def tell() -> None:
            # An exception must not pass through ITK: it would come out as another one.
            try:
                self._step(min(done + share * method.GetOptimizerIteration(), 1.0))
            except BaseException as error:
                stopped.append(error)
                method.StopRegistration()

        method.SetInitialTransform(sitk.Euler3DTransform(place), inPlace=False)
        method.AddCommand(sitk.sitkIterationEvent, tell)
        try:
            found = method.Execute(fixed, moving)
        except RuntimeError as error:
            raise _refusal(self._what, "the images share too little") from error
        finally:
            method.RemoveAllCommands()
        if stopped:
            raise stopped[0]
        return _rigid(found)

    def _metric(
        self,
        method: sitk.ImageRegistrationMethod,
        fixed: sitk.Image,
        moving: sitk.Image,
        place: sitk.Euler3DTransform,
    ) -> float:
        """The metric at a place."""
        method.SetInitialTransform(sitk.Euler3DTransform(place), inPlace=False)
        try:
            return float(method.MetricEvaluate(fixed, moving))
        except RuntimeError:
            return 0.0  # nothing in common there


def _method(fixed: sitk.Image, spacing: float, samples: int, iterations: int) -> sitk.ImageRegistrationMethod:
    """How one level is searched: the same samples, in the same order, on every machine."""
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(numberOfHistogramBins=_BINS)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(min(1.0, samples / fixed.GetNumberOfPixels()), SEED)
    method.SetInterpolator(sitk.sitkLinear)
    # Sums over several threads depend on which one is first.
    method.SetNumberOfThreads(1)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=_FIRST_STEP * spacing,
        minStep=_LAST_STEP * spacing,
        numberOfIterations=iterations,
        relaxationFactor=0.6,
        gradientMagnitudeTolerance=1e-8,
    )
    method.SetOptimizerScales([_RADIUS**2] * 3 + [1.0] * 3)
    return method


def _prepared(image: sitk.Image) -> sitk.Image:
    """float32, without the few brightest and darkest voxels: they would leave most bins of the histogram empty."""
    values = sitk.GetArrayViewFromImage(image)
    low, high = (float(value) for value in np.percentile(values[values != values.min()], (0.5, 99.5)))
    low = min(low, float(np.median(values)))
    return sitk.Clamp(sitk.Cast(image, sitk.sitkFloat32), sitk.sitkFloat32, low, high)


def _coarse(image: sitk.Image, spacing: float) -> sitk.Image:
    """The image with about this spacing, smoothed as far as that asks for; along no axis finer than it is."""
    factors = []
    for axis, own in enumerate(image.GetSpacing()):
        factor = min(max(1, round(spacing / own)), max(1, image.GetSize()[axis] // _SMALLEST_SIZE))
        factors.append(factor)
        if factor > 1:
            image = sitk.RecursiveGaussian(image, sigma=0.5 * factor * own, direction=axis)
    return sitk.Shrink(image, factors)


def _first_place(moving: sitk.Image, fixed: sitk.Image) -> tuple[sitk.Euler3DTransform, Literal["headers", "centres"]]:
    """Where the search begins, turning around the centre of the fixed volume."""
    place = sitk.Euler3DTransform()
    place.SetCenter(_centre(fixed))
    if _overlap(fixed, moving, place) >= _SMALLEST_OVERLAP * _volume_ratio(moving, fixed):
        return place, "headers"
    place.SetTranslation(np.subtract(_centre(moving), _centre(fixed)).tolist())
    return place, "centres"


def _check_size(image: sitk.Image, what: str) -> None:
    if min(image.GetSize()) < _SMALLEST_SIZE:
        raise ImageError(
            f"the {what} is too thin to register: its size is {size_text(image)}",
            hint=f"volumes of at least {_SMALLEST_SIZE} slices are registered; trust the headers instead",
        )


def _check_found(transform: sitk.Euler3DTransform, first: sitk.Euler3DTransform, after: float, what: str) -> None:
    """Refuse what cannot be the truth."""
    if -after < _LEAST_INFORMATION:
        raise _refusal(what, f"mutual information is only {max(-after, 0.0):.3f}")
    angle, shift = (
        _angle(transform),
        float(np.linalg.norm(np.subtract(transform.GetTranslation(), first.GetTranslation()))),
    )
    if angle > LARGEST_ANGLE_DEG or shift > LARGEST_SHIFT_MM:
        raise _refusal(what, f"it would have to turn by {angle:.0f} degrees and move by {shift:.0f} mm")


def _refusal(what: str, why: str) -> ImageError:
    return ImageError(
        f"the {what} cannot be registered: {why}",
        hint="check that both show the same head; if the headers are right, go without registration",
    )


def _rigid(transform: sitk.Transform) -> sitk.Euler3DTransform:
    """The transform that came out of ITK as what it is."""
    inner = sitk.CompositeTransform(transform).GetNthTransform(0)
    return sitk.Euler3DTransform(inner)


def _centre(image: sitk.Image) -> tuple[float, ...]:
    centre: tuple[float, ...] = image.TransformContinuousIndexToPhysicalPoint(
        [(size - 1) / 2 for size in image.GetSize()]
    )
    return centre


def _angle(transform: sitk.Euler3DTransform) -> float:
    """The angle of a rotation, in degrees."""
    matrix = np.reshape(transform.GetMatrix(), (3, 3))
    # By sine and cosine: the arc cosine alone is blind to small angles.
    skew = np.array([matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]])
    return math.degrees(math.atan2(float(np.linalg.norm(skew)), float(np.trace(matrix)) - 1))


def _overlap(fixed: sitk.Image, moving: sitk.Image, place: sitk.Euler3DTransform) -> float:
    """The fraction of the fixed volume in which the moving image has voxels."""
    grid, other = Grid.of(fixed), Grid.of(moving)
    steps = (np.arange(24) + 0.5) / 24
    indices = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3) * grid.size - 0.5
    matrix = np.reshape(place.GetMatrix(), (3, 3))
    centre = np.asarray(place.GetCenter())
    places = (grid.points(indices) - centre) @ matrix.T + centre + place.GetTranslation()
    found: NDArray[np.float64] = (places - other.origin) @ np.linalg.inv(other.axes).T
    inside = np.all((found >= -0.5) & (found <= np.asarray(other.size) - 0.5), axis=1)
    return float(inside.mean())


def _volume_ratio(moving: sitk.Image, fixed: sitk.Image) -> float:
    """The volume of the moving field of view as a fraction of the fixed one's; 1 at most."""
    volumes = [abs(float(np.linalg.det(Grid.of(image).axes))) * image.GetNumberOfPixels() for image in (moving, fixed)]
    return min(1.0, volumes[0] / volumes[1])
