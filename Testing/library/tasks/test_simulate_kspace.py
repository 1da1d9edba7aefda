"""Simulated raw data: reconstructed by hand it is the image again, in its place; files keep all of it."""

import math

import numpy as np
import pytest
import SimpleITK as sitk
import torch

import mrienhance
from mrienhance.errors import ImageError, KSpaceError, UsageError
from mrienhance.kspace import KSpace, write_kspace
from mrienhance.physics import calibration_size, cg_sense, espirit, from_centred, from_centred_kspace
from tasks.samples import LEFT_HANDED, OBLIQUE, corners, head, voxels

SIZE = (48, 40, 5)


def simulate(image: sitk.Image | None = None, **options) -> KSpace:
    options = {"coils": 4, "acceleration": 1, "snr": math.inf, **options}
    return mrienhance.simulate_kspace(head(SIZE) if image is None else image, **options)


def root_of_squares(kspace: KSpace) -> np.ndarray:
    """The image of a full scan, with numpy alone: files hold k-space and image centred."""
    axes = (-2, -1)
    centred = np.fft.ifftshift(kspace.samples.numpy(), axes=axes)
    images = np.fft.fftshift(np.fft.ifft2(centred, norm="ortho"), axes=axes)
    return np.sqrt((np.abs(images) ** 2).sum(1))


def test_a_full_scan_without_noise_is_the_image() -> None:
    kspace = simulate()
    image = voxels(head(SIZE))
    assert kspace.samples.shape == (5, 4, 40, 48)
    assert kspace.samples.dtype == torch.complex64
    # Not exactly: what phase and coils put beyond the grid is lost, as it is in a scanner.
    error = np.linalg.norm(root_of_squares(kspace) - image) / np.linalg.norm(image)
    assert 1e-4 < error < 0.03
    np.testing.assert_allclose(kspace.reference.numpy(), image, rtol=1e-6)
    assert kspace.acceleration == 1
    assert kspace.source == "simulated"


@pytest.mark.parametrize("direction", [OBLIQUE, LEFT_HANDED])
@pytest.mark.parametrize(("slices", "first", "last"), [(None, 0, 4), (slice(1, 5, 3), 1, 4), (-1, 4, 4)])
def test_it_lies_where_the_slices_lie(direction, slices, first: int, last: int) -> None:
    image = head(SIZE, direction=direction, spacing=(0.7, 1.1, 3.0))
    kspace = simulate(image, slices=slices)
    i, j, k = kspace.geometry.size
    assert kspace.crop == (j, i) == (40, 48)
    assert k == len(kspace.samples) == len(kspace.reference)
    own = kspace.geometry.points([(0, 0, 0), (47, 0, 0), (0, 39, 0), (47, 39, k - 1)])
    expected = corners(image, [(0, 0, first), (47, 0, first), (0, 39, first), (47, 39, last)])
    np.testing.assert_allclose(own, expected, atol=1e-9)
    # Not mirrored or shifted either: the samples are those of that slice.
    np.testing.assert_allclose(kspace.reference[0].numpy(), voxels(image)[first], rtol=1e-6)
    assert np.linalg.norm(root_of_squares(kspace)[0] - voxels(image)[first]) < 0.03 * np.linalg.norm(
        voxels(image)[first]
    )


def test_a_slice_is_the_same_whichever_others_are_chosen() -> None:
    options = {"snr": 20, "acceleration": 3, "seed": 5}
    whole, some, one = (simulate(slices=slices, **options) for slices in (None, [4, 1], 1))
    assert torch.equal(some.samples, whole.samples[[4, 1]])
    assert torch.equal(one.samples[0], whole.samples[1])
    assert torch.equal(one.mask, whole.mask)
    assert some.geometry is None
    other = simulate(slices=1, **{**options, "seed": 6})
    assert not torch.equal(other.mask, one.mask)
    assert not torch.equal(other.samples, one.samples)


def test_slices_have_their_own_phase_and_noise_and_one_array() -> None:
    image = head(SIZE)
    image = sitk.JoinSeries([image[:, :, 2]] * 5)  # five times the same slice, close together
    image.SetSpacing((1.7, 1.7, 0.01))
    combined = np.fft.ifft2(np.fft.ifftshift(simulate(image, slices=[0, 4]).samples.numpy(), axes=(-2, -1)))
    inside = np.fft.ifftshift(voxels(image)[0] > 300)
    ratio = (combined[1] / combined[0])[:, inside]
    spread = np.abs(ratio / ratio.mean(0) - 1)
    assert np.median(spread) < 0.05  # what differs is a phase that all coils see
    assert np.angle(ratio).std() > 0.2


def test_the_snr_is_that_of_the_volume() -> None:
    clean, noisy = (simulate(snr=snr) for snr in (math.inf, 25))
    noise = (noisy.samples - clean.samples).abs().square().mean((1, 2, 3)).sqrt()
    bright = np.percentile(voxels(head(SIZE)), 99.9)
    np.testing.assert_allclose(noise.numpy(), bright / 25, rtol=0.03)


@pytest.mark.parametrize("lines_along", ["i", "j"])
@pytest.mark.parametrize("sampling", ["random-lines", "equispaced-lines"])
def test_lines(sampling: str, lines_along: str) -> None:
    image = head((96, 96, 1))
    kspace = simulate(image, acceleration=4, sampling=sampling, lines_along=lines_along, snr=50)
    assert kspace.mask.shape == (96, 96)
    assert kspace.mask.dtype == torch.bool
    lines = kspace.mask if lines_along == "i" else kspace.mask.T
    assert torch.equal(lines, lines[:1].expand(96, 96))
    assert lines[0, 48 - 4 : 48 + 4].all()
    assert kspace.calibration_lines >= round(96 * 0.08)
    assert kspace.acceleration == pytest.approx(4, rel=0.3)
    outside = kspace.samples[:, :, ~kspace.mask]
    assert not outside.any()
    assert bool((kspace.samples[:, :, kspace.mask] != 0).all())


def test_discs() -> None:
    kspace = simulate(head((64, 64, 2)), acceleration=5, sampling="poisson-disc", calibration=16, snr=50)
    assert kspace.acceleration == pytest.approx(5, rel=1e-3)
    assert kspace.calibration_lines >= 16
    assert kspace.mask[32 - 8 : 32 + 8, 32 - 8 : 32 + 8].all()


def test_a_file_gives_back_all_of_it(tmp_path) -> None:
    kspace = simulate(acceleration=3, snr=30, slices=slice(1, 4))
    again = mrienhance.read_kspace(write_kspace(kspace, tmp_path / "scan.npz"))
    assert torch.equal(again.samples, kspace.samples)
    assert torch.equal(again.mask, kspace.mask)
    assert torch.equal(again.reference, kspace.reference)
    assert again.geometry == kspace.geometry
    assert again.crop == kspace.crop


def test_maps_found_in_it_reconstruct_it() -> None:
    """ESPIRiT and CG-SENSE, both on what the simulated file says and nothing else."""
    image = head((96, 96, 1))
    kspace = simulate(image, coils=8, acceleration=3, center_fraction=0.25, sampling="equispaced-lines", snr=200)
    samples, mask = from_centred_kspace(kspace.samples), from_centred(kspace.mask)
    assert min(calibration_size(mask)) >= 24
    maps, _ = espirit(samples, mask=mask)
    found, truth = cg_sense(samples, maps, mask, iterations=30).abs(), kspace.reference
    inside = truth > 200
    error = (found - truth)[inside].norm() / truth[inside].norm()
    assert float(error) < 0.05


def test_negative_voxels_count_as_zero() -> None:
    image = head(SIZE) - 100
    np.testing.assert_allclose(simulate(image).reference.numpy(), np.maximum(voxels(image), 0), rtol=1e-5)
    assert np.abs(voxels(image)).min() >= 0  # the image itself stays as it was
    assert voxels(image).min() < 0


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"coils": 0}, UsageError, "0 coils"),
        ({"coils": 1000}, UsageError, "1000 coils"),
        ({"snr": 0}, UsageError, "SNR"),
        ({"snr": math.nan}, UsageError, "SNR"),
        ({"phase": -1.0}, UsageError, "phase"),
        ({"lines_along": "k"}, UsageError, "i or j"),
        ({"acceleration": 0.5}, UsageError, "1 or above"),
        ({"acceleration": 30, "center_fraction": 0.1}, UsageError, "no room"),
        ({"sampling": "spiral"}, UsageError, "spiral"),
        ({"sampling": "poisson-disc", "center_fraction": 0.1}, UsageError, "for lines"),
        ({"sampling": "poisson-disc", "calibration": 41, "acceleration": 2}, UsageError, "does not fit"),
        ({"calibration": 16, "acceleration": 2}, UsageError, "Poisson"),
        ({"slices": 7}, KSpaceError, "no slice 7"),
    ],
)
def test_what_is_refused(options: dict, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words) as refusal:
        simulate(**options)
    assert refusal.value.hint


def test_an_empty_slice_needs_noise() -> None:
    image = head((32, 32, 3))
    image[:, :, 1] = 0.0 * image[:, :, 1]
    with pytest.raises(ImageError, match="slice 1 is empty"):
        simulate(image)
    assert simulate(image, slices=[0, 2]).samples.shape[0] == 2
    assert simulate(image, snr=50).samples[1].abs().mean() > 0
