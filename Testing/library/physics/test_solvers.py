from __future__ import annotations

import pytest
import torch

from mrienhance.physics import Sense, conjugate_gradient, solve
from physics.battery import inner, random
from physics.scene import dots

EXACT = {"rtol": 0, "atol": 1e-12}
SHAPE = (6, 5)
SIZE = 30


def problem(*batch, seed=0):
    """Normal equations with a diagonal that varies from pixel to pixel, and a right-hand side."""
    maps = random((*batch, 3, *SHAPE), torch.complex128, seed)
    maps = maps / maps.norm(dim=-3, keepdim=True)
    diagonal = 0.05 + random((*batch, *SHAPE), torch.float64, seed + 1).square()
    operator = Sense(maps, dots(SHAPE, centre=2, seed=seed))
    return lambda x: operator.normal(x) + diagonal * x, random((*batch, *SHAPE), torch.complex128, seed + 2)


def dense(apply, shape=SHAPE):
    """The matrix of an operator, column by column."""
    columns = [apply(column) for column in torch.eye(SIZE, dtype=torch.complex128).view(SIZE, *shape)]
    return torch.stack([column.flatten() for column in columns], dim=1)


def test_equals_a_dense_solve():
    apply, b = problem()
    expected = torch.linalg.solve(dense(apply), b.flatten()).view(SHAPE)
    torch.testing.assert_close(conjugate_gradient(apply, b, iterations=60), expected, rtol=0, atol=1e-11)


def test_real_problems_of_any_number_of_axes():
    matrix = random((7, 7), torch.float64)
    matrix = matrix @ matrix.T + torch.eye(7, dtype=torch.float64)
    b = random((4, 7), torch.float64, 1)
    found = conjugate_gradient(lambda x: x @ matrix, b, iterations=30, axes=1)
    torch.testing.assert_close(found, torch.linalg.solve(matrix, b.T).T, rtol=0, atol=1e-9)


def test_soft_sense_is_one_sample_of_three_axes():
    maps = random((2, 3, *SHAPE), torch.complex128)
    operator = Sense(maps, dots(SHAPE, centre=2), soft=True)
    b = random((2, *SHAPE), torch.complex128, 1)

    def apply(x):
        return operator.normal(x) + 0.3 * x

    matrix = torch.stack([apply(e).flatten() for e in torch.eye(60, dtype=torch.complex128).view(60, 2, *SHAPE)], dim=1)
    expected = torch.linalg.solve(matrix, b.flatten()).view(b.shape)
    torch.testing.assert_close(conjugate_gradient(apply, b, iterations=90, axes=3), expected, rtol=0, atol=1e-10)


def test_few_iterations_minimise_over_the_krylov_space():
    """After k steps x is the minimum of the quadratic form over span(b, Bb, ... B^(k-1) b), whatever the algorithm."""
    apply, b = problem()
    matrix = dense(apply)
    for count in (1, 2, 4):
        powers = [b.flatten()]
        for _ in range(count - 1):
            powers.append(matrix @ powers[-1])
        basis = torch.linalg.qr(torch.stack(powers, dim=1)).Q
        expected = basis @ torch.linalg.solve(basis.mH @ matrix @ basis, basis.mH @ b.flatten())
        found = conjugate_gradient(apply, b, iterations=count)
        torch.testing.assert_close(found.flatten(), expected, rtol=0, atol=1e-11)


def test_batch_equals_singles():
    """Samples that differ in size by 1e6 share no inner product."""
    (first, b), (second, c) = problem(), problem(seed=10)
    c = 1e6 * c
    both = conjugate_gradient(lambda x: torch.stack([first(x[0]), second(x[1])]), torch.stack([b, c]), iterations=7)
    singles = [conjugate_gradient(first, b, iterations=7), conjugate_gradient(second, c, iterations=7)]
    for found, single in zip(both, singles, strict=True):
        assert (found - single).norm() <= 1e-12 * single.norm()


def test_warm_start():
    apply, b = problem()
    solution = conjugate_gradient(apply, b, iterations=60)
    torch.testing.assert_close(conjugate_gradient(apply, b, x0=solution, iterations=5), solution, **EXACT)
    near = solution + 1e-3 * random(SHAPE, torch.complex128, 9)
    warm = conjugate_gradient(apply, b, x0=near, iterations=4)
    cold = conjugate_gradient(apply, b, iterations=4)
    assert (warm - solution).norm() < 0.01 * (cold - solution).norm()
    assert torch.equal(conjugate_gradient(apply, b, x0=near, iterations=0), near)


def test_converged_samples_are_left_as_they_are():
    """One sample is an eigenvector and done after a step; another has eigenvalues over six decades."""
    decades = torch.logspace(-3, 3, SIZE, dtype=torch.float64).view(SHAPE)
    weight = torch.stack([torch.full_like(decades, 2.0), decades])
    b = random((2, *SHAPE), torch.complex128)

    def apply(x):
        return weight * x

    results = [conjugate_gradient(apply, b, iterations=n, tolerance=1e-6) for n in (1, 5, 20)]
    for result in results[1:]:
        assert torch.equal(result[0], results[0][0])
        assert not torch.equal(result[1], results[0][1])
    residual = (b - weight * conjugate_gradient(apply, b, iterations=500, tolerance=1e-6))[1].norm()
    assert residual <= 1e-6 * b[1].norm()


def test_ends_when_all_samples_are_solved():
    calls = []

    def apply(x):
        calls.append(x)
        return 2 * x

    conjugate_gradient(apply, random((3, *SHAPE), torch.complex128), iterations=50, tolerance=1e-9)
    assert len(calls) == 1


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_zero_and_solved_samples_stay_finite(dtype):
    b = torch.stack([torch.zeros(SHAPE, dtype=dtype), random(SHAPE, dtype)]).requires_grad_()
    x = conjugate_gradient(lambda x: 2 * x, b, iterations=20)
    torch.testing.assert_close(x, b / 2)
    x.abs().square().sum().backward()
    torch.testing.assert_close(b.grad, b.detach() / 2)


def test_many_iterations_in_single_precision_do_not_drift():
    apply, b = problem()
    wanted = conjugate_gradient(apply, b, iterations=60)
    found = conjugate_gradient(lambda x: apply(x.cdouble()).cfloat(), b.cfloat(), iterations=500)
    assert (found - wanted).norm() < 1e-5 * wanted.norm()


def test_phase_and_scale_pass_through():
    apply, b = problem()
    factor = 3e4 * torch.exp(torch.tensor(0.7j, dtype=torch.complex128))
    found = conjugate_gradient(apply, factor * b, iterations=6)
    torch.testing.assert_close(found / factor, conjugate_gradient(apply, b, iterations=6), **EXACT)


def learnable(seed=0):
    """A problem and the tensors it depends on: weight, maps, diagonal, mask, part of the right-hand side."""
    maps = random((2, 3, *SHAPE), torch.complex128, seed) / 2
    lam = torch.tensor(0.4, dtype=torch.float64)
    diagonal = 0.1 + random((2, *SHAPE), torch.float64, seed + 1).square()
    mask = torch.rand(1, SHAPE[1], dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    b = random((2, *SHAPE), torch.complex128, seed + 2)
    return [tensor.requires_grad_() for tensor in (lam, maps, diagonal, mask, b)]


def solution(lam, maps, diagonal, mask, b, **options):
    operator = Sense(maps, mask)
    return solve(lambda x: operator.normal(x) + lam * x + diagonal * x, b, **options)


@pytest.mark.parametrize("gradient", ["implicit", "unrolled"])
def test_gradients_are_those_of_finite_differences(gradient):
    """Of b, and of all that the operator depends on."""
    parts = learnable()
    assert torch.autograd.gradcheck(
        lambda *inputs: solution(*inputs, iterations=40, gradient=gradient), parts, fast_mode=True, atol=1e-7
    )


def test_gradcheck_entry_by_entry():
    lam, maps, _, _, b = learnable()
    parts = [lam, *(part.detach()[0, ..., :2, :4].contiguous().requires_grad_() for part in (maps, b))]

    def run(lam, maps, b):
        operator = Sense(maps, dots((2, 4), centre=1))
        return solve(lambda x: operator.normal(x) + lam * x, b, iterations=10)

    assert torch.autograd.gradcheck(run, parts)


def test_implicit_equals_unrolled_of_many_iterations():
    parts, g = learnable(), random((2, *SHAPE), torch.complex128, 30)
    slopes = {}
    for gradient in ("implicit", "unrolled"):
        x = solution(*parts, iterations=45, gradient=gradient)
        slopes[gradient] = torch.autograd.grad(inner(g, x).real, parts)
    for implicit, unrolled in zip(*slopes.values(), strict=True):
        torch.testing.assert_close(implicit, unrolled, rtol=1e-8, atol=1e-9)


def test_implicit_keeps_one_application_only():
    lam, *_, b = learnable()
    graphs = []

    def apply(x):
        graphs.append(torch.is_grad_enabled())
        return lam * x + x

    x = solve(apply, b, iterations=12)
    assert graphs.count(True) == 1
    x.real.sum().backward()
    assert graphs.count(True) == 1
    torch.testing.assert_close(b.grad, torch.ones_like(b) / (lam.detach() + 1))


def test_solve_without_anything_to_learn_is_plain():
    apply, b = problem()
    expected = conjugate_gradient(apply, b, iterations=9)
    assert torch.equal(solve(apply, b, iterations=9), expected)
    with torch.no_grad():
        assert torch.equal(solve(apply, b.clone().requires_grad_(), iterations=9), expected)
    learnt = solve(apply, b.clone().requires_grad_(), iterations=9, x0=expected)
    assert learnt.requires_grad


def test_warm_start_learns_only_when_unrolled():
    apply, b = problem()
    start = random(SHAPE, torch.complex128, 8).requires_grad_()
    solve(apply, b, x0=start, iterations=2, gradient="unrolled").abs().sum().backward()
    assert start.grad.abs().max() > 0
    assert not solve(apply, b, x0=start, iterations=2).requires_grad


def test_other_gradients_are_refused():
    with pytest.raises(ValueError, match="'implicit' or 'unrolled', got 'exact'"):
        solve(lambda x: x, torch.ones(2, 2), gradient="exact")
