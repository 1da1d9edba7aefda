"""Images of ISMRMRD files in patient coordinates: points at known places are found again at these places."""

from pathlib import Path

import numpy as np
import pytest

from kspace.makers import Header, acquisition, noise, readouts, rss, to_images, write_mrd
from mrienhance import read_kspace
from mrienhance.kspace import KSpace


def oblique(handedness: float = 1.0) -> np.ndarray:
    """Columns read_dir, phase_dir, slice_dir: rotated about all three axes."""
    a, b, c = 0.4, -0.7, 1.1
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x @ np.diag([1, 1, handedness])


HEADER = Header(
    encoded=(32, 18, 1), recon=(16, 18, 1), encoded_fov=(64.0, 45.0, 4.0), recon_fov=(32.0, 45.0, 4.0)
)  # fmt: skip
CENTRE = np.array([13.5, -41.25, 66.0])


def signal(point: np.ndarray, position: np.ndarray, axes: np.ndarray, kz: int = 0, thickness: float = 0) -> np.ndarray:
    """What a point source gives, from the signal equation: exp(-2 pi i k.(r - position)), k along the axes in 1/mm."""
    x, y, z = axes.T @ (point - position)
    kx = (np.arange(32) - 16) / 64.0
    ky = (np.arange(18) - 9) / 45.0
    phase = kx[None, :] * x + ky[:, None] * y + (kz / thickness * z if thickness else 0)
    return np.exp(-2j * np.pi * phase)[None].repeat(2, axis=0)


def brightest(kspace: KSpace) -> np.ndarray:
    """Where the brightest voxel of the cropped image lies in the patient, in mm."""
    images = rss(to_images(kspace.samples.numpy()))[(..., *kspace.window)]
    k, j, i = np.unravel_index(images.argmax(), images.shape)
    assert images.max() > 0.9 * np.sqrt(2 * 32 * 18)  # it lies on the voxel, not between two
    return kspace.geometry.points((i, j, k))


@pytest.mark.parametrize("handedness", [1.0, -1.0])
@pytest.mark.parametrize("steps", [(0, 0, 0), (5, -7, 1), (-8, 8, 2), (7, -9, 0)])
def test_a_point_in_a_stack_of_slices(tmp_path: Path, handedness: float, steps: tuple[int, int, int]) -> None:
    """Slices 4.5 mm apart, counted in the order of acquisition: 0 is the second in space."""
    axes = oblique(handedness)
    places = {0: 4.5, 1: 0.0, 2: 9.0}
    point = CENTRE + axes @ (np.array(steps) * (2.0, 2.5, 4.5))
    lines = []
    for number, along in places.items():
        position = CENTRE + axes[:, 2] * along
        here = abs(along - 4.5 * steps[2]) < 1e-9
        data = signal(point, position, axes) if here else noise(2, 18, 32) * 1e-3
        lines += [acquisition(data[:, ky], ky=ky, slice=number, position=position, axes=axes) for ky in range(18)]
    kspace = read_kspace(write_mrd(tmp_path / "a.h5", HEADER, lines))
    np.testing.assert_allclose(brightest(kspace), point, atol=1e-3)
    assert kspace.geometry.in_patient
    assert kspace.geometry.size == (16, 18, 3)
    np.testing.assert_allclose(kspace.geometry.spacing, (2.0, 2.5, 4.5), rtol=1e-5)
    np.testing.assert_allclose(np.reshape(kspace.geometry.direction, (3, 3)), axes, atol=1e-6)
    some = read_kspace(tmp_path / "a.h5", slices=steps[2])
    np.testing.assert_allclose(brightest(some), point, atol=1e-3)


@pytest.mark.parametrize("steps", [(0, 0, 0), (5, -7, -3), (-8, 8, 2)])
def test_a_point_in_a_slab(tmp_path: Path, steps: tuple[int, int, int]) -> None:
    """8 partitions of 1.5 mm, of which 6 are left."""
    axes = oblique()
    header = Header(
        encoded=(32, 18, 8), recon=(16, 18, 6), encoded_fov=(64.0, 45.0, 12.0), recon_fov=(32.0, 45.0, 9.0),
        limits={"kspace_encoding_step_2": (0, 7, 4)},
    )  # fmt: skip
    point = CENTRE + axes @ (np.array(steps) * (2.0, 2.5, 1.5))
    lines = [
        acquisition(data[:, ky], ky=ky, kz=kz, position=CENTRE, axes=axes)
        for kz in range(8)
        for data in [(signal(point, CENTRE, axes, kz - 4, 12.0) + 1e-3 * noise(2, 18, 32, seed=kz)) / np.sqrt(8)]
        for ky in range(18)
    ]
    kspace = read_kspace(write_mrd(tmp_path / "a.h5", header, lines))
    np.testing.assert_allclose(brightest(kspace), point, atol=1e-3)


def test_the_corner_by_hand(tmp_path: Path) -> None:
    """Axes along the coordinates: the first voxel lies half the matrix (rounded down) before the centre."""
    data = noise(1, 2, 18, 32)
    kspace = read_kspace(write_mrd(tmp_path / "a.h5", HEADER, readouts(data, position=(10.0, 20.0, 30.0))))
    assert kspace.geometry.origin == pytest.approx((10 - 8 * 2.0, 20 - 9 * 2.5, 30))
    assert kspace.geometry.spacing == (2.0, 2.5, 4.0)  # of one slice, the thickness


def stack(positions: list[tuple[float, float, float]], axes: list[np.ndarray] | None = None) -> list[object]:
    return [
        line
        for number, position in enumerate(positions)
        for line in readouts(noise(1, 2, 18, 32), position=position, axes=axes[number] if axes else None)
        if not setattr(line.idx, "slice", number)
    ]


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (stack([(0, 0, 0), (0, 0, 4), (0, 0, 9)]), "not evenly stacked"),
        (stack([(0, 0, 0), (1, 0, 4), (2, 0, 8)]), "not evenly stacked"),
        (stack([(0, 0, 0), (0, 0, 0)]), "in one place"),
        (stack([(0, 0, 0), (0, 0, 4)], [np.eye(3), np.eye(3)[:, [0, 2, 1]]]), "not parallel"),
        (stack([(0, 0, 0)], [np.zeros((3, 3))]), "no usable directions"),
        (stack([(0, 0, np.nan)]), "no usable position"),
    ],
)
def test_no_place_is_invented(tmp_path: Path, lines: list[object], why: str) -> None:
    kspace = read_kspace(write_mrd(tmp_path / "a.h5", HEADER, lines))
    assert kspace.geometry is None
    assert why in kspace.notes[0]
