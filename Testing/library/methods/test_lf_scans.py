"""What training scans do to images before k-space: coarser matrices, and brightness near the coils."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from mrienhance.methods.lf_mri.classifier import Classifier, grid
from mrienhance.methods.lf_mri.scans import Scan, _coarser, _shaded


def waves(rows: int, columns: int) -> Tensor:
    """A positive image of a few low frequencies, sampled from row 0 and column 0 on."""
    y = 2 * math.pi * torch.arange(rows, dtype=torch.float64)[:, None] / rows
    x = 2 * math.pi * torch.arange(columns, dtype=torch.float64) / columns
    return 2 + torch.cos(2 * y + 0.3) * torch.sin(3 * x) + 0.4 * torch.cos(5 * x - y)


@pytest.mark.parametrize(("shape", "part"), [((40, 60), 0.6), ((41, 53), 0.7), ((40, 60), 1.0)])
def test_a_coarser_matrix_samples_the_same_waves(shape: tuple[int, int], part: float) -> None:
    coarse = _coarser(torch.stack([waves(*shape), torch.zeros(shape, dtype=torch.float64)]), part)
    torch.testing.assert_close(coarse[0], waves(*coarse.shape[1:]))
    assert all(abs(n / m - part) <= 1 / m for n, m in zip(coarse.shape[1:], shape, strict=True))


def test_a_coarser_mask_has_the_same_part_of_the_field() -> None:
    mask = torch.zeros(60, 60)
    mask[20:40, 10:35] = 1
    coarse = _coarser(torch.stack([mask, mask]), 0.6)[1]
    assert set(coarse.unique().tolist()) == {0.0, 1.0}
    assert float(coarse.mean()) == pytest.approx(float(mask.mean()), rel=0.12)


def test_a_coarser_image_has_detail_up_to_its_last_frequency() -> None:
    """White noise that was smoothed to half of the band: at half the matrix it fills all of it."""
    spectrum = torch.fft.fft2(torch.randn(64, 64, generator=torch.Generator().manual_seed(0)))
    near = torch.fft.fftfreq(64, 1 / 64).abs() < 16
    smooth = torch.fft.ifft2(spectrum * near * near[:, None]).real + 20
    fine, coarse = (
        torch.fft.fftshift(torch.fft.fft2(x)).abs() for x in (smooth, _coarser(torch.stack([smooth] * 2), 0.5)[0])
    )
    assert float(fine[:8].square().sum() / fine[24:40].square().sum()) < 1e-8
    assert float(coarse[:8, :].square().sum()) > 0.2 * float(coarse[8:16, :].square().sum() - coarse[16, 16] ** 2)


def test_shading_leaves_the_brightest_place_as_bright() -> None:
    images = torch.rand(2, 8, 9, generator=torch.Generator().manual_seed(0))
    shading = torch.linspace(0.3, 3, 72).view(1, 8, 9).expand(2, -1, -1)
    shaded = _shaded(images, shading)
    torch.testing.assert_close(shaded.amax((-2, -1)), images.amax((-2, -1)))
    ratio = shaded / (images * shading)
    torch.testing.assert_close(ratio, ratio[:, :1, :1].expand_as(ratio))
    assert _shaded(torch.zeros(1, 4, 4), torch.ones(1, 4, 4)).isfinite().all()


def test_a_scan_comes_back_from_its_numbers() -> None:
    for seed in range(20):
        scan = Scan.draw(torch.Generator().manual_seed(seed))
        again = Scan.of(scan.as_tensor())
        assert (again.coils, again.sampling) == (scan.coils, scan.sampling)
        assert [again.acceleration, again.noise, again.phase] == pytest.approx(
            [scan.acceleration, scan.noise, scan.phase]
        )


@pytest.mark.parametrize("kind", ["plain", "resnet18"])
@pytest.mark.parametrize("size", [(32, 32), (33, 40), (41, 31)])
def test_the_size_of_the_classifiers_grid_is_known_beforehand(kind: str, size: tuple[int, int]) -> None:
    assert Classifier(kind, 4, 1).evidence(torch.rand(1, *size)).places.shape[-2:] == grid(*size)
