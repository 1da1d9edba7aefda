"""What the self-tests of the modules share; they run inside Slicer, on shipped data, without network."""

from __future__ import annotations

from typing import Any

import slicer

from MRIEnhanceBridge.interpreter import library_folder


def sample_volume() -> Any:
    """The library's sample scan as a volume node: a slab of a T1w head (see ``mrienhance/data/README.md``)."""
    return slicer.util.loadVolume(str(library_folder() / "mrienhance" / "data" / "t1w_slab.nii.gz"))


def check_finer(source: Any, result: Any, *, scale: int) -> None:
    """Check that `result` is `source`, in plane `scale` times as fine, at the same place.

    Raises
    ------
    AssertionError
        If it is not.
    """
    coarse, fine = source.GetImageData().GetDimensions(), result.GetImageData().GetDimensions()
    _check(fine == (coarse[0] * scale, coarse[1] * scale, coarse[2]), f"{coarse} became {fine}")
    wanted = [spacing / factor for spacing, factor in zip(source.GetSpacing(), (scale, scale, 1), strict=True)]
    _check(_near(result.GetSpacing(), wanted), f"spacing {result.GetSpacing()}, not {wanted}")
    # Truncation of k-space keeps the first sample where it is.
    _check(_near(result.GetOrigin(), source.GetOrigin()), "the first voxel has moved")
    voxels, truth = slicer.util.arrayFromVolume(result)[:, ::scale, ::scale], slicer.util.arrayFromVolume(source)
    error = float(abs(voxels.astype(float) - truth).mean() / abs(truth.astype(float)).mean())
    _check(error < 0.1, f"the result differs from the input by {error:.0%}")
    _check(bool(result.GetAttribute("MRIEnhance.sha256")), "the result does not say where it comes from")


def sample_kspace() -> str:
    """The file of the library's sample of raw data: one slice of a brain, of which every eighth sample was acquired."""
    return str(library_folder() / "mrienhance" / "data" / "brain_8ch.npz")


def check_reconstructed(result: Any, zero_filled: Any) -> None:
    """Check that `result` is the sample's brain: upright, bright in the middle of a dark ground, and not zero-filled.

    Raises
    ------
    AssertionError
        If it is not.
    """
    size = result.GetImageData().GetDimensions()
    _check(size == (180, 230, 1), f"the image has {size} voxels")
    _check(zero_filled is not None, "there is no zero-filled image")
    image, zeros = (slicer.util.arrayFromVolume(node)[0].astype(float) for node in (result, zero_filled))
    inside, corner = image[80:150, 60:120].mean(), image[:15, :15].mean()
    _check(inside > 5 * corner, f"the brain has {inside:.3g}, a corner {corner:.3g}")
    scale = (image * zeros).sum() / (zeros * zeros).sum()
    change = abs(image - scale * zeros).mean() / image.mean()
    _check(change > 0.05, f"the image is the zero-filled one but for {change:.1%}")
    _check(bool(result.GetAttribute("MRIEnhance.model")), "the result does not say where it comes from")


def check_synthetic(source: Any, result: Any) -> None:
    """Check that `result` is another contrast of the head in `source`, at the same place, and says that it is no scan.

    Raises
    ------
    AssertionError
        If it is not.
    """
    size = source.GetImageData().GetDimensions()
    _check(result.GetImageData().GetDimensions() == size, f"{size} became {result.GetImageData().GetDimensions()}")
    _check(_near(result.GetSpacing(), source.GetSpacing()), f"the spacing became {result.GetSpacing()}")
    _check(_near(result.GetOrigin(), source.GetOrigin()), "the first voxel has moved")
    scan, image = (slicer.util.arrayFromVolume(node).astype(float) for node in (source, result))
    head = scan > 0.1 * scan.max()
    inside, outside = image[head].mean(), image[scan < 0.01 * scan.max()].mean()
    _check(inside > 5 * outside, f"the head has {inside:.3g}, the ground {outside:.3g}")
    scan, image = (voxels[head] - voxels[head].mean() for voxels in (scan, image))
    likeness = float((scan * image).sum() / ((scan * scan).sum() * (image * image).sum()) ** 0.5)
    _check(likeness < 0.9, f"the result is the input again: their correlation is {likeness:.2f}")
    _check(result.GetAttribute("MRIEnhance.synthetic") == "1", "the result does not say that it is synthetic")
    _check(bool(result.GetAttribute("MRIEnhance.sha256")), "the result does not say where it comes from")


def _near(values: Any, wanted: Any) -> bool:
    return all(abs(a - b) < 1e-6 for a, b in zip(values, wanted, strict=True))


def _check(condition: bool, complaint: str) -> None:
    if not condition:
        raise AssertionError(complaint)
