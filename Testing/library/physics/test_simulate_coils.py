"""Maps of loop coils: the law of Biot and Savart, smooth, normalised, different, found again by ESPIRiT."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from mrienhance.physics import CoilArray, SmoothPhase, coil_maps, espirit, shepp_logan, simulate_kspace
from mrienhance.physics import coil_array as loops

COUNTS = [1, 2, 3, 4, 8, 12, 13, 16, 32]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def head(shape: tuple[int, int] = (96, 80)) -> Tensor:
    """A phantom as a scanner shows it, float64, with texture."""
    image = shepp_logan().scan(shape).clamp(min=0)
    return image * (1 + 0.1 * torch.rand(shape, dtype=torch.float64, generator=seeded(9)))


def places(size: int) -> Tensor:
    return -1 + 2 * torch.arange(size, dtype=torch.float64) / size


def ellipse(shape: tuple[int, int]) -> Tensor:
    """Where a head is."""
    return (places(shape[0])[:, None] / 0.9) ** 2 + (places(shape[1]) / 0.75) ** 2 < 1


@pytest.mark.parametrize("coils", COUNTS)
def test_squares_of_maps_sum_to_one_everywhere(coils: int) -> None:
    maps = coil_maps((48, 60), coils, generator=seeded())
    assert maps.shape == (coils, 48, 60)
    assert maps.dtype == torch.complex64
    torch.testing.assert_close(maps.abs().square().sum(0), torch.ones(48, 60))


@pytest.mark.parametrize("coils", COUNTS)
def test_maps_are_smooth(coils: int) -> None:
    """Almost all energy of a map that is faded out at the border is within a few cycles in the field of view."""
    window = torch.outer(*(torch.hann_window(96, dtype=torch.float64),) * 2)
    for seed in range(3):
        maps = CoilArray.random(coils, generator=seeded(seed)).on((96, 96), dtype=torch.complex128)
        power = torch.fft.fft2(maps * window).abs().square()
        cycles = torch.fft.fftfreq(96, 1 / 96).abs()
        high = torch.maximum(cycles[:, None], cycles) > 8
        assert float((power[:, high].sum(1) / power.sum((1, 2))).max()) < 1e-4


@pytest.mark.parametrize(("coils", "bound"), [(2, 3), (4, 10), (8, 60), (12, 200), (32, 5000)])
def test_coils_differ(coils: int, bound: float) -> None:
    """Inside a head the maps are linearly independent, and no two alike."""
    for seed in range(4):
        maps = coil_maps((64, 64), coils, generator=seeded(seed))[:, ellipse((64, 64))].to(torch.complex128)
        values = torch.linalg.svdvals(maps)
        assert float(values[0] / values[-1]) < bound
        maps = maps / maps.norm(dim=1, keepdim=True)
        alike = (maps.conj() @ maps.T).abs().fill_diagonal_(0)
        assert float(alike.max()) < 0.997


def test_every_coil_is_strongest_near_itself() -> None:
    """Eight loops in a ring: the places they see best lie around the head."""
    maps = coil_maps((64, 64), 8, generator=seeded(3)).abs() * ellipse((64, 64))
    best = [divmod(int(coil.argmax()), 64) for coil in maps]
    angles = sorted(math.atan2(row - 32, column - 32) for row, column in best)
    gaps = np.diff([*angles, angles[0] + 2 * math.pi])
    assert max(gaps) < math.radians(100)
    assert min(math.hypot((row - 32) / 32 / 0.9, (column - 32) / 32 / 0.75) for row, column in best) > 0.8


def test_the_field_of_a_loop_is_known_on_its_axis() -> None:
    """B = 2 pi a² / (a² + d²)^(3/2) along the axis, in units of mu0 I / 4 pi; the wire's thickness adds to d."""
    radius = 0.4
    centre = torch.tensor([[1.3, 0.0, 0.0]], dtype=torch.float64)
    first = torch.tensor([[0.0, radius, 0.0]], dtype=torch.float64)
    second = torch.tensor([[0.0, 0.0, radius]], dtype=torch.float64)
    points = torch.cos(math.pi * torch.arange(25, dtype=torch.float64) / 24)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loops, "_NODES", 25)
        field = loops._fields(centre, first, second, 0.0)[0] * 2 * math.pi / loops._SEGMENTS
    along = field[12]  # row 12 is y = 0
    squared = (points - 1.3) ** 2 + radius**2 + loops._WIRE**2
    torch.testing.assert_close(along.real.abs(), 2 * math.pi * radius**2 / squared**1.5, rtol=1e-6, atol=0)
    torch.testing.assert_close(along.imag, torch.zeros_like(points), atol=1e-9, rtol=0)


def test_the_polynomial_is_the_field() -> None:
    fine, coarse = (
        _with_nodes(count, lambda: CoilArray.random(8, generator=seeded()).on((64, 64), dtype=torch.complex128))
        for count in (48, loops._NODES)
    )
    assert float((fine - coarse).abs().max()) < 3e-3


def _with_nodes(count: int, make) -> Tensor:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loops, "_NODES", count)
        return make()


@pytest.mark.parametrize(("fine", "coarse"), [((96, 64), (48, 32)), ((90, 50), (30, 25))])
def test_one_array_on_two_grids_is_one_function(fine: tuple[int, int], coarse: tuple[int, int]) -> None:
    array, phase = CoilArray.random(5, generator=seeded()), SmoothPhase.random(generator=seeded())
    steps = fine[0] // coarse[0], fine[1] // coarse[1]
    maps, radians = array.on(fine, dtype=torch.complex128), phase.on(fine, dtype=torch.float64)
    torch.testing.assert_close(maps[:, :: steps[0], :: steps[1]], array.on(coarse, dtype=torch.complex128))
    torch.testing.assert_close(radians[:: steps[0], :: steps[1]], phase.on(coarse, dtype=torch.float64))


def test_planes_of_one_array() -> None:
    array = CoilArray.random(6, planes=[-0.3, 0.0, 0.3, 0.31], generator=seeded(1))
    maps = array.on((32, 32))
    assert maps.shape == (4, 6, 32, 32)
    assert array.coils == 6
    torch.testing.assert_close(maps[1], coil_maps((32, 32), 6, generator=seeded(1)))
    change = (maps[1:] - maps[:-1]).abs().amax((1, 2, 3))
    assert float(change[2]) < 0.1 < float(change[:2].min())


def test_arrays_are_drawn_apart() -> None:
    several = coil_maps((16, 16), 4, size=(3, 2), generator=seeded())
    assert several.shape == (3, 2, 4, 16, 16)
    assert all(float((a - b).abs().mean()) > 0.1 for a, b in zip(several[0], several[1], strict=True))
    assert torch.equal(several, coil_maps((16, 16), 4, size=(3, 2), generator=seeded()))
    with pytest.raises(ValueError, match="at least one coil"):
        coil_maps((16, 16), 0)


@pytest.mark.parametrize("coils", [4, 8, 16])
def test_espirit_finds_the_maps(coils: int) -> None:
    image, array = head((128, 112)).float(), CoilArray.random(coils, generator=seeded(coils))
    kspace = simulate_kspace(image, array, phase=SmoothPhase.random(generator=seeded(1)))
    found = espirit(kspace)[0]
    inside = (image > 0.1) & (found.abs().sum(0) > 0)
    projection = (array.on((128, 112)).conj() * found).sum(0).abs()[inside]
    assert float(projection.mean()) > 0.9999
    assert float(projection.quantile(0.01)) > 0.999
    assert float(inside.sum() / (image > 0.1).sum()) > 0.99


@pytest.mark.parametrize("coils", [1, 4, 12])
def test_shading_is_what_the_normalised_maps_leave_out(coils: int) -> None:
    """Maps times shading have the ratios of the fields themselves, here along the first row."""
    array = CoilArray.random(coils, size=(2,), generator=seeded(4))
    shape = (40, 56)
    shading = array.shading(shape, dtype=torch.float64)
    assert shading.shape == (2, *shape)
    torch.testing.assert_close(shading.mean((-2, -1)), torch.ones(2, dtype=torch.float64))
    # Row 0 and column 0 lie at -1, the last Chebyshev point.
    ratio = (array.fields[..., -1, -1].abs().square().sum(-1)).sqrt() / shading[..., 0, 0]
    seen = array.on(shape, dtype=torch.complex128) * shading[:, None] * ratio[:, None, None, None]
    torch.testing.assert_close(seen[..., 0, 0], array.fields[..., -1, -1])
    along = torch.einsum("n,bcn->bc", loops._interpolation(shape[1])[-1], array.fields[..., -1, :].real)
    torch.testing.assert_close(seen[..., 0, -1].real, along)


def test_shading_is_strongest_near_the_coil() -> None:
    """Of a single loop: along the line from it through the middle, the image grows darker all the way."""
    array = CoilArray.random(1, generator=seeded(2))
    shading = array.shading((64, 64))
    nearest = torch.nonzero(shading == shading.max())[0].double()
    line = [(nearest + (63 - 2 * nearest) * t).round().long().tolist() for t in torch.linspace(0, 1, 12).tolist()]
    seen = [float(shading[row, column]) for row, column in line]
    assert all(a > b for a, b in pairwise(seen))
