from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, ndimage, stats
from torch.nn import functional

from mrienhance.errors import UsageError
from mrienhance.physics import DEGRADATIONS, BlurDownsample, KSpaceTruncation, ThickSlice, make_degradation
from physics.battery import random

EXACT = {"rtol": 0, "atol": 1e-12}
light = settings(deadline=None, max_examples=25, derandomize=True)
OPTIONS = [
    (BlurDownsample, {}),
    (BlurDownsample, {"relative_sigma": 0.0}),
    (BlurDownsample, {"relative_sigma": 1.3}),
    (ThickSlice, {}),
    (ThickSlice, {"gap": 0.35}),
    (ThickSlice, {"profile": "gaussian", "gap": 0.1}),
]


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_antialiased_cubic_equals_torch_away_from_the_ends(factor):
    """torch's antialiased bicubic has a = -0.5 and half-pixel centres too, but another rule at the ends."""
    x = random((1, 1, 12 * factor, 14 * factor), torch.float64)
    ours = BlurDownsample(x.shape[2:], (factor, factor), relative_sigma=0.0)(x)
    theirs = functional.interpolate(x, scale_factor=1 / factor, mode="bicubic", antialias=True)
    torch.testing.assert_close(ours[..., 2:-2, 2:-2], theirs[..., 2:-2, 2:-2], **EXACT)


def test_blur_equals_scipy():
    x = random((24, 20), torch.float64)
    blurred = ndimage.gaussian_filter(x.numpy(), (1.0, 2.0), mode="reflect", truncate=4.0)
    both = BlurDownsample((24, 20), (2, 4), relative_sigma=0.5)(x)
    cubic_only = BlurDownsample((24, 20), (2, 4), relative_sigma=0.0)(torch.from_numpy(blurred))
    torch.testing.assert_close(both, cubic_only, **EXACT)


def test_thick_slices_are_means_of_thin_ones():
    x = random((2, 12, 6, 4), torch.float64)
    torch.testing.assert_close(
        ThickSlice((12, 6, 4), (4, 1, 2))(x), functional.avg_pool3d(x[:, None], (4, 1, 2))[:, 0], **EXACT
    )


def test_gap_leaves_out_what_is_not_excited():
    """Slices 4 apart with a quarter gap: 3 thin ones wide, so half of the first and of the last thin slice."""
    x = random((12,), torch.float64)
    expected = (x.view(3, 4) * torch.tensor([0.5, 1.0, 1.0, 0.5], dtype=torch.float64)).sum(1) / 3
    torch.testing.assert_close(ThickSlice((12,), (4,), gap=0.25)(x), expected, **EXACT)


def test_gaussian_profile_has_the_thickness_as_its_half_width():
    factor, gap, size = 5, 0.2, 45
    thickness = factor * (1 - gap)
    centre = 4.5 * factor  # of slice 4, in coordinates where thin slice j spans j to j + 1
    profile = stats.norm(centre, thickness / 2.3548200450309493)
    assert profile.pdf(centre + thickness / 2) == pytest.approx(profile.pdf(centre) / 2)
    expected = [integrate.quad(profile.pdf, j, j + 1)[0] for j in range(size)]
    found = ThickSlice((size,), (factor,), profile="gaussian", gap=gap)(torch.eye(size, dtype=torch.float64))[:, 4]
    np.testing.assert_allclose(found, expected, atol=1e-4)  # the tails beyond 4 sigma, 6e-5, are cut


@pytest.mark.parametrize(("operator", "options"), OPTIONS)
@light
@given(sizes=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 4)), min_size=1, max_size=2))
def test_constants_stay_on_every_size(operator, options, sizes):
    degrade = operator([n * f for n, f in sizes], [f for _, f in sizes], **options)
    ones = torch.ones(degrade.shape, dtype=torch.float64)
    torch.testing.assert_close(degrade(ones), torch.ones(degrade.coarse_shape, dtype=torch.float64), **EXACT)


@pytest.mark.parametrize(("operator", "options"), [*OPTIONS[:4]])
@light
@given(n=st.integers(1, 6), factor=st.integers(1, 5))
def test_mean_stays_on_every_size(operator, options, n, factor):
    x = random((n * factor,), torch.float64)
    torch.testing.assert_close(operator((n * factor,), (factor,), **options)(x).mean(), x.mean(), **EXACT)


@pytest.mark.parametrize(("operator", "options"), OPTIONS)
def test_voxel_edges_stay(operator, options):
    """Edge alignment is what makes mirroring the fine image mirror the coarse one."""
    degrade = operator((12, 15), (3, 5), **options)
    x = random((12, 15), torch.float64)
    torch.testing.assert_close(degrade(x.flip((0, 1))), degrade(x).flip((0, 1)), **EXACT)
    assert degrade.alignment == "edge"


@pytest.mark.parametrize(("operator", "options"), OPTIONS)
def test_line_of_slope_one_is_sampled_at_voxel_centres(operator, options):
    degrade = operator((96,), (4,), **options)
    found = degrade(torch.arange(96, dtype=torch.float64))
    torch.testing.assert_close(found[8:16], torch.arange(8, 16, dtype=torch.float64) * 4 + 1.5, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("operator", "options"), OPTIONS)
def test_autocast_does_not_blunt_it(operator, options):
    degrade = operator((12, 8), (3, 2), **options)
    x = random((12, 8), torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        found = degrade(x), degrade.adjoint(degrade(x))
    assert torch.equal(found[0], degrade(x))
    assert torch.equal(found[1], degrade.normal(x))


def test_first_use_in_inference_mode_does_not_spoil_training():
    degrade = ThickSlice((8, 8), (2, 1))
    with torch.inference_mode():
        degrade(torch.rand(8, 8))
    x = torch.rand(8, 8, requires_grad=True)
    degrade(x).square().sum().backward()
    assert x.grad is not None


def test_registry_makes_each_by_name():
    assert list(DEGRADATIONS) == ["k-space", "blur", "thick-slice"]
    for name, kind in DEGRADATIONS.items():
        made = make_degradation(name, (8, 6), (2, 3))
        assert type(made) is kind
        assert (made.shape, made.factors, made.coarse_shape) == ((8, 6), (2, 3), (4, 2))
    assert KSpaceTruncation.alignment == "sample"


def test_unknown_name_is_refused_with_the_choice():
    with pytest.raises(UsageError, match="'bicubic'") as caught:
        make_degradation("bicubic", (8, 8), (2, 2))
    assert caught.value.hint == "choose one of k-space, blur, thick-slice"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ThickSlice((9, 4), (2, 1)), "size 9 is not divisible by factor 2"),
        (lambda: ThickSlice((8,), (2,), gap=1.0), r"gap is in \[0, 1\), got 1.0"),
        (lambda: ThickSlice((8,), (2,), gap=float("nan")), "got nan"),
        (lambda: ThickSlice((8,), (2,), profile="sinc"), "'box' or 'gaussian', got 'sinc'"),
        (lambda: BlurDownsample((8,), (2,), relative_sigma=-1), "at least 0, got -1"),
    ],
)
def test_wrong_settings_are_refused_with_their_values(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@light
@given(factors=st.tuples(st.integers(1, 4), st.integers(1, 3)), seed=st.integers(0, 9))
def test_measured_slices_are_put_back_by_the_nearest_image(factors, seed):
    """Oracle: the pseudo-inverse of the dense matrix of an axis after the other."""
    shape = (5 * factors[0], 4 * factors[1])
    slices = ThickSlice(shape, factors)
    x, y = random((2, *shape), torch.float64, seed=seed), random((2, 5, 4), torch.float64, seed=seed + 1)
    found = slices.project(x, y)
    torch.testing.assert_close(slices(found), y, **EXACT)
    rows, columns = (torch.linalg.pinv(slices.axis_matrix(n, f)) for n, f in zip(shape, factors, strict=True))
    torch.testing.assert_close(found, x + rows @ (y - slices(x)) @ columns.mT, **EXACT)


@pytest.mark.parametrize("options", [{"gap": 0.2}, {"profile": "gaussian"}])
def test_slices_that_overlap_or_leave_gaps_are_not_put_back(options):
    slices = ThickSlice((8, 4), (2, 1), **options)
    with pytest.raises(ValueError, match="no exact projection"):
        slices.project(torch.zeros(8, 4), torch.zeros(4, 4))
