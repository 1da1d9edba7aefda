"""Poisson discs: as many samples as asked for, a distance that grows with the radius, the density of sigpy."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt
from scipy.spatial import KDTree
from sigpy.mri import poisson

from mrienhance.physics import poisson_disc

SIZES = [(64, 72), (96, 128), (181, 217), (230, 180), (256, 256), (320, 260)]
RINGS = 10


def draw(shape: tuple[int, int], seed: int = 0, **options) -> np.ndarray:
    """A mask, centred."""
    options = {"acceleration": 8, **options}
    mask = poisson_disc(shape, generator=torch.Generator().manual_seed(seed), **options)
    return torch.fft.fftshift(mask).numpy()


def radius(shape: tuple[int, int], calibration: tuple[int, int] = (0, 0)) -> np.ndarray:
    """Distance from the calibration region: 1 at the middle of each edge."""
    away = [np.maximum(abs(np.arange(n) - n // 2) - size / 2, 0) for n, size in zip(shape, calibration, strict=True)]
    return np.hypot(away[0][:, None] / away[0].max(), away[1] / away[1].max())


def profile(mask: np.ndarray) -> np.ndarray:
    """Share of samples by radius, in rings of equal width up to the edge."""
    ring = np.minimum((radius(mask.shape) * RINGS).astype(int), RINGS).ravel()
    return (np.bincount(ring, mask.ravel()) / np.bincount(ring))[:RINGS]


def spacing(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance of each sample from the next one, and of each place from the nearest sample, axes made equally long."""
    steps = max(mask.shape) / np.array(mask.shape)
    samples = np.argwhere(mask)
    nearest = np.zeros(mask.shape)
    nearest[tuple(samples.T)] = KDTree(samples * steps).query(samples * steps, k=2)[0][:, 1]
    return nearest, distance_transform_edt(mask == 0, sampling=steps)


def expected_distance(mask: np.ndarray, calibration: tuple[int, int] = (24, 24)) -> list[tuple[np.ndarray, float]]:
    """Rings around the calibration region, and the distance in each at which so many samples would fill a square grid.

    Rings are narrow enough for a constant density; those with few samples are left out.
    """
    away, cell = radius(mask.shape, calibration), max(mask.shape) ** 2 / mask.size
    rings = [(away > n / RINGS) & (away <= (n + 1) / RINGS) & (away < 0.97) for n in range(1, RINGS)]
    return [(ring, math.sqrt(cell * ring.sum() / mask[ring].sum())) for ring in rings if mask[ring].sum() > 30]


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("acceleration", [2.5, 4, 6.7, 8, 12])
def test_the_acceleration_is_that_asked_for(shape: tuple[int, int], acceleration: float) -> None:
    calibration = (24, 24) if min(shape) > 64 else (16, 12)
    for seed in range(2):
        mask = draw(shape, seed, acceleration=acceleration, calibration=calibration)
        assert set(np.unique(mask)) == {0.0, 1.0}
        assert mask.sum() == round(mask.size / acceleration)  # far within 2 %


@pytest.mark.parametrize("acceleration", [4, 6, 6.9])
def test_a_small_matrix_with_a_large_calibration_region(acceleration: float) -> None:
    for seed in range(4):
        assert draw((64, 64), seed, acceleration=acceleration).sum() == round(64 * 64 / acceleration)


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("calibration", [(24, 24), (13, 20), (1, 1)])
def test_the_calibration_region_is_full_and_no_larger(shape: tuple[int, int], calibration: tuple[int, int]) -> None:
    masks = [draw(shape, seed, acceleration=6, calibration=calibration) for seed in range(4)]
    always = np.min(masks, axis=0)
    first = [n // 2 - size // 2 for n, size in zip(shape, calibration, strict=True)]
    rows, columns = (slice(start, start + size) for start, size in zip(first, calibration, strict=True))
    assert always[rows, columns].all()
    around = always[rows.start - 1 : rows.stop + 1, columns.start - 1 : columns.stop + 1]
    assert around.mean() < 1


@pytest.mark.parametrize("shape", [(64, 64), (230, 180), (256, 256), (320, 260)])
@pytest.mark.parametrize("acceleration", [4, 8])
def test_samples_neither_clump_nor_leave_gaps(shape: tuple[int, int], acceleration: float) -> None:
    calibration = (24, 24) if min(shape) > 64 else (12, 12)
    mask = draw(shape, acceleration=acceleration, calibration=calibration)
    nearest, gap = spacing(mask)
    for ring, distance in expected_distance(mask, calibration):
        # Discs thrown at random keep 0.83 of that distance, in the end; the grid takes some of it.
        assert nearest[ring & (mask > 0)].min() >= 0.8 * distance - 0.7
        assert gap[ring].max() <= 0.85 * distance + 0.8


def test_random_samples_of_that_density_do_clump_and_leave_gaps() -> None:
    """What the last test tells apart."""
    mask = draw((256, 256))
    chance = np.zeros(mask.shape)
    for ring, distance in expected_distance(mask):
        chance[ring] = 1 / distance**2
    scattered = (np.random.default_rng(0).random(mask.shape) < chance).astype(float)
    nearest, gap = spacing(scattered)
    for ring, distance in expected_distance(mask)[3:]:
        assert nearest[ring & (scattered > 0)].min() < 0.8 * distance - 0.7
        assert gap[ring].max() > 0.85 * distance + 0.8


@pytest.mark.parametrize("shape", [(256, 256), (320, 260)])
def test_the_distance_grows_with_the_radius(shape: tuple[int, int]) -> None:
    mask = draw(shape, acceleration=10)
    nearest = spacing(mask)[0]
    rings = [ring & (mask > 0) for ring, _ in expected_distance(mask)]
    lowest, mean = ([float(of(nearest[ring])) for ring in rings] for of in (np.min, np.mean))
    assert lowest == sorted(lowest)
    assert mean == sorted(mean)
    assert lowest[-1] >= 2.5 * lowest[0]
    # The distance is linear in the radius.
    middles = np.arange(len(mean))
    assert np.corrcoef(middles, mean)[0, 1] > 0.99


@pytest.mark.parametrize(
    ("shape", "acceleration"), [((256, 256), 4), ((256, 256), 8), ((128, 128), 6), ((320, 260), 8)]
)
def test_the_density_is_that_of_sigpy(shape: tuple[int, int], acceleration: float) -> None:
    own = np.mean([profile(draw(shape, seed, acceleration=acceleration)) for seed in range(4)], axis=0)
    peers = [poisson(shape, acceleration, calib=(24, 24), seed=seed, dtype=float, tol=0.2) for seed in range(2)]
    peer = np.mean([profile(mask) * mask.mean() ** -1 / acceleration for mask in peers], axis=0)
    np.testing.assert_allclose(own, peer, rtol=0.13, atol=0.01)


def test_corners() -> None:
    away = radius((128, 96), (24, 24))
    assert not draw((128, 96))[away >= 1].any()
    with_corners = draw((128, 96), corners=True)
    assert with_corners.sum() == 128 * 96 / 8
    assert with_corners[away >= 1].sum() > 20


def test_too_low_for_a_growing_distance() -> None:
    """All but everything is sampled, evenly."""
    mask = draw((128, 128), acceleration=1.4, calibration=(8, 8))
    assert mask.sum() == round(128 * 128 / 1.4)
    np.testing.assert_allclose(profile(mask)[2:9], profile(mask)[2:9].mean(), rtol=0.05)
    assert draw((32, 24), acceleration=1).all()


def test_the_same_seed_gives_the_same_mask() -> None:
    state = torch.random.get_rng_state()
    masks = [draw((96, 80), seed) for seed in (3, 3, 4)]
    assert (masks[0] == masks[1]).all()
    assert (masks[0] != masks[2]).mean() > 0.05
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("shape", "options", "words"),
    [
        ((64, 64), {"acceleration": 8}, "between the 576"),
        ((64, 64), {"acceleration": 1.1, "calibration": (8, 8)}, "3724 samples"),
        ((64, 64), {"acceleration": 0.9}, "1 or above"),
        ((64, 64), {"acceleration": math.inf}, "1 or above"),
        ((64, 20), {"acceleration": 4}, "does not fit"),
    ],
)
def test_what_cannot_be_met_is_refused(shape: tuple[int, int], options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        draw(shape, **options)
