"""What every linear operator must pass. A new operator joins with one line in test_adjoint.py."""

from __future__ import annotations

import torch
from torch import Tensor

from mrienhance.physics import LinearOperator

TOLERANCE = 1e-10


def random(shape: tuple[int, ...], dtype: torch.dtype, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def inner(a: Tensor, b: Tensor) -> Tensor:
    common = torch.promote_types(a.dtype, b.dtype)
    return torch.vdot(a.to(common).flatten(), b.to(common).flatten())


def check_adjoint(
    operator: LinearOperator,
    x_shape: tuple[int, ...],
    y_shape: tuple[int, ...],
    *,
    dtype: torch.dtype = torch.complex128,
) -> None:
    """Assert ``<A x, y> == <x, A.H y>`` for A and for A.H, ``A.normal == A.H A``, linearity, and untouched inputs."""
    x, other, y = random(x_shape, dtype, 1), random(x_shape, dtype, 2), random(y_shape, dtype, 3)
    kept = x.clone(), y.clone()
    forward, adjoint = operator(x), operator.H(y)
    assert forward.shape == y_shape
    assert adjoint.shape == x_shape
    room = TOLERANCE * (x.norm() * y.norm()).item()
    assert abs(inner(forward, y) - inner(x, adjoint)) <= room
    assert abs(inner(operator.H.adjoint(x), y) - inner(x, operator.H.forward(y))) <= room
    torch.testing.assert_close(operator.normal(x), operator.H(forward), rtol=TOLERANCE, atol=TOLERANCE)
    combined = forward * 2 - operator(other) * 3
    torch.testing.assert_close(operator(2 * x - 3 * other), combined, rtol=TOLERANCE, atol=TOLERANCE)
    assert torch.equal(x, kept[0])
    assert torch.equal(y, kept[1])
