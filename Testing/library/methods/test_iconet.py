"""What the ICONet-style design promises beyond the contract."""

from __future__ import annotations

import math

import pytest
import torch
from skimage.metrics import structural_similarity

from mrienhance.blocks.similarity import ssim
from mrienhance.blocks.upsample import UpsampleByTwo
from mrienhance.methods.iconet.config import Config
from mrienhance.methods.iconet.network import ICONet
from mrienhance.methods.iconet.objective import ICONetObjective
from mrienhance.methods.objective import Sampling
from mrienhance.physics.sampling import random_lines

SMALL = {"channels": 8, "groups": 1, "blocks_per_group": 1, "heads": 2}


def fine_slices(size: int = 64, count: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.rand(count, 1, size, size, generator=generator)


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_fresh_network_interpolates_and_reconstructs_its_input(scale: int) -> None:
    x = torch.rand(1, 1, 7, 10)
    expected = x
    prediction = ICONet(Config(scale=scale, **SMALL))(x)
    for stage, reconstruction in zip(prediction.stages, prediction.reconstructions, strict=True):
        assert torch.equal(reconstruction, expected)
        expected = UpsampleByTwo("sinc")(expected)
        assert torch.equal(stage, expected)
    assert prediction.image is prediction.stages[-1]


@pytest.mark.parametrize("interpolation", ["sinc", "linear"])
def test_interpolation_keeps_sample_zero(interpolation: str) -> None:
    """A slow cosine comes back at half the spacing, not shifted by half a fine pixel."""
    fine = torch.cos(2 * math.pi * torch.arange(64) / 64)
    coarse = fine[::2].expand(1, 1, 8, 32)
    found = UpsampleByTwo(interpolation)(coarse)[0, 0, 4]  # type: ignore[arg-type]
    assert torch.equal(found[::2], coarse[0, 0, 2])
    bound = {"sinc": 2e-3, "linear": 5e-3}[interpolation]
    assert (found[16:-16] - fine[16:-16]).abs().max() < bound


def test_sinc_interpolation_passes_what_linear_dampens() -> None:
    wave = torch.cos(2 * math.pi * torch.arange(128) / 6)
    coarse = wave[::2].expand(1, 1, 4, 64)
    errors = [(UpsampleByTwo(kind)(coarse)[0, 0, 2] - wave)[20:-20].abs().max() for kind in ("sinc", "linear")]
    assert errors[0] < 0.02 < 0.4 < errors[1]


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_labels_keep_the_mean_and_end_in_the_fine_image(scale: int) -> None:
    fine = fine_slices()
    labels = ICONetObjective(Config(scale=scale)).labels(fine)
    assert labels.stages[-1] is fine
    assert labels.image.shape[-1] == 64 // scale
    sizes = [64 // scale * 2 ** (stage + 1) for stage in range(len(labels.stages))]
    assert [stage.shape[-1] for stage in labels.stages] == sizes
    assert [clean.shape[-1] * 2 for clean in labels.reconstructions] == sizes
    for level in (labels.image, *labels.stages, *labels.reconstructions):
        torch.testing.assert_close(level.mean((2, 3)), fine.mean((2, 3)))


def test_reconstruction_has_something_to_learn() -> None:
    """Pure truncation would make the Rec label the input itself: the tapered label must differ from it."""
    labels = ICONetObjective(Config(scale=2)).labels(fine_slices())
    assert (labels.reconstructions[0] - labels.image).abs().mean() > 0.01


@pytest.mark.parametrize("scale", [2, 4])
def test_one_batch_is_learned_by_heart(scale: int) -> None:
    """A network that can learn at all fits a single batch far better than interpolation does, in both branches."""
    torch.manual_seed(0)
    config = Config(scale=scale, channels=16, groups=1, blocks_per_group=1, heads=2)
    objective, network = ICONetObjective(config), ICONet(config)
    edges = (fine_slices(32, 1).repeat_interleave(8, 2).repeat_interleave(8, 3)[..., :64, :64] > 0.5).float()
    sampling = Sampling(images=1, patches=2, patch=64 // scale, intensity_jitter=0.0)
    batch = objective.prepare([{"image": edges[0, 0]}], sampling, torch.Generator().manual_seed(0), {})
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    history: list[dict[str, float]] = []
    for _ in range(60):
        (loss,) = objective.losses({"network": network}, batch, progress=0.0)
        optimizer.zero_grad()
        loss.value.backward()
        optimizer.step()
        history.append({name: float(term.detach()) for name, term in loss.terms.items()})
    assert all(history[-1][name] < 0.5 * first for name, first in history[0].items()), (history[0], history[-1])


def test_masked_input_is_aliased_and_its_label_is_not() -> None:
    config = Config(scale=2, acceleration=4, rec_target="unmasked")
    plain = ICONetObjective(Config(scale=2, rec_target="unmasked")).labels(fine_slices())
    masked = ICONetObjective(config).labels(fine_slices(), generator=torch.Generator().manual_seed(0))
    assert torch.equal(masked.reconstructions[0], plain.image)
    assert (masked.image - plain.image).abs().mean() > 0.01


def test_slices_smaller_than_a_patch_lie_in_background() -> None:
    slices = [{"image": torch.ones(40, 72)}, {"image": torch.ones(80, 30)}, {"image": torch.ones(96, 96)}]
    sampling = Sampling(images=3, patches=1, patch=32, intensity_jitter=0.0)
    objective = ICONetObjective(Config(scale=2, **SMALL))
    batch = objective.prepare(slices, sampling, torch.Generator().manual_seed(0), {})
    assert batch["image"].shape == (3, 1, 32, 32)
    label = batch["stages/0"]
    assert label.shape == (3, 1, 64, 64)
    assert [float(part.mean()) for part in label] == [40 / 64, 30 / 64, 1.0]


def test_patches_are_cut_at_one_place_at_every_level() -> None:
    """A coarse patch is the truncation of the slice it comes from, and its labels lie where it lies."""
    config = Config(scale=4)
    ramp = torch.linspace(0.2, 1, 96).expand(96, 96) * torch.linspace(0.2, 1, 96)[:, None]
    sampling = Sampling(images=1, patches=6, patch=8, intensity_jitter=0.0)
    batch = ICONetObjective(config).prepare([{"image": ramp}], sampling, torch.Generator().manual_seed(2), {})
    assert batch["image"].shape == (6, 1, 8, 8)
    assert batch["stages/1"].shape == (6, 1, 32, 32)
    inner = (slice(None), slice(None), slice(2, 6), slice(2, 6))
    for stage, factor in (("stages/0", 2), ("stages/1", 4)):
        torch.testing.assert_close(
            batch[stage][..., ::factor, ::factor][inner], batch["image"][inner], rtol=0, atol=0.05
        )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("scale", 3),
        ("channels", 0),
        ("heads", 5),
        ("rec_weight", -1.0),
        ("center_fraction", 0.0),
        ("detach_fraction", 2.0),
    ],
)
def test_values_out_of_range_are_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{field} must be .* not {value}"):
        Config(**{field: value})


def test_size_of_the_full_design() -> None:
    """The specification counts 1.62 million weights for one stage of its proposal; ours adds the prior's way back."""
    weights = sum(p.numel() for p in ICONet(Config(spatial_kernel="square")).parameters())
    assert weights == pytest.approx(1.62e6, rel=0.02)


def test_ssim_term_equals_scikit_image() -> None:
    x, y = fine_slices(32)
    expected = structural_similarity(
        x[0].double().numpy(),
        y[0].double().numpy(),
        data_range=1.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert float(ssim(x[None].double(), y[None].double())) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("lines", [64, 65])
def test_random_lines_hold_their_centre_and_their_rate(lines: int) -> None:
    generator = torch.Generator().manual_seed(0)
    masks = [random_lines(lines, acceleration=4, center_fraction=0.08, generator=generator) for _ in range(400)]
    center = round(lines * 0.08)
    centred = torch.fft.fftshift(torch.stack(masks), dim=1)
    start = (lines - center + 1) // 2
    assert bool((centred[:, start : start + center] == 1).all())
    assert all(mask[0] == 1 for mask in masks)
    assert float(torch.stack(masks).mean()) == pytest.approx(1 / 4, rel=0.03)
    with pytest.raises(ValueError, match="no room"):
        random_lines(lines, acceleration=20, center_fraction=0.08)
