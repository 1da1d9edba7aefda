"""VIF: against torchmetrics, inside masks against whole images, and by what must not change it."""

import math
import warnings

import pytest
import torch

from mrienhance.errors import ImageError
from mrienhance.evaluation import vif_slices
from mrienhance.evaluation.vif import VIF_SMALLEST, vif


def scene(shape, seed=0):
    """A smooth image from 0 to about 1, and a noisy, dimmer one."""
    generator = torch.Generator().manual_seed(seed)
    rough = torch.rand(shape, generator=generator, dtype=torch.float64)
    reference = sum(rough.roll((a, b), (-2, -1)) for a in range(3) for b in range(3)) / 9
    return 0.8 * reference + 0.05 * torch.randn(shape, generator=generator, dtype=torch.float64), reference


def peer(image, reference):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torchmetrics.functional.image import visual_information_fidelity
    return visual_information_fidelity(image[:, None], reference[:, None], sigma_n_sq=2.0, reduction="none").tolist()


@pytest.mark.parametrize("shape", [(1, 41, 41), (3, 64, 53), (2, 90, 48)])
@pytest.mark.parametrize("data_range", [1.0, 1000.0])
def test_slices_equal_torchmetrics(shape, data_range):
    image, reference = scene(shape)
    ours = vif_slices(data_range * image, data_range * reference, data_range=data_range)
    assert ours == pytest.approx(peer(255 * image, 255 * reference), rel=1e-9)


def test_a_head_in_the_dark_equals_torchmetrics():
    image, reference = scene((2, 80, 70), seed=3)
    dark = torch.ones_like(image)
    dark[:, :20], dark[:, :, :15] = 0, 0
    ours = vif_slices(image * dark, reference * dark, data_range=1.0)
    assert ours == pytest.approx(peer(255 * image * dark, 255 * reference * dark), rel=1e-9)


def test_a_volume_weighs_its_slices_by_their_information():
    image, reference = scene((3, 50, 60), seed=1)
    image[1], reference[1] = 0, 0
    both = torch.tensor([0, 2])
    assert vif(image, reference, data_range=1.0) == pytest.approx(vif(image[both], reference[both], data_range=1.0))
    each = vif_slices(image, reference, data_range=1.0)
    assert math.isnan(each[1])
    assert min(each[0], each[2]) < vif(image, reference, data_range=1.0) < max(each[0], each[2])


def test_identical_images_keep_all():
    _, reference = scene((2, 48, 48))
    assert vif(reference, reference, data_range=1.0) == pytest.approx(1.0, abs=1e-6)
    assert vif(1.3 * reference, reference, data_range=1.0) > 1
    assert vif(torch.zeros_like(reference), reference, data_range=1.0) == pytest.approx(0, abs=1e-6)
    assert vif(-reference, reference, data_range=1.0) == pytest.approx(0, abs=1e-6)


def test_more_noise_and_more_blur_are_worse():
    _, reference = scene((1, 64, 64))
    noise = torch.randn(reference.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    noisy = [vif(reference + level * noise, reference, data_range=1.0) for level in (0.01, 0.03, 0.1, 0.3)]
    assert noisy == sorted(noisy, reverse=True)
    blurred, values = reference, []
    for _ in range(4):
        blurred = (blurred + blurred.roll(1, -1) + blurred.roll(1, -2)) / 3
        values.append(vif(blurred, reference, data_range=1.0))
    assert values == sorted(values, reverse=True)


def test_a_mask_counts_the_windows_around_its_voxels():
    image, reference = scene((2, 72, 72), seed=2)
    full = torch.ones_like(image)
    plain = vif(image, reference, data_range=1.0)
    assert vif(image, reference, data_range=1.0, mask=full) == plain
    mask = torch.zeros_like(image)
    mask[:, :, :20] = 1
    spoilt = image.clone()
    spoilt[:, :, 66:] += 3  # farther away than the windows of all scales around the mask reach
    inside = vif(image, reference, data_range=1.0, mask=mask)
    assert vif(spoilt, reference, data_range=1.0, mask=mask) == inside != plain
    assert vif(spoilt, reference, data_range=1.0) != plain


def test_small_slices_and_empty_references_have_none():
    image, reference = scene((2, VIF_SMALLEST - 1, 60))
    assert math.isnan(vif(image, reference, data_range=1.0))
    flat = torch.ones(1, 50, 50)
    assert math.isnan(vif(scene((1, 50, 50))[0], flat, data_range=1.0))
    with pytest.raises(ImageError, match="differ in shape"):
        vif(image, flat, data_range=1.0)
    with pytest.raises(ImageError, match="of slices"):
        vif(torch.ones(50), torch.ones(50), data_range=1.0)
