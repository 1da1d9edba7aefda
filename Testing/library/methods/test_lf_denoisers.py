"""The networks inside LF-MRI's stages: how far they see, and what sizes they take."""

from __future__ import annotations

import pytest
import torch

from mrienhance.methods.lf_mri.denoisers import Denoiser


def reach(levels: int, *, side: int = 193) -> int:
    """How many pixels away, at most, a pixel can change the one in the middle."""
    torch.manual_seed(0)
    net = Denoiser("unet", 8, norm="none", levels=levels).double()
    for parameter in net.parameters():
        torch.nn.init.uniform_(parameter, 0.01, 0.1)  # all positive: no rectifier hides a path
    image = torch.complex(*torch.rand(2, 1, side, side, dtype=torch.float64)).requires_grad_()
    middle = side // 2
    net(image)[0, middle, middle].abs().backward()
    assert image.grad is not None
    rows = torch.nonzero(image.grad[0].abs().sum(1)).flatten()
    return int((rows - middle).abs().max())


def test_more_levels_see_farther():
    reaches = [reach(levels) for levels in (2, 3, 4)]
    assert reaches[0] < 30
    assert reaches[0] < reaches[1] < reaches[2]
    assert reaches[2] > 60


@pytest.mark.parametrize("levels", [2, 3, 4])
@pytest.mark.parametrize("size", [(16, 16), (37, 50), (5, 64)])
def test_any_size_comes_back(levels: int, size: tuple[int, int]):
    net = Denoiser("unet", 8, levels=levels)
    image = torch.randn(2, *size, dtype=torch.complex64)
    assert net(image).shape == image.shape


def test_an_untrained_network_changes_nothing():
    image = torch.randn(1, 32, 32, dtype=torch.complex64)
    torch.testing.assert_close(Denoiser("unet", 8, levels=4)(image), image)


def test_further_levels_add_nothing_before_they_are_trained():
    few, more = (Denoiser("unet", 8, levels=levels) for levels in (2, 4))
    torch.nn.init.normal_(few.tail.weight)
    more.load_state_dict(few.state_dict(), strict=False)
    image = torch.randn(1, 32, 48, dtype=torch.complex64)
    torch.testing.assert_close(more(image), few(image))
    assert not torch.equal(few(image), image)
