from __future__ import annotations

import pytest
import torch

from mrienhance.physics import (
    BlurDownsample,
    Fourier,
    KSpaceTruncation,
    LinearOperator,
    ThickSlice,
)
from physics.battery import check_adjoint, inner, random

# operator, shape of x, shape of y
OPERATORS = [
    (KSpaceTruncation((8,), (2,)), (3, 8), (3, 4)),
    (KSpaceTruncation((12, 9), (4, 3)), (2, 3, 12, 9), (2, 3, 3, 3)),
    (KSpaceTruncation((8, 12, 10), (2, 3, 5)), (8, 12, 10), (4, 4, 2)),
    (KSpaceTruncation((6, 5, 8), (1, 5, 2)), (2, 6, 5, 8), (2, 6, 1, 4)),
    (KSpaceTruncation((8, 12), (2, 4), taper="hann"), (2, 8, 12), (2, 4, 3)),
    (BlurDownsample((8, 12), (2, 4)), (2, 8, 12), (2, 4, 3)),
    (BlurDownsample((9, 4, 5), (3, 1, 5), relative_sigma=0.0), (9, 4, 5), (3, 4, 1)),
    (ThickSlice((12, 5, 4), (3, 1, 1)), (2, 12, 5, 4), (2, 4, 5, 4)),
    (ThickSlice((12, 8), (4, 2), profile="gaussian", gap=0.2), (12, 8), (3, 4)),
]
COMPOSITIONS = [
    (KSpaceTruncation((4, 6), (2, 2)) @ KSpaceTruncation((8, 12), (2, 2)), (3, 8, 12), (3, 2, 3)),
    (KSpaceTruncation((4, 8), (1, 2)) @ ThickSlice((8, 8), (2, 1), gap=0.3), (8, 8), (4, 4)),
    (Fourier() @ BlurDownsample((8, 6), (2, 2)), (2, 8, 6), (2, 4, 3)),
    (Fourier((-1,)) @ Fourier((-2,)).H, (4, 5), (4, 5)),
]
FOURIER = [(Fourier(), (2, 5, 6), (2, 5, 6)), (Fourier((-3, -2, -1)), (4, 5, 6), (4, 5, 6))]


@pytest.mark.parametrize(("operator", "x_shape", "y_shape"), OPERATORS + COMPOSITIONS + FOURIER, ids=repr)
def test_adjoint_in_complex128(operator, x_shape, y_shape):
    check_adjoint(operator, x_shape, y_shape)
    check_adjoint(operator.H, y_shape, x_shape)


@pytest.mark.parametrize(("operator", "x_shape", "y_shape"), OPERATORS + COMPOSITIONS[:2], ids=repr)
def test_adjoint_in_float64(operator, x_shape, y_shape):
    check_adjoint(operator, x_shape, y_shape, dtype=torch.float64)
    assert operator(random(x_shape, torch.float64)).dtype == torch.float64


@pytest.mark.parametrize(("operator", "x_shape", "y_shape"), OPERATORS, ids=repr)
def test_gradient_is_the_adjoint(operator, x_shape, y_shape):
    x, y = random(x_shape, torch.float64).requires_grad_(), random(y_shape, torch.float64, 1)
    (operator(x) * y).sum().backward()
    torch.testing.assert_close(x.grad, operator.adjoint(y), rtol=1e-12, atol=1e-12)


def test_adjoint_of_adjoint_is_the_operator():
    truncate = KSpaceTruncation((8,), (2,))
    assert truncate.H.H is truncate
    assert (truncate.H.domain_shape, truncate.H.range_shape) == ((4,), (8,))


def test_composition_applies_the_right_operator_first():
    thick, truncate = ThickSlice((8, 8), (2, 1)), KSpaceTruncation((4, 8), (1, 2))
    x, y = random((8, 8), torch.float64), random((4, 4), torch.float64, 1)
    both = truncate @ thick
    assert torch.equal(both(x), truncate(thick(x)))
    assert torch.equal(both.H(y), thick.adjoint(truncate.adjoint(y)))
    assert (both.domain_shape, both.range_shape) == ((8, 8), (4, 4))


def test_shapes_that_do_not_meet_are_refused():
    with pytest.raises(ValueError, match=r"gives shape \(4, 4\).*takes \(8, 8\)"):
        KSpaceTruncation((8, 8), (2, 2)) @ KSpaceTruncation((8, 8), (2, 2))


def test_only_operators_compose():
    with pytest.raises(TypeError, match="unsupported operand"):
        KSpaceTruncation((8, 8), (2, 2)) @ 3


class Wrong(LinearOperator):
    """An adjoint that forgets the factor: the battery must notice."""

    def forward(self, x):
        return 2 * x

    def adjoint(self, y):
        return y


def test_battery_notices_a_wrong_adjoint():
    with pytest.raises(AssertionError):
        check_adjoint(Wrong(), (3, 4), (3, 4))


def test_inner_product_is_conjugate_linear_on_the_left():
    assert inner(torch.tensor([1j]), torch.tensor([1.0 + 0j])) == -1j
