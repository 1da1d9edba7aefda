"""The type itself, what is refused when it is built, and oversampling taken out before the reconstruction."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kspace.makers import noise, rss, to_images
from mrienhance import KSpaceError, read_kspace
from mrienhance.data import sample_path
from mrienhance.kspace import Contents, KSpace, Placement, build_kspace, trim


def make(*shape: int, **parts: object) -> KSpace:
    return build_kspace(Contents(torch.from_numpy(noise(*shape)), source="test", **parts))


def test_what_it_says() -> None:
    kspace = make(2, 3, 20, 12, crop=(10, 12))
    assert (kspace.coils, kspace.acceleration, kspace.calibration_lines) == (3, 1.0, 12)
    assert repr(kspace) == "KSpace(2 slice(s), 3 coil(s), 20 x 12, 1x, test)"
    assert kspace.window == (slice(5, 15), slice(0, 12))


@pytest.mark.parametrize(("full", "kept"), [(8, 4), (8, 3), (9, 4), (9, 3), (8, 8), (9, 1)])
def test_the_centre_stays_the_centre(full: int, kept: int) -> None:
    window = make(1, 1, full, 10, crop=(kept, 10)).window[0]
    assert np.arange(full)[window][kept // 2] == full // 2
    assert window.stop - window.start == kept


@pytest.mark.parametrize(("crop", "kept"), [((99, 99), (20, 12)), ((0, -4), (1, 1)), (None, (20, 12))])
def test_a_crop_is_made_to_fit(crop: tuple[int, int] | None, kept: tuple[int, int]) -> None:
    assert make(1, 3, 20, 12, crop=crop).crop == kept


def test_data_in_memory_are_not_copied() -> None:
    samples = torch.from_numpy(noise(2, 3, 20, 12))
    kspace = build_kspace(Contents(samples, source="test"))
    assert kspace.samples.data_ptr() == samples.data_ptr()
    assert kspace.slices(slice(1, 2)).samples.data_ptr() == samples[1:].data_ptr()


@pytest.mark.parametrize("shape", [(20, 12), (3, 20, 12), (0, 3, 20, 12), (1, 3, 1, 12), (1, 1, 2, 2**16 + 1)])
def test_shapes_that_are_none(shape: tuple[int, ...]) -> None:
    with pytest.raises(KSpaceError, match=r"shape|axis"):
        build_kspace(Contents(torch.ones(shape, dtype=torch.complex64), source="test"))


def test_parts_that_do_not_fit() -> None:
    with pytest.raises(KSpaceError, match=r"coil maps in k-space have the shape \(1, 2, 20, 12\)"):
        make(1, 3, 20, 12, maps=torch.from_numpy(noise(1, 2, 20, 12)))
    with pytest.raises(KSpaceError, match="coil maps in k-space hold numbers that are NaN"):
        make(1, 3, 20, 12, maps=torch.full((1, 3, 20, 12), torch.nan, dtype=torch.complex64))


def test_no_slice_left() -> None:
    kspace = make(3, 1, 4, 4)
    for selection in (slice(3, None), []):
        with pytest.raises(KSpaceError, match="leaves no slice"):
            kspace.slices(selection)
    with pytest.raises(KSpaceError, match="no slice -4"):
        kspace.slices(-4)
    assert kspace.slices(None) is kspace


def test_uneven_slices_lose_the_geometry_and_say_so() -> None:
    kspace = make(5, 1, 4, 4, geometry=Placement((4, 4, 5), (1, 1, 3)))
    assert kspace.slices([0, 2, 4]).geometry.spacing == (1, 1, 6)
    some = kspace.slices([0, 1, 4])
    assert some.geometry is None
    assert "not evenly spaced" in some.notes[-1]


LINES = np.zeros((20, 12), dtype=bool)
LINES[:, [1, 4, 5, 6, 7, 10]] = True


@pytest.mark.parametrize(
    ("mask", "trimmed"),
    [(np.ones_like(LINES), (9, 7)), (LINES, (9, 12)), (LINES.reshape(12, 20).T, (20, 12)), (~LINES, (9, 12))],
)
def test_trimmed_kspace_has_the_same_image(mask: np.ndarray, trimmed: tuple[int, int]) -> None:
    whole = build_kspace(
        Contents(
            torch.from_numpy(noise(2, 3, 20, 12) * mask),
            source="test",
            crop=(9, 7),
            maps=torch.from_numpy(noise(2, 3, 20, 12, seed=1)),
        )
    )
    kspace = trim(whole)
    assert kspace.samples.shape[-2:] == kspace.mask.shape == trimmed
    assert (kspace is whole) == (trimmed == (20, 12))
    images, wanted = to_images(kspace.samples.numpy()), to_images(whole.samples.numpy())
    np.testing.assert_allclose(rss(images)[(..., *kspace.window)], rss(wanted)[(..., *whole.window)], rtol=1e-4)
    assert torch.equal(kspace.maps[(..., *kspace.window)], whole.maps[(..., *whole.window)])
    assert not kspace.samples[..., ~kspace.mask].any()
    assert trim(kspace) is kspace


def test_trimming_with_masks_that_differ_keeps_each() -> None:
    masks = torch.from_numpy(np.stack([LINES, np.roll(LINES, 1, axis=1)]))
    whole = build_kspace(Contents(torch.from_numpy(noise(2, 3, 20, 12)), source="test", crop=(10, 12), mask=masks))
    kspace = trim(whole)
    assert torch.equal(kspace.mask, masks[:, :10])
    assert torch.equal(trim(replace(whole, calibration=whole.samples)).calibration, kspace.samples)


def test_the_sample() -> None:
    """As published: 8 coils, a Poisson disc of 8.04x with a centre of 24 x 24."""
    kspace = read_kspace(sample_path("brain_8ch"))
    assert kspace.samples.shape == (1, 8, 230, 180)
    assert kspace.acceleration == pytest.approx(8.04196, abs=1e-4)
    assert kspace.calibration_lines == 24
    assert abs(kspace.samples).max().item() == pytest.approx(15.848518)
    assert torch.equal(kspace.mask, (kspace.samples[0] != 0).any(dim=0))
    image = rss(to_images(kspace.samples.numpy()))[0]
    middle = image[60:170, 45:135].mean()
    assert middle > 3 * image[:10].mean()
