"""Generators and discriminator: equal to literal versions, of the right cost, and deaf to nothing that matters."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from mrienhance.methods import get_method
from mrienhance.methods.unified_gan import method as unified_gan
from mrienhance.methods.unified_gan.config import Config
from mrienhance.methods.unified_gan.critic import Critic, Verdict, frozen
from mrienhance.methods.unified_gan.layers import Modulation
from mrienhance.methods.unified_gan.network import UnifiedGAN, macs_per_pixel
from mrienhance.training.recipe import read_recipe

SMALL = {"width": 8, "residual_blocks": 1, "critic_width": 4, "critic_layers": 3, "recognizer_width": 4}
RECIPES = Path(unified_gan.__file__).parent / "recipes"
METHOD = get_method("unified_gan")


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def network(**changes: object) -> UnifiedGAN:
    return UnifiedGAN(Config(**{**SMALL, **changes}))  # type: ignore[arg-type]


def test_defaults_have_as_many_weights_as_the_specification_counts() -> None:
    """The classifier of the specification's discriminator is a 4x4 convolution; here it is 1x1."""
    assert parameters(UnifiedGAN(Config()).generator) == 8_414_848
    assert parameters(Critic(Config())) == 44_850_112 - 15 * 2048 * 4


def literal_stargan(width: int) -> nn.Sequential:
    """The specification's table with one residual block, in torch's own layers."""

    def block(convolution: nn.Module, channels: int) -> list[nn.Module]:
        return [convolution, nn.InstanceNorm2d(channels, affine=True), nn.ReLU()]

    class Residual(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()
            first, second = (nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in range(2))
            norms = [nn.InstanceNorm2d(channels, affine=True) for _ in range(2)]
            self.main = nn.Sequential(first, norms[0], nn.ReLU(), second, norms[1])

        def forward(self, x: Tensor) -> Tensor:
            return x + self.main(x)

    down = [nn.Conv2d(a, b, 4, 2, 1, bias=False) for a, b in ((width, 2 * width), (2 * width, 4 * width))]
    up = [nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False) for a, b in ((4 * width, 2 * width), (2 * width, width))]
    return nn.Sequential(
        *block(nn.Conv2d(5, width, 7, padding=3, bias=False), width),
        *block(down[0], 2 * width),
        *block(down[1], 4 * width),
        Residual(4 * width),
        *block(up[0], 2 * width),
        *block(up[1], width),
        nn.Conv2d(width, 1, 7, padding=3, bias=False),
        nn.Tanh(),
    )


def test_generator_is_stargans() -> None:
    ours, theirs = network(), literal_stargan(8)
    with torch.no_grad():
        for mine, other in zip(ours.generator.parameters(), theirs.parameters(), strict=True):
            other.copy_(mine.add_(0.05 * torch.randn_like(mine)))
    image, target = torch.rand(3, 1, 24, 32), torch.tensor([0, 2, 3])
    planes = nn.functional.one_hot(target, 4).float()[..., None, None].expand(-1, -1, 24, 32)
    expected = (theirs(torch.cat((image, planes), 1)) + 1) / 2
    torch.testing.assert_close(ours(image, torch.zeros_like(target), target), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("norm", ["instance", "none"])
@pytest.mark.parametrize("conditioning", ["planes", "affine"])
def test_modulation_is_its_formula(norm: str, conditioning: str) -> None:
    modulation = Modulation(Config(norm=norm, conditioning=conditioning), 3)  # type: ignore[arg-type]
    for parameter in modulation.parameters():
        nn.init.normal_(parameter)
    x, code = 5 + 3 * torch.randn(2, 3, 6, 7), torch.eye(4)[[1, 3]]
    found = modulation(x, code)
    for sample in range(2):
        for channel in range(3):
            weight, bias = modulation.weight[channel], modulation.bias[channel]
            if modulation.labels is not None:
                weight = weight + modulation.labels.weight[channel] @ code[sample]
                bias = bias + modulation.labels.weight[3 + channel] @ code[sample]
            plane = x[sample, channel]
            if norm == "instance":
                plane = (plane - plane.mean()) / (plane.var(correction=0) + 1e-5).sqrt()
            torch.testing.assert_close(found[sample, channel], weight * plane + bias, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("generator", ["stargan", "resunet", "unet"])
def test_borders_are_zeros_and_training_changes_no_answer(generator: str) -> None:
    """Mirrored borders would hide the labels; running statistics would mix the contrasts."""
    made = network(generator=generator, levels=3)
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    assert {layer.padding_mode for layer in made.modules() if isinstance(layer, kinds)} == {"zeros"}
    assert not list(made.generator.buffers())
    image, label = torch.rand(2, 1, 21, 18), torch.tensor([1, 2])
    assert torch.equal(made.train()(image, label, label), made.eval()(image, label, label))


def test_the_source_counts_only_where_it_is_a_label() -> None:
    image, target = torch.rand(1, 1, 16, 16), torch.tensor([1])
    sources = torch.tensor([0]), torch.tensor([2])
    for mode, counts in (("target", False), ("source+target", True)):
        made = network(label_mode=mode)
        first, second = (made(image, source, target) for source in sources)
        assert torch.equal(first, second) is not counts


def test_all_targets_at_once_are_each_alone() -> None:
    made = network(label_mode="source+target", conditioning="affine")
    image, names = torch.rand(2, 1, 19, 23), ("FLAIR", "T1w", "T1c")
    together = METHOD.synthesize(made, image, source="T2w", targets=names)
    assert tuple(together) == names
    for name in names:
        alone = METHOD.synthesize(made, image, source="T2w", targets=[name])[name]
        torch.testing.assert_close(together[name], alone, rtol=1e-5, atol=1e-6)
    assert METHOD.synthesize(made, image, source="T2w", targets=[]) == {}
    with pytest.raises(ValueError, match="PDw"):
        METHOD.synthesize(made, image, source="T2w", targets=["PDw"])


def test_recognizes_or_says_that_it_cannot() -> None:
    image = torch.rand(3, 1, 30, 20)
    found = METHOD.recognize(network(), image)
    assert found is not None
    torch.testing.assert_close(found.sum(1), torch.ones(3))
    assert found.shape == (3, 4)
    assert METHOD.recognize(network(recognizer=False), image) is None


def test_the_shipped_model_is_small_and_the_baseline_costs_as_much() -> None:
    configs = [
        read_recipe("unified_gan", RECIPES / f"{name}.yaml").model for name in ("unified-gan-brain", "unet-brain")
    ]
    assert 4 * parameters(UnifiedGAN(configs[0])) < 16 * 2**20
    costs = [macs_per_pixel(config) for config in configs]
    assert max(costs) < 1.2 * min(costs), costs


class Linear(Critic):
    """A discriminator whose gradient is known."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__(Config(**SMALL))  # type: ignore[arg-type]
        self.weight = nn.Parameter(weight)

    def judge(self, image: Tensor) -> Verdict:
        return Verdict((self.weight * image).sum((1, 2, 3))[:, None, None, None], torch.zeros(len(image), 4))


@settings(max_examples=25, deadline=None)
@given(length=st.floats(0, 20), seed=st.integers(0, 99))
def test_penalty_of_a_linear_critic(length: float, seed: int) -> None:
    direction = torch.randn(1, 9, 8, generator=torch.Generator().manual_seed(seed))
    critic = Linear(length * direction / direction.norm())
    penalty = critic(torch.rand(3, 1, 9, 8), what="penalty")
    torch.testing.assert_close(float(penalty.detach()), (length - 1) ** 2, rtol=1e-4, atol=1e-5)
    penalty.backward()
    # d (|w| - 1)^2 / dw = 2 (|w| - 1) w / |w|, and nothing that is not a number where the slope is zero.
    expected = 2 * (length - 1) * direction / direction.norm() if length > 1e-3 else torch.zeros(())
    assert critic.weight.grad is not None
    assert (critic.weight.grad - expected).abs().max() < 1e-3 or 0 < length <= 1e-3


def test_penalty_is_in_full_precision() -> None:
    critic, image = Critic(Config(**SMALL)), torch.rand(2, 1, 16, 16)  # type: ignore[arg-type]
    with torch.autocast("cpu", torch.bfloat16):
        rough = critic(image, what="penalty")
    assert torch.equal(rough, critic(image, what="penalty"))
    assert rough.requires_grad


@pytest.mark.parametrize("size", [(5, 5), (33, 50), (64, 64)])
def test_critic_takes_any_size(size: tuple[int, int]) -> None:
    verdict = Critic(Config(**SMALL))(torch.rand(2, 1, *size))  # type: ignore[arg-type]
    assert verdict.logits.shape == (2, 4)
    assert verdict.scores.shape[-2:] == tuple(max(8, side) // 8 for side in size)


def test_a_frozen_critic_passes_gradients_and_keeps_none() -> None:
    critic, image = Critic(Config(**SMALL)), torch.rand(1, 1, 16, 16, requires_grad=True)  # type: ignore[arg-type]
    with frozen(critic):
        verdict = critic(image)
    verdict.scores.sum().backward()
    assert image.grad is not None
    assert image.grad.abs().max() > 0
    assert all(parameter.grad is None and parameter.requires_grad for parameter in critic.parameters())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("contrasts", ("T1w",)),
        ("contrasts", ("T1w", "T1w")),
        ("contrasts", ("T1w", "CT")),
        ("width", 0),
        ("residual_blocks", -1),
        ("penalty_every", 0),
        ("cycle_weight", -1.0),
    ],
)
def test_config_refuses(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        Config(**{field: value})  # type: ignore[arg-type]


def test_config_refuses_a_training_without_a_teacher() -> None:
    with pytest.raises(ValueError, match="pair_weight"):
        Config(adversarial=False, pair_weight=0.0, cycle_weight=0.0)


def test_deeper_generators_cost_more() -> None:
    costs = [macs_per_pixel(Config(width=8, residual_blocks=blocks)) for blocks in (0, 2, 4)]
    assert all(more - fewer == 2 * 2 * 9 * 32**2 / 16 for fewer, more in pairwise(costs))
