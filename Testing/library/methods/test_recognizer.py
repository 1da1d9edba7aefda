"""The recogniser tells contrasts apart, by tissue and not by frame."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from mrienhance.blocks.recognizer import Recognizer, disguise


def slices(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Discs with a bright or a dark core (B, 1, 48, 48), and which of the two each is."""
    axis = torch.linspace(-1, 1, 48)
    rows, columns = torch.meshgrid(axis, axis, indexing="ij")
    radius = (rows**2 + columns**2).expand(count, 1, 48, 48)
    kind = torch.randint(2, (count,), generator=generator)
    core = 0.15 + 0.2 * torch.rand(count, 1, 1, 1, generator=generator)
    inner = torch.where(kind == 1, 0.9, 0.3)[:, None, None, None]
    outer = torch.where(kind == 1, 0.4, 0.8)[:, None, None, None]
    return torch.where(radius < core, inner, torch.where(radius < 0.7, outer, 0.0)), kind


def test_tells_disguised_contrasts_apart() -> None:
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    network = Recognizer(2, width=4)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(60):
        images, kind = slices(16, generator)
        loss = functional.cross_entropy(network(disguise(images, generator)), kind)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    images, kind = slices(64, generator)
    assert (network(disguise(images, generator)).argmax(1) == kind).float().mean() > 0.95
    assert (network(images).argmax(1) == kind).float().mean() > 0.95


def test_is_small_and_takes_any_size() -> None:
    network = Recognizer(4)
    assert 80_000 < sum(parameter.numel() for parameter in network.parameters()) < 120_000
    for size in ((1, 1), (5, 9), (37, 50)):
        assert network(torch.rand(2, 1, *size)).shape == (2, 4)


def test_an_empty_slice_has_an_answer() -> None:
    assert Recognizer(4)(torch.zeros(1, 1, 32, 32)).isfinite().all()


def test_the_frame_around_the_head_tells_nothing() -> None:
    """Sixteen more empty pixels on each side are one more pixel at the coarsest level, which has no tissue."""
    torch.manual_seed(1)
    network, (images, _) = Recognizer(4), slices(2, torch.Generator().manual_seed(0))
    framed = functional.pad(images, (16, 16, 16, 16))
    wider = functional.pad(images, (64, 64, 64, 64))
    torch.testing.assert_close(network(framed), network(wider), rtol=1e-4, atol=1e-4)


def test_disguises_depend_on_the_generator_alone_and_keep_the_background() -> None:
    images, _ = slices(8, torch.Generator().manual_seed(0))
    first, again = (disguise(images, torch.Generator().manual_seed(5)) for _ in range(2))
    other = disguise(images, torch.Generator().manual_seed(6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == images.shape
    assert 0 <= first.min() < first.max() <= 1.5
    corners = first[..., :3, :3]
    assert float(corners.max()) < 0.02
