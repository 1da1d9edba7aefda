"""The phase of an image is no business of the networks: it is taken off, and put back."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mrienhance.methods.lf_mri.config import Config
from mrienhance.methods.lf_mri.network import LFMRI
from mrienhance.physics import Sense, SmoothPhase

SIDE, COILS = 48, 3
SMALL = {"stages": 2, "width": 8, "classifier": "plain", "classifier_width": 4, "iterations": 5, "norm": "none"}


def network(*, remove_phase: bool) -> LFMRI:
    torch.manual_seed(0)
    made = LFMRI(Config(**SMALL, remove_phase=remove_phase)).double().eval()  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return made


def scan(phase: Tensor, *, everything: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """A disc with a phase (H, W), seen by three coils, every second line and the centre sampled, or everything."""
    generator = torch.Generator().manual_seed(1)
    axis = torch.linspace(-1, 1, SIDE, dtype=torch.float64)
    disc = ((axis[:, None].square() + axis.square()) < 0.6).double() * (1 + 0.3 * torch.cos(6 * axis))
    waves = torch.randn(COILS, 2, 1, 1, dtype=torch.float64, generator=generator)
    maps = (1 + 0.5 * waves[:, 0] * axis) * torch.exp(1j * waves[:, 1] * axis[:, None])
    maps = (maps / maps.abs().square().sum(0).sqrt())[None]
    mask = (torch.fft.fftfreq(SIDE, 1 / SIDE).abs() < 14) | (torch.arange(SIDE) % 2 == 0)
    mask = (mask | everything).double()[None, None]
    return Sense(maps, mask)(torch.polar(disc, phase.double())[None]), maps, mask


@pytest.mark.parametrize("angle", [0.7, 2.5, -3.0])
@torch.no_grad()
def test_a_phase_of_all_samples_turns_the_image_alone(angle: float) -> None:
    kspace, maps, mask = scan(torch.zeros(SIDE, SIDE))
    net, turn = (
        network(remove_phase=True),
        torch.polar(torch.ones((), dtype=torch.float64), torch.tensor(angle).double()),
    )
    image, turned = net(kspace, maps, mask).images[-1], net(kspace * turn, maps, mask).images[-1]
    torch.testing.assert_close(turned, image * turn, rtol=1e-9, atol=1e-9)
    other = network(remove_phase=False)
    assert not torch.allclose(
        other(kspace * turn, maps, mask).images[-1], other(kspace, maps, mask).images[-1] * turn, atol=1e-3
    )


def test_a_smooth_phase_hardly_changes_the_magnitude() -> None:
    """To a tenth of what it changes where the networks see it."""
    phase = SmoothPhase.random(1.0, order=2, generator=torch.Generator().manual_seed(2)).on((SIDE, SIDE))

    @torch.no_grad()
    def change(net: LFMRI) -> float:
        plain, with_phase = (
            net(*scan(each, everything=True)).images[-1].abs() for each in (torch.zeros(SIDE, SIDE), phase)
        )
        return float((plain - with_phase).square().mean().sqrt())

    assert change(network(remove_phase=True)) < 0.1 * change(network(remove_phase=False))
