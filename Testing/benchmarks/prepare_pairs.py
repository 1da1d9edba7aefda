"""Make training pairs of multiple-sclerosis scans as they came from the scanner.

    python Testing/benchmarks/prepare_pairs.py ms_native --reference ms_1mm/patient07 --output ms_native_pairs

Each patient's folder holds t1, t2 and flair (.nii.gz), each on its own grid and with the skull. Here the T2w and FLAIR
scans are brought to the grid of the T1w one, the brain is found, the bias field of each contrast is taken out, and what
is outside of the brain becomes 0, as in the scans of ms_1mm.

The brain is found in two steps. The mask of the reference, a patient of ms_1mm, is brought over by its FLAIR scan,
which shows the brain bright and the scalp dark. That is right to some millimetres. Then the patient's own brain tissue
near that region is taken, with the sulci and ventricles that it encloses and a rim of CSF where there is CSF. Nothing
is random: every run gives the same.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from mrienhance.images import read_image, register, write_image

OTHERS = ("t2", "flair")
LEVELS_MM = (6.0, 3.0)
# Compared beyond the brain as well: that it ends there is what is to be seen.
MARGIN_MM = 6.0
MESH_MM = 45.0  # between the control points of the B-spline
# Fractions of the median of the brain. CSF is darker than TISSUE in FLAIR, bone and air darker than DARK in T2w, and
# fat brighter than FAT in T1w.
TISSUE, DARK, FAT = 0.5, 0.45, 1.4
# How far the brain may reach beyond the region that was brought over, and how deep inside it all is surely brain.
BEYOND_MM, SURE_MM = 4.0, 10.0
# Bridges from the brain to what is around it are thinner than twice the first, sulci narrower than twice the second.
BRIDGE_MM, SULCUS_MM, RIM_MM = 2.5, 5.0, 1.5


def within(mask: sitk.Image, distance: float) -> sitk.Image:
    """The mask grown by a distance in mm, or shrunk by a negative one: slices are thick, so voxels do not do."""
    if distance < 0:
        # The other way round, since the distance to a border is 0 for all voxels next to it, in thick slices as well.
        return sitk.Not(within(sitk.Not(mask), -distance))
    return sitk.SignedMaurerDistanceMap(mask, squaredDistance=False, useImageSpacing=True) <= distance


def largest(mask: sitk.Image) -> sitk.Image:
    return sitk.RelabelComponent(sitk.ConnectedComponent(mask)) == 1


def filled(mask: sitk.Image) -> sitk.Image:
    """Without holes in any slice."""
    slices = [sitk.BinaryFillhole(sitk.GetImageFromArray(plane)) for plane in sitk.GetArrayFromImage(mask)]
    result = sitk.GetImageFromArray(np.stack([sitk.GetArrayFromImage(plane) for plane in slices]))
    result.CopyInformation(mask)
    return result


def coarse(image: sitk.Image, spacing: float) -> sitk.Image:
    factors = [max(1, round(spacing / own)) for own in image.GetSpacing()]
    for axis, factor in enumerate(factors):
        if factor > 1:
            image = sitk.RecursiveGaussian(image, sigma=0.5 * factor * image.GetSpacing()[axis], direction=axis)
    return sitk.Shrink(image, factors)


def prepared(image: sitk.Image) -> sitk.Image:
    """Without the brightest voxels, which would leave most bins of a histogram empty."""
    values = sitk.GetArrayViewFromImage(image)
    return sitk.Clamp(image, sitk.sitkFloat32, 0.0, float(np.percentile(values[values > 0], 99.5)))


def method_for(mask: sitk.Image) -> sitk.ImageRegistrationMethod:
    method = sitk.ImageRegistrationMethod()
    method.SetMetricFixedMask(mask)
    method.SetInterpolator(sitk.sitkLinear)
    # All voxels and one thread: nothing is random, and sums come out the same.
    method.SetMetricSamplingStrategy(sitk.ImageRegistrationMethod.NONE)
    method.SetNumberOfThreads(1)
    return method


def centre_of(mask: sitk.Image) -> np.ndarray:
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(mask)
    return np.array(shape.GetCentroid(1))


def affine(fixed: sitk.Image, mask: sitk.Image, moving: sitk.Image) -> sitk.AffineTransform:
    """From places in the reference to those in the patient, by the correlation of the two FLAIR scans."""
    # The brain is most of what is bright in FLAIR, and the largest piece without what hangs on it by thin bridges.
    blob = within(largest(within(sitk.OtsuThreshold(moving, 0, 1), -6.0)), 6.0)
    place = sitk.AffineTransform(3)
    place.SetCenter(centre_of(mask).tolist())
    place.SetTranslation((centre_of(blob) - centre_of(mask)).tolist())
    region = within(mask, MARGIN_MM)
    for kind in (sitk.Euler3DTransform, sitk.AffineTransform):
        found = kind() if kind is sitk.Euler3DTransform else kind(3)
        found.SetCenter(place.GetCenter())
        found.SetMatrix(place.GetMatrix())
        found.SetTranslation(place.GetTranslation())
        for spacing in LEVELS_MM:
            method = method_for(region)
            method.SetMetricAsCorrelation()
            method.SetOptimizerScalesFromPhysicalShift()
            method.SetOptimizerAsRegularStepGradientDescent(spacing / 2, 0.01 * spacing, 60, relaxationFactor=0.7)
            method.SetInitialTransform(found, inPlace=True)
            method.Execute(coarse(fixed, spacing), coarse(moving, spacing))
            print(f"  {kind.__name__} at {spacing:g} mm: {method.GetMetricValue():.4f}", flush=True)
        place = found
    return place


def bent(fixed: sitk.Image, mask: sitk.Image, moving: sitk.Image, place: sitk.Transform) -> sitk.Transform:
    """The affine transform, and before it a B-spline: from places in the patient to those in the reference."""
    extent = [size * spacing for size, spacing in zip(fixed.GetSize(), fixed.GetSpacing(), strict=True)]
    mesh = [max(1, round(length / MESH_MM)) for length in extent]
    spline = sitk.BSplineTransformInitializer(fixed, mesh)
    method = method_for(mask)
    method.SetMetricAsMattesMutualInformation(32)
    method.SetMovingInitialTransform(place)
    method.SetInitialTransform(spline, inPlace=True)
    method.SetOptimizerAsLBFGSB(numberOfIterations=40)
    method.Execute(coarse(fixed, LEVELS_MM[-1]), coarse(moving, LEVELS_MM[-1]))
    print(f"  B-spline {mesh}: {method.GetMetricValue():.4f}", flush=True)
    return sitk.CompositeTransform([place, spline])


def brought_over(reference: Path, flair: sitk.Image) -> sitk.Image:
    """The mask of the reference on the patient's grid."""
    mask = filled(largest(read_image(reference / "t1.nii.gz") != 0))
    other, flair = prepared(read_image(reference / "flair.nii.gz")), prepared(flair)
    place = affine(other, mask, flair).GetInverse()
    straight = sitk.Resample(mask, flair, place, sitk.sitkNearestNeighbor)
    whole = bent(flair, within(straight, MARGIN_MM), other, place)
    return sitk.Resample(mask, flair, whole, sitk.sitkNearestNeighbor)


def median(image: sitk.Image, mask: sitk.Image) -> float:
    inside = sitk.GetArrayViewFromImage(mask).astype(bool)
    return float(np.median(sitk.GetArrayViewFromImage(image)[inside]))


def refined(region: sitk.Image, scans: dict[str, sitk.Image]) -> sitk.Image:
    """The brain by the patient's own scans, without bias, near the region."""
    sure, near = within(region, -SURE_MM), within(region, BEYOND_MM)
    relative = {name: scan / median(scan, sure) for name, scan in scans.items()}
    possible = near & (relative["t2"] > DARK) & (relative["t1"] < FAT)
    tissue = possible & (relative["flair"] > TISSUE)
    tissue &= within(largest(within(tissue, -BRIDGE_MM)), BRIDGE_MM + 0.5)
    closed = filled(within(within(tissue, SULCUS_MM), -SULCUS_MM) | sure)
    whole = filled(closed | (within(closed, RIM_MM) & possible))
    # What the closing and the rim brought in beside the brain: thin sheets and specks.
    return largest(whole & within(largest(within(whole, -BRIDGE_MM)), BRIDGE_MM + 0.5))


def field_of(scan: sitk.Image, mask: sitk.Image) -> sitk.Image:
    """The bias field by N4 (Tustison et al., IEEE Trans. Med. Imaging 29(6), 2010)."""
    factors = [max(1, round(3.0 / own)) for own in scan.GetSpacing()]
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetNumberOfThreads(1)
    n4.SetMaximumNumberOfIterations([40, 40, 30])
    n4.Execute(sitk.Shrink(scan, factors), sitk.Shrink(mask, factors))
    return sitk.Exp(n4.GetLogBiasFieldAsImage(scan))


def on_grid(folder: Path) -> tuple[dict[str, sitk.Image], dict[str, sitk.Image]]:
    """The three scans on the grid of the T1w one, and where each has voxels."""
    fixed = sitk.Cast(read_image(folder / "t1.nii.gz"), sitk.sitkFloat32)
    scans, seen = {"t1": fixed}, {"t1": fixed * 0 == 0}
    for name in OTHERS:
        moving = read_image(folder / f"{name}.nii.gz")
        found = register(moving, fixed, what=name)
        print(f"  {name}: {found.angle_deg:.2f} degrees, {found.shift_mm:.2f} mm", flush=True)
        scans[name] = sitk.Cast(found.image, sitk.sitkFloat32)
        seen[name] = sitk.Resample(moving * 0 == 0, fixed, found.transform, sitk.sitkNearestNeighbor)
    return scans, seen


def prepare(folder: Path, reference: Path, output: Path) -> None:
    scans, seen = on_grid(folder)
    region = brought_over(reference, scans["flair"])
    even = {name: scan / field_of(scan, region & seen[name]) for name, scan in scans.items()}
    mask = refined(region, even)
    output.mkdir(parents=True, exist_ok=True)
    for name, scan in scans.items():
        # Once more, by the brain alone: bone and scalp at the border of the region had a say in the first field.
        inside = mask & seen[name]
        result = sitk.Mask(scan / field_of(scan, inside), inside)
        write_image(sitk.Cast(result, sitk.sitkFloat32), output / f"{name}.nii.gz", overwrite=True)
    litres = sitk.GetArrayViewFromImage(mask).sum() * np.prod(mask.GetSpacing()) / 1e6
    print(f"  brain: {litres:.2f} l", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    for folder in sorted(path for path in options.data.iterdir() if path.is_dir()):
        began = time.perf_counter()
        print(folder.name, flush=True)
        prepare(folder, options.reference, options.output / folder.name)
        print(f"  {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
