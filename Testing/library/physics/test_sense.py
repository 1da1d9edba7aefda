from __future__ import annotations

import numpy as np
import pytest
import sigpy.mri
import torch

from mrienhance.errors import KSpaceError
from mrienhance.physics import Fourier, Sense, to_centred_kspace
from physics.battery import check_adjoint, random
from physics.scene import lines, scan

EXACT = {"rtol": 0, "atol": 1e-12}
H, W = 6, 10
along_rows = torch.arange(W) % 3 != 1
along_columns = (torch.arange(H) % 2 == 0)[:, None]
scattered = random((H, W), torch.float64) > 0
weights = random((H, W), torch.float64, 5)


def maps(*batch, coils=3, dtype=torch.complex128):
    return random((*batch, coils, H, W), dtype, 7)


# operator, shape of x, shape of y
OPERATORS = [
    (Sense(maps()), (H, W), (3, H, W)),
    (Sense(maps(), along_rows), (H, W), (3, H, W)),
    (Sense(maps(), along_columns), (2, H, W), (2, 3, H, W)),
    (Sense(maps(), along_columns.expand(H, W)), (H, W), (3, H, W)),
    (Sense(maps(), scattered), (2, H, W), (2, 3, H, W)),
    (Sense(maps(), weights), (H, W), (3, H, W)),
    (Sense(maps(), torch.tensor([[0.5]])), (H, W), (3, H, W)),
    (Sense(maps(2), torch.stack([scattered, ~scattered])), (2, H, W), (2, 3, H, W)),
    (Sense(maps(2, 1), along_rows), (2, 4, H, W), (2, 4, 3, H, W)),
    (Sense(maps(), torch.stack([along_rows, ~along_rows])[:, None]), (2, H, W), (2, 3, H, W)),
    (Sense(maps(2), along_columns, soft=True), (2, H, W), (3, H, W)),
    (Sense(maps(4, 2), scattered, soft=True), (4, 2, H, W), (4, 3, H, W)),
    (Sense(maps(coils=1), along_rows), (H, W), (1, H, W)),
]
each_operator = pytest.mark.parametrize(("operator", "x_shape", "y_shape"), OPERATORS, ids=lambda v: repr(v)[:60])


@each_operator
def test_adjoint_in_complex128(operator, x_shape, y_shape):
    check_adjoint(operator, x_shape, y_shape)


@each_operator
def test_normal_with_a_graph_and_gradient_are_the_same_operator(operator, x_shape, y_shape):
    """Without a graph another, faster way is taken; A.H A is its own adjoint, so also its own gradient."""
    x, g = random(x_shape, torch.complex128, 1), random(x_shape, torch.complex128, 2)
    wanted = x.clone().requires_grad_()
    found = operator.normal(wanted)
    torch.testing.assert_close(found.detach(), operator.normal(x), **EXACT)
    (slope,) = torch.autograd.grad(found, wanted, g)
    torch.testing.assert_close(slope, operator.normal(g), **EXACT)


def test_equals_the_formula():
    given = maps()
    x = random((H, W), torch.complex128, 1)
    expected = np.fft.fft2(given.numpy() * x.numpy(), norm="ortho") * scattered.numpy()
    torch.testing.assert_close(Sense(given, scattered)(x), torch.from_numpy(expected), **EXACT)


def test_soft_sense_sums_over_sets():
    given, x = maps(2), random((2, H, W), torch.complex128, 1)
    both = sum(Sense(given[n], scattered)(x[n]) for n in range(2))
    torch.testing.assert_close(Sense(given, scattered, soft=True)(x), both, **EXACT)


def test_equals_sigpy():
    scene = scan((24, 20), 4)
    operator = Sense(scene.maps, lines(20, centre=4))
    theirs = sigpy.mri.linop.Sense(scene.maps.numpy())
    kspace = torch.from_numpy(theirs(scene.image.numpy()))
    ours = to_centred_kspace(operator(scene.image))
    measured = ours.abs() > 0
    assert measured.float().mean() < 0.5
    torch.testing.assert_close(ours[measured], kspace[measured], rtol=0, atol=2e-6)


@pytest.mark.parametrize("mask", [along_rows, along_columns, scattered, None], ids=["rows", "columns", "2-D", "all"])
def test_transforms_that_cancel_are_left_out(mask, monkeypatch):
    operator, x = Sense(maps(), mask), random((H, W), torch.complex128, 1)
    expected = operator.H(operator(x))
    counted = []
    for name in ("fftn", "ifftn"):
        transform = getattr(torch.fft, name)

        def count(x, dim, transform=transform, **options):
            counted.append(tuple(dim))
            return transform(x, dim=dim, **options)

        monkeypatch.setattr(torch.fft, name, count)
    torch.testing.assert_close(operator.normal(x), expected, **EXACT)
    expected_axes = 0 if mask is None else 2 if mask is scattered else 1
    assert {len(axes) for axes in counted} == ({expected_axes} if expected_axes else set())


def test_gradients_to_maps_and_weights():
    x = random((H, W), torch.complex128, 1)
    for mask in (weights[:1], weights[:, :1], weights):

        def measure(given, mask, x):
            operator = Sense(given, mask)
            return operator(x), operator.normal(x), operator.H(operator(x))

        inputs = [maps(coils=2).requires_grad_(), mask.clone().requires_grad_(), x.clone().requires_grad_()]
        assert torch.autograd.gradcheck(measure, inputs)


def test_batch_equals_singles():
    given, x = maps(2), random((2, H, W), torch.complex128, 1)
    masks = torch.stack([scattered, ~scattered])
    both = Sense(given, masks)
    for n in range(2):
        one = Sense(given[n], masks[n])
        torch.testing.assert_close(both(x)[n], one(x[n]), **EXACT)
        assert torch.equal(both.normal(x)[n], one.normal(x[n]))


def test_order_of_coils_does_not_matter():
    order, x = [2, 0, 1], random((H, W), torch.complex128, 1)
    operator, permuted = Sense(maps(), scattered), Sense(maps()[order], scattered)
    assert torch.equal(permuted(x), operator(x)[order])
    torch.testing.assert_close(permuted.normal(x), operator.normal(x), **EXACT)


def test_bound_holds_and_is_one_for_normalised_maps():
    for operator in (Sense(maps(), weights), Sense(maps(2), scattered, soft=True)):
        size = int(np.prod(operator.domain_shape))
        basis = torch.eye(size, dtype=torch.complex128).view(size, *operator.domain_shape)
        largest = torch.linalg.eigvalsh(operator.normal(basis).view(size, size)).max()
        assert largest <= operator.bound() * (1 + 1e-12)
    normalised = maps(4) / maps(4).norm(dim=1, keepdim=True)
    torch.testing.assert_close(Sense(normalised, scattered).bound(), torch.ones(4, dtype=torch.float64))


@pytest.mark.parametrize("mask", [along_rows, along_columns, scattered])
def test_single_precision(mask):
    x = random((2, H, W), torch.complex64, 1)
    operator = Sense(maps(dtype=torch.complex64), mask)
    exact = Sense(maps(dtype=torch.complex64).to(torch.complex128), mask)
    for found, wanted in (
        (operator(x), exact(x.cdouble())),
        (operator.normal(x), exact.normal(x.cdouble())),
    ):
        assert found.dtype == torch.complex64
        torch.testing.assert_close(found, wanted.cfloat(), rtol=0, atol=1e-5)


def test_real_images_and_other_precisions_are_welcome():
    x = random((H, W), torch.float64, 1)
    operator = Sense(maps(dtype=torch.complex64), scattered)
    torch.testing.assert_close(operator.normal(x), operator.H(operator(x)), **EXACT)


def test_views_conjugates_and_inference_mode():
    operator, x = Sense(maps(), along_columns), random((W, H, 2), torch.complex128, 1).permute(2, 1, 0).conj()
    with torch.inference_mode():
        first = operator.normal(x)
    torch.testing.assert_close(first, operator.H(operator(x.resolve_conj().contiguous())), **EXACT)
    torch.testing.assert_close(operator.normal(x), first, **EXACT)


def test_knows_its_maps_and_shapes():
    operator = Sense(maps(2), along_rows, soft=True)
    assert torch.equal(operator.maps, maps(2))
    assert (operator.domain_shape, operator.range_shape) == ((2, H, W), (3, H, W))
    assert torch.equal((operator @ Fourier().H)(maps(2)[:, 0]), operator(Fourier().H(maps(2)[:, 0])))
    assert repr(operator) == "Sense(maps=(2, 3, 6, 10), mask=(1, 10), soft=True)"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sense(maps().real), r"complex \(..., coil, H, W\), got torch.float64 \(3, 6, 10\)"),
        (lambda: Sense(maps(), soft=True), r"\(..., maps, coil, H, W\), got torch.complex128 \(3, 6, 10\)"),
        (lambda: Sense(maps(), torch.ones(H)), r"a mask of \(6,\) does not fit k-space of 6 x 10"),
        (lambda: Sense(maps(), torch.ones(W, H)), r"a mask of \(10, 6\) does not fit k-space of 6 x 10"),
        (lambda: Sense(maps()).H(maps(coils=4)), r"k-space of \(4, 6, 10\) does not fit .* = \(3, 6, 10\) of the maps"),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(KSpaceError, match=message):
        make()


def test_wrong_images_are_refused():
    operator = Sense(maps(), along_rows)
    for call in (operator, operator.normal):
        with pytest.raises(ValueError, match=r"Sense takes \(..., 6, 10\), got \(10, 6\)"):
            call(torch.ones(W, H, dtype=torch.complex128))
