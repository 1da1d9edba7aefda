"""The contract that every discovered method keeps, in every variant that it names."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mrienhance.methods import (
    Batch,
    Method,
    Objective,
    Sampling,
    all_methods,
    config_from_dict,
    config_to_dict,
)
from mrienhance.methods.objective import COARSE, make_batch
from mrienhance.physics import make_degradation

VARIANTS = [
    pytest.param(method, config, id=f"{method.name}-{variant}")
    for method in all_methods().values()
    for variant, config in method.variants().items()
]
METHODS = [pytest.param(method, id=method.name) for method in all_methods().values()]
every_variant = pytest.mark.parametrize(("method", "config"), VARIANTS)
every_method = pytest.mark.parametrize("method", METHODS)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def awake(method: Method, config: Any) -> nn.Module:
    """A network without zero-initialised layers: at initialisation those would hide the rest."""
    network = method.build(config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return network.eval()


def sides(method: Method, config: Any) -> Iterator[tuple[int, ...]]:
    """Odd, non-square, and as small as a slice gets, as far as the method takes any size."""
    tiling = method.tiling(config)
    first = (1,) * (tiling.ndim - 2)
    for size in ((*first, 13, 9), (*first, 8, 17), (*first, 5, 5)):
        yield tuple(-(-side // tiling.multiple_of) * tiling.multiple_of for side in size)


def training_images(method: Method, config: Any, *, size: int = 64, count: int = 2) -> list[dict[str, Tensor]]:
    """Smooth random objects with edges, slices or fine and coarse blocks, one tensor a contrast."""
    objective = method.objective(config)
    # Blocks come as they were cut: 24 samples divide by every factor.
    axis = torch.linspace(-1, 1, size if objective.ndim == 2 else 24)
    *depths, rows, columns = torch.meshgrid(*[axis] * objective.ndim, indexing="ij")
    images = []
    for index in range(count):
        objects = ((rows - 0.1 * index).square() + columns.square() < 0.6).float()
        texture = 1 + 0.3 * torch.sin(9 * rows + index) * torch.cos(14 * columns)
        if depths:
            texture = texture + 0.3 * torch.sin(11 * depths[0] + columns)
        image = dict.fromkeys((*objective.contrasts, *objective.label_maps), 0.6 * objects * texture)
        if objective.ndim == 3:
            coarsen = make_degradation(objective.degradation, texture.shape, objective.factors)
            image |= {name + COARSE: coarsen(image[name]) for name in objective.contrasts}
        images.append(image)
    return images


def training_batch(method: Method, config: Any) -> Batch:
    patch = min(16, 64 // max(method.tiling(config).scales))  # no larger than the images
    sampling = Sampling(images=2, patches=1, patch=patch, intensity_jitter=0.0)
    objective, images = method.objective(config), training_images(method, config)
    generators = [torch.Generator().manual_seed(1 + number) for number in range(len(images))]
    common = objective.common(torch.Generator().manual_seed(0))
    return make_batch(objective, [[image] for image in images], sampling, generators, common)


def total_loss(objective: Objective, modules: Mapping[str, nn.Module], batch: Batch) -> Tensor:
    return torch.stack([loss.value for loss in objective.losses(modules, batch, progress=0.999)]).sum()


def own_loss(objective: Objective, modules: Mapping[str, nn.Module], batch: Batch) -> Tensor:
    """What the network itself is to lower."""
    losses = objective.losses(modules, batch, progress=0.999)
    return torch.stack([loss.value for loss in losses if "network" in (loss.optimizer, *loss.optimizer)]).sum()


@every_method
def test_says_who_it_is(method: Method) -> None:
    assert method.name == method.name.lower()
    assert method.title
    assert len(method.paper.citation) > 20
    assert method.paper.doi.startswith("10.")
    assert method.paper.fidelity
    assert set(method.tasks) & {"reconstruct", "synthesize", "super-resolve"} == set(method.tasks) != set()
    assert dataclasses.is_dataclass(method.Config)
    assert method.Config.__dataclass_params__.frozen
    assert method.variants()


@every_variant
def test_shapes_and_dtype(method: Method, config: Any) -> None:
    network, tiling = awake(method, config), method.tiling(config)
    for size in sides(method, config):
        with torch.inference_mode():
            outputs = method.run(network, method.example(config, batch=2, size=size))
        assert outputs["image"].shape == (
            2,
            1,
            *(side * scale for side, scale in zip(size, tiling.scales, strict=True)),
        )
        assert all(value.dtype == torch.float32 and value.isfinite().all() for value in outputs.values())


@every_variant
def test_gradient_reaches_every_parameter(method: Method, config: Any) -> None:
    network, objective = awake(method, config), method.objective(config)
    total_loss(objective, objective.trained(network), training_batch(method, config)).backward()
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:  # a part that an earlier training made, and this one leaves alone
            assert parameter.grad is None, f"{name} should rest"
            continue
        assert parameter.grad is not None, f"{name} is never used"
        assert parameter.grad.isfinite().all(), f"{name} diverges"
        assert parameter.grad.abs().max() > 0, f"{name} never learns"


@every_variant
def test_state_dict_round_trip(method: Method, config: Any) -> None:
    network, inputs = awake(method, config), method.example(config, batch=1, size=next(sides(method, config)))
    other = method.build(config).eval()
    other.load_state_dict(network.state_dict())
    with torch.inference_mode():
        expected, found = (method.run(module, inputs)["image"] for module in (network, other))
    assert torch.equal(expected, found)


@every_variant
def test_is_deterministic_and_batch_of_two_is_two_singles(method: Method, config: Any) -> None:
    network, inputs = awake(method, config), method.example(config, batch=2, size=next(sides(method, config)))
    with torch.inference_mode():
        first, again = (method.run(network, inputs)["image"] for _ in range(2))
        singles = [method.run(network, {k: v[i : i + 1] for k, v in inputs.items()})["image"] for i in range(2)]
    assert torch.equal(first, again)
    torch.testing.assert_close(torch.cat(singles), first, rtol=1e-5, atol=1e-5)


@every_variant
def test_halo_is_the_reach_of_an_input_sample(method: Method, config: Any) -> None:
    """What lies beyond the halo changes nothing; a method without a halo is not asked."""
    tiling = method.tiling(config)
    if tiling.halo is None:
        assert _reaches_everywhere(method, config), "a local method should say so: tiles would then be exact"
        return
    multiple = tiling.multiple_of
    size, others = (-(-side // multiple) * multiple for side in (2 * tiling.halo + 9, 9))
    network = awake(method, config)
    inputs = method.example(config, batch=1, size=(others,) * (tiling.ndim - 1) + (size,))
    changed = {name: value.clone() for name, value in inputs.items()}
    for value in changed.values():
        value[..., : (size - tiling.halo - 4) * (value.shape[-1] // size)] += 1.0
    with torch.inference_mode():
        before, after = (method.run(network, case)["image"] for case in (inputs, changed))
    assert torch.equal(before[..., -4 * tiling.scales[-1] :], after[..., -4 * tiling.scales[-1] :])


def _reaches_everywhere(method: Method, config: Any) -> bool:
    network, ndim = awake(method, config), method.tiling(config).ndim
    inputs = method.example(config, batch=1, size=(5,) * (ndim - 1) + (400,))
    changed = {name: value.clone() for name, value in inputs.items()}
    for value in changed.values():
        value[..., :8] += 1.0
    with torch.inference_mode():
        before, after = (method.run(network, case)["image"] for case in (inputs, changed))
    return not torch.equal(before[..., -4:], after[..., -4:])


@every_variant
def test_bfloat16_drift(method: Method, config: Any) -> None:
    network, inputs = awake(method, config), method.example(config, batch=1, size=next(sides(method, config)))
    with torch.inference_mode():
        exact = method.run(network, inputs)["image"]
        with torch.autocast("cpu", torch.bfloat16):
            rough = method.run(network, inputs)["image"]
    assert rough.dtype == torch.float32
    assert (rough - exact).norm() <= 0.01 * exact.norm()


@every_variant
def test_config_is_strict_and_survives_json(method: Method, config: Any) -> None:
    values = config_to_dict(config)
    assert config_from_dict(method.Config, values) == config
    with pytest.raises(ValueError, match="no_such_field"):
        config_from_dict(method.Config, {**values, "no_such_field": 1})
    for name, value in values.items():
        with pytest.raises(ValueError, match=name):
            config_from_dict(method.Config, {**values, name: _wrong(value)})


def _wrong(value: object) -> object:
    return 7.25 if isinstance(value, str) else "wrong"


@every_variant
def test_two_training_steps_lower_the_loss(method: Method, config: Any) -> None:
    network, batch, objective = method.build(config), training_batch(method, config), method.objective(config)
    modules = objective.trained(network)
    # Plain gradient descent: Adam's first step is as large for a weight that hardly matters as for one that does.
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
    losses = []
    for _ in range(3):
        # A discriminator's loss rises as the network learns: it is not the network's to lower.
        loss = own_loss(objective, modules, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert all(later < earlier for earlier, later in pairwise(losses)), losses


@every_variant
def test_batches_depend_on_the_generator_alone(method: Method, config: Any) -> None:
    first = training_batch(method, config)
    torch.manual_seed(99)
    second = training_batch(method, config)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@every_variant
def test_whole_validation_images(method: Method, config: Any) -> None:
    objective = method.objective(config)
    batch = objective.whole(training_images(method, config, size=50, count=1)[0])
    with torch.no_grad():
        prediction = objective.predict(awake(method, config), batch)
    assert prediction.shape == batch["target"].shape == batch["baseline"].shape
