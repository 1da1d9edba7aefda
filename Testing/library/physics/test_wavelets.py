from __future__ import annotations

import numpy as np
import pytest
import pywt
import torch

from mrienhance.physics import Differences, Wavelet
from physics.battery import check_adjoint, random

EXACT = {"rtol": 0, "atol": 1e-12}
each_name = pytest.mark.parametrize("name", ["haar", "db2", "db4"])
OPERATORS = [
    (Wavelet((16, 24), levels=3, name="db4"), (2, 16, 24), (2, 16, 24)),
    (Wavelet((4, 2), levels=1, name="db4"), (4, 2), (4, 2)),
    (Wavelet((12, 8), levels=2, name="haar"), (2, 3, 12, 8), (2, 3, 12, 8)),
    (Wavelet((5, 7), levels=0), (5, 7), (5, 7)),
    (Differences(), (3, 5, 4), (3, 2, 5, 4)),
]


@pytest.mark.parametrize(("operator", "x_shape", "y_shape"), OPERATORS, ids=repr)
@pytest.mark.parametrize("dtype", [torch.complex128, torch.float64])
def test_adjoint(operator, x_shape, y_shape, dtype):
    check_adjoint(operator, x_shape, y_shape, dtype=dtype)


@each_name
@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.filterwarnings("ignore:Level value of:UserWarning")
def test_equals_pywavelets(name, levels):
    x = random((32, 48), torch.complex128)
    parts = pywt.wavedec2(x.numpy(), name, mode="periodization", level=levels)
    expected = torch.from_numpy(pywt.coeffs_to_array(parts)[0])
    torch.testing.assert_close(Wavelet((32, 48), levels=levels, name=name)(x), expected, **EXACT)


@each_name
def test_unitary(name):
    transform, y = Wavelet((16, 8), levels=2, name=name), random((3, 16, 8), torch.complex128)
    torch.testing.assert_close(transform(transform.H(y)), y, **EXACT)
    torch.testing.assert_close(transform.H(transform(y)), y, **EXACT)
    torch.testing.assert_close(transform(y).norm(), y.norm())


@pytest.mark.parametrize(("name", "moments"), [("haar", 1), ("db2", 2), ("db4", 4)])
def test_details_of_polynomials_vanish(name, moments):
    """Away from the edge, where the line is not periodic: exactly up to the wavelet's order."""
    line = torch.arange(64, dtype=torch.float64) / 64
    for degree in range(moments + 1):
        details = Wavelet((2, 64), levels=1, name=name)((line**degree).expand(2, 64))[0, 32 + 4 : 64 - 4]
        assert (details.abs().max() < 1e-10) == (degree < moments)


def test_single_precision_keeps_its_type():
    transform, x = Wavelet((16, 8), levels=2), random((16, 8), torch.complex64)
    assert transform(x).dtype == torch.complex64
    torch.testing.assert_close(transform(x), transform(x.cdouble()).cfloat(), rtol=0, atol=1e-6)


def test_impossible_transforms_are_refused():
    with pytest.raises(ValueError, match=r"shape \(12, 16\) is not divisible by 2\*\*3"):
        Wavelet((12, 16), levels=3)
    with pytest.raises(ValueError, match="wavelets are haar, db2, db4, got 'sym4'"):
        Wavelet((16, 16), levels=2, name="sym4")
    with pytest.raises(ValueError, match=r"Wavelet takes \(..., 16, 8\), got \(8, 16\)"):
        Wavelet((16, 8), levels=1)(torch.ones(8, 16))


def test_differences_are_those_of_numpy_and_bounded():
    x = random((5, 4), torch.float64)
    expected = np.stack([np.diff(x, axis=0, prepend=x[-1:]), np.diff(x, axis=1, prepend=x[:, -1:])])
    torch.testing.assert_close(Differences()(x), torch.from_numpy(expected), **EXACT)
    checkerboard = (-1.0) ** (torch.arange(4)[:, None] + torch.arange(6))
    torch.testing.assert_close(Differences().normal(checkerboard), 8 * checkerboard)
