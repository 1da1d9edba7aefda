"""LF-MRI against dense solutions, against what it must become when parts are off, and against what it must not see."""

import dataclasses

import pytest
import torch
from torch import Tensor

from mrienhance.methods import Sampling, get_method
from mrienhance.methods.lf_mri.classifier import Classifier
from mrienhance.methods.lf_mri.config import Config
from mrienhance.methods.lf_mri.consistency import Consistency, Measurement, Term
from mrienhance.methods.lf_mri.network import LFMRI
from mrienhance.methods.lf_mri.scans import Scan, label, training_batch, validation_batch
from mrienhance.methods.objective import divisors
from mrienhance.physics import Sense

SMALL = Config(stages=2, width=8, classifier="plain", classifier_width=4, iterations=60)
SIDE, COILS = 12, 4


def change(**values) -> Config:
    return dataclasses.replace(SMALL, **values)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def noise(*shape: int, generator: torch.Generator) -> Tensor:
    return torch.randn(*shape, dtype=torch.complex128, generator=generator)


@pytest.fixture
def scan(generator):
    """Two slices in complex128: normalised maps, half of the lines, and their k-space."""
    maps = noise(2, COILS, SIDE, SIDE, generator=generator)
    maps = maps / maps.abs().square().sum(1, keepdim=True).sqrt()
    mask = (torch.rand(2, 1, SIDE, generator=generator) < 0.5).double()
    truth = noise(2, SIDE, SIDE, generator=generator)
    return Sense(maps, mask)(truth), maps, mask, truth


def measured(scan) -> Measurement:
    kspace, maps, mask, _ = scan
    operator = Sense(maps, mask)
    return Measurement(operator, mask, kspace, operator.adjoint(kspace))


def network(config: Config, *, trained: bool = False) -> LFMRI:
    """A network in double precision; trained: with random weights everywhere."""
    torch.manual_seed(0)
    made = LFMRI(config).double().eval()
    if trained:
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    return made


def dense(operator: Sense, sample: int) -> Tensor:
    """The matrix A^H A of one slice."""
    basis = torch.eye(SIDE * SIDE, dtype=torch.complex128).view(-1, SIDE, SIDE)
    one = Sense(operator.maps[sample], operator._weight()[sample, 0])
    return one.normal(basis).flatten(1).T


# Data consistency


def test_conjugate_gradients_are_the_dense_solution_where_the_weight_varies_in_space(scan, generator):
    what = measured(scan)
    spread = 1 + torch.rand(2, SIDE, SIDE, dtype=torch.float64, generator=generator)
    pulls = [noise(2, SIDE, SIDE, generator=generator) for _ in range(2)]
    terms = [
        Term(torch.tensor(0.1, dtype=torch.float64), 1.0, pulls[0]),
        Term(torch.tensor(0.3, dtype=torch.float64), spread, pulls[1]),
    ]
    found = Consistency(change(iterations=100))(what, terms, pulls[0])
    for sample in range(2):
        matrix = dense(what.operator, sample) + torch.diag((0.1 + 0.3 * spread[sample]).flatten().to(torch.complex128))
        right = what.zero_filled[sample] + 0.1 * pulls[0][sample] + 0.3 * pulls[1][sample]
        expected = torch.linalg.solve(matrix, right.flatten()).view(SIDE, SIDE)
        torch.testing.assert_close(found[sample], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", ["cg", "gd", "vs"])
def test_the_solution_is_a_fixed_point(scan, generator, kind):
    """Every kind of data consistency stays where the frozen objective is smallest."""
    what, pull = measured(scan), noise(2, SIDE, SIDE, generator=generator)
    terms = [Term(torch.tensor(0.4, dtype=torch.float64), 1.0, pull)]
    solution = Consistency(change(iterations=100))(what, terms, pull)
    step = Consistency(change(dc=kind, iterations=20)).double()
    moved = step(what, terms, solution)
    if kind == "vs":  # splitting holds the coils only approximately: it improves what it starts from
        assert (moved - solution).norm() < (step(what, terms, pull) - solution).norm()
    else:
        torch.testing.assert_close(moved, solution, rtol=1e-8, atol=1e-8)


def test_a_gradient_step_goes_down(scan, generator):
    what, pull = measured(scan), noise(2, SIDE, SIDE, generator=generator)
    terms = [Term(torch.tensor(0.4, dtype=torch.float64), 1.0, pull)]

    def objective(x):
        residual = what.operator(x) - what.kspace
        return 0.5 * residual.abs().square().sum() + 0.2 * (x - pull).abs().square().sum()

    start = noise(2, SIDE, SIDE, generator=generator)
    assert objective(Consistency(change(dc="gd")).double()(what, terms, start)) < objective(start)


# The whole network


def test_a_full_scan_without_regularisation_is_the_image(scan):
    _, maps, _, truth = scan
    everything = torch.ones(2, 1, SIDE, dtype=torch.float64)
    config = change(denoising_weight=1e-4, lesion_term=False, iterations=30)
    found = network(config)(Sense(maps)(truth), maps, everything).images[-1]
    torch.testing.assert_close(found, truth, rtol=1e-3, atol=1e-3)


def test_untrained_it_is_cg_sense_stage_by_stage(scan):
    """Denoisers that change nothing leave a proximal iteration towards the regularised SENSE image."""
    kspace, maps, mask, _ = scan
    what, weight = measured(scan), 0.1
    found = network(change(lesion_term=False, stages=1))(kspace, maps, mask).images[-1]
    for sample in range(2):
        matrix = dense(what.operator, sample) + weight * torch.eye(SIDE * SIDE)
        first = torch.linalg.solve(matrix, what.zero_filled[sample].flatten())
        second = torch.linalg.solve(matrix, what.zero_filled[sample].flatten() + weight * first)
        torch.testing.assert_close(found[sample].flatten(), second, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("mode", ["concat", "masked", "weighted", "guided"])
def test_a_lesion_weight_near_zero_is_no_lesion_term(scan, mode):
    kspace, maps, mask, _ = scan
    config = change(lf_mode=mode, lesion_weight=1e-4, attention="ones")
    weak, strong = (
        network(dataclasses.replace(config, lesion_weight=weight), trained=True)(kspace, maps, mask)
        for weight in (1e-4, 5.0)
    )
    changes = [float((each.images[0] - each.global_images[0]).detach().norm()) for each in (weak, strong)]
    assert changes[0] < 0.05 * changes[1]
    assert changes[1] > 0.01 * float(strong.images[0].detach().norm())


@pytest.mark.parametrize("factor", [1e-6, 7.0, 1e6])
def test_the_scale_of_the_data_is_the_scale_of_the_image(scan, factor):
    kspace, maps, mask, _ = scan
    net = network(SMALL, trained=True)
    once, scaled = (net(data, maps, mask).images[-1] for data in (kspace, factor * kspace))
    torch.testing.assert_close(scaled / factor, once, rtol=1e-8, atol=1e-8)


def test_the_order_of_coils_does_not_matter(scan):
    kspace, maps, mask, _ = scan
    net, order = network(SMALL, trained=True), [2, 0, 3, 1]
    once = net(kspace, maps, mask).images[-1]
    torch.testing.assert_close(net(kspace[:, order], maps[:, order], mask).images[-1], once, rtol=1e-9, atol=1e-9)


def test_a_global_phase_of_the_receiver_turns_the_untrained_image(scan):
    """Of a trained network this cannot be asked: it sees real and imaginary parts."""
    kspace, maps, mask, _ = scan
    net, turn = network(SMALL), torch.polar(torch.tensor(1.0).double(), torch.tensor(0.7).double())
    once, turned = (net(data, maps, mask).images[-1] for data in (kspace, turn * kspace))
    torch.testing.assert_close(turned, turn * once, rtol=1e-9, atol=1e-9)


def test_a_slice_of_nothing_is_an_image_of_nothing(scan):
    kspace, maps, mask, _ = scan
    found = network(SMALL)(torch.zeros_like(kspace), maps, mask).images[-1]
    assert torch.equal(found, torch.zeros_like(found))


def test_an_oracle_is_needed_where_the_attention_comes_from_outside(scan):
    kspace, maps, mask, _ = scan
    with pytest.raises(ValueError, match="oracle"):
        network(change(attention="oracle"))(kspace, maps, mask)


def test_stages_that_are_not_shared_have_weights_of_their_own():
    shared, own = (LFMRI(change(share=share)) for share in (True, False))
    stages, classifier = (
        [sum(p.numel() for p in getattr(net, part).parameters()) for net in (shared, own)]
        for part in ("stages", "classifier")
    )
    assert stages[1] == 2 * stages[0]
    assert classifier[1] == classifier[0]


@pytest.mark.parametrize("share", [True, False])
def test_the_first_stages_can_do_without_the_lesion_term(scan, share):
    kspace, maps, mask, _ = scan
    late = network(change(stages=3, share=share, lesion_stages=1), trained=True)
    found = late(kspace, maps, mask)
    assert len(found.attention) == len(found.logits) == 1
    assert all(torch.equal(a, b) for a, b in zip(found.images[:2], found.global_images[:2], strict=True))
    assert not torch.equal(found.images[2], found.global_images[2])
    # The same weights without any lesion term give the same images, up to the last stage's.
    plain = network(change(stages=3, share=share, lesion_term=False))
    plain.load_state_dict(late.state_dict(), strict=False)
    for image, global_image in zip(plain(kspace, maps, mask).images, found.global_images, strict=True):
        torch.testing.assert_close(image, global_image)


# The classifier


def test_the_mean_activation_is_the_logit_without_its_bias():
    torch.manual_seed(0)
    classifier = Classifier("plain", 4, 3)
    images = torch.rand(2, 40, 32)
    features = classifier.features(images)
    maps = torch.einsum("bfhw,cf->bchw", features, classifier.head.weight)
    torch.testing.assert_close(maps.mean((-2, -1)), classifier(images).logits - classifier.head.bias)


def test_attention_is_between_0_and_1_and_weak_where_no_lesion_is_expected():
    torch.manual_seed(0)
    classifier = Classifier("plain", 8, 1)
    images = torch.rand(2, 40, 32)
    ungated = Classifier("plain", 8, 1, gate=False)
    with torch.no_grad():
        classifier.head.weight.abs_()
        sure = classifier(images).map
        classifier.head.bias.fill_(-12)
        healthy = classifier(images).map
        ungated.load_state_dict(classifier.state_dict())
        painted = ungated(images).map
    assert 0 <= float(sure.min()) <= float(sure.max()) <= 1
    assert float(sure.max()) > 0.1
    assert float(healthy.max()) < 1e-4
    assert float(painted.max()) > 0.9, "without the gate a map is always painted"


def test_the_brightness_of_the_image_does_not_matter_to_the_classifier():
    classifier, images = Classifier("plain", 4, 1), torch.rand(2, 32, 32)
    torch.testing.assert_close(classifier(images).logits, classifier(1000 * images + 5).logits, rtol=1e-3, atol=1e-4)


def test_resnet18_has_the_published_number_of_parameters():
    """11.17 million in its convolutions and normalisations, for one input channel; and an eighth of the resolution."""
    classifier = Classifier("resnet18", 64, 1)
    count = sum(parameter.numel() for parameter in classifier.backbone.parameters())
    assert count == 11_176_512 - 2 * 64 * 49
    assert classifier.features(torch.rand(1, 64, 64)).shape == (1, 512, 8, 8)


# Training


def images(count: int = 2, *, side: int = 40) -> list[dict[str, Tensor]]:
    rows, columns = torch.meshgrid(*[torch.linspace(-1, 1, side)] * 2, indexing="ij")
    objects = ((rows.square() + columns.square()) < 0.7).float() * (1 + 0.2 * torch.sin(9 * rows))
    lesion = ((rows - 0.2).square() + columns.square() < 0.02).float()
    return [{"image": objects * 0.5 + 0.3 * lesion * (n % 2), "lesions": lesion * (n % 2)} for n in range(count)]


def batch_of(pictures: list[dict[str, Tensor]], *, seed: int = 0) -> dict[str, Tensor]:
    sampling = Sampling(images=len(pictures), patches=1, patch=32, intensity_jitter=0.0)
    scan = Scan.draw(torch.Generator().manual_seed(seed))
    return counted(training_batch(pictures, sampling, torch.Generator().manual_seed(seed), scan=scan))


def counted(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """A batch with what losses divide by."""
    return batch | divisors(get_method("lf_mri").objective(change(simulated_lesions=0.5, place_loss=1.0)).counts(batch))


@pytest.mark.parametrize("seed", range(8))
def test_a_training_scan_is_consistent(seed):
    batch = batch_of(images(), seed=seed)
    assert batch["maps"].shape == batch["kspace"].shape == batch["full"].shape
    assert batch["label"].tolist() == [[0.0], [1.0]]
    sampled = batch["mask"].unsqueeze(1).expand(batch["kspace"].shape) > 0
    assert bool((batch["kspace"][~sampled] == 0).all())
    torch.testing.assert_close(batch["kspace"][sampled], batch["full"][sampled])
    combined = (batch["maps"].conj() * torch.fft.ifft2(batch["full"], norm="ortho")).sum(1)
    inside = batch["target"].abs() > 0.1
    error = (combined - batch["target"])[inside].abs().square().mean().sqrt()
    assert float(error) < 0.1, "maps, k-space and target do not belong together, phases included"


def test_training_sees_one_bit_of_a_lesion_mask():
    """Another mask with the same bit gives the same losses and gradients, to the last digit."""
    pictures, moved = images(), images()
    moved[1]["lesions"] = torch.zeros_like(moved[1]["lesions"])
    moved[1]["lesions"][16, 20] = 1
    objective = get_method("lf_mri").objective(SMALL)
    net = network(SMALL, trained=True).float().train()
    values = []
    for each in (pictures, moved):
        batch = batch_of(each)
        values.append([float(loss.value.detach()) for loss in objective.losses({"network": net}, batch, progress=0.9)])
    assert values[0] == values[1]
    healthy = images()
    healthy[1]["lesions"] = torch.zeros_like(healthy[1]["lesions"])
    (other,) = objective.losses({"network": net}, batch_of(healthy), progress=0.9)
    assert float(other.value.detach()) != values[0][0], "the bit itself does count"


def learning(progress: float) -> set[str]:
    """Which parts learn at a point of the training."""
    net = network(SMALL, trained=True).float().train()
    objective = get_method("lf_mri").objective(SMALL)
    (loss,) = objective.losses({"network": net}, batch_of(images()), progress=progress)
    loss.value.backward()
    moving = {name for name, each in net.named_parameters() if each.grad is not None and bool(each.grad.any())}
    return {name.removeprefix("stages.0.").split(".")[0] for name in moving}


def test_the_classifier_learns_first_then_rests_then_learns_with_the_others():
    assert learning(0.0) == {"classifier"}
    assert "classifier" not in learning(SMALL.classifier_fraction + 0.01)
    assert {"classifier", "denoiser", "lesion", "raw_lesion_weight"} <= learning(0.9)


@pytest.mark.parametrize(("relative", "factor"), [(True, 1.0), (False, 100.0)])
def test_relative_losses_do_not_depend_on_the_brightness(relative, factor):
    objective = get_method("lf_mri").objective(change(relative_loss=relative, class_loss=0.0))
    net = network(SMALL, trained=True).float().train()
    batch = batch_of(images())
    brighter = batch | {name: 10 * batch[name] for name in ("kspace", "full", "target")}
    dim, bright = (next(objective.losses({"network": net}, each, progress=0.9)) for each in (batch, brighter))
    for name in ("global/1", "image/1"):
        assert float(bright.terms[name].detach()) == pytest.approx(factor * float(dim.terms[name].detach()), rel=1e-3)


def test_validation_scans_are_always_the_same():
    first, again = (validation_batch(images()[1]) for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_the_label_is_one_bit():
    spot = torch.zeros(4, 4)
    spot[2, 2] = 0.5
    assert [float(label(lesions)) for lesions in (torch.zeros(4, 4), spot, torch.ones(4, 4), None)] == [0, 1, 1, -1]


def test_places_are_learned_of_simulated_lesions_only():
    objective = get_method("lf_mri").objective(change(simulated_lesions=0.5, place_loss=1.0))
    net = network(SMALL, trained=True).float().train()
    batch = batch_of(images())
    assert [float(places.amax()) for places in batch["places"]] == [0, -1], "healthy, and a real lesion"

    def loss(places: Tensor) -> float:
        (found,) = objective.losses({"network": net}, counted(batch | {"places": places}), progress=0.0)
        return float(found.terms["places"].detach())

    only_healthy, spots = loss(batch["places"]), batch["places"].clone()
    spots[1] = 0
    spots[1, 10:14, 10:14] = 1
    evidence = net.classify(batch["target"].abs()).places[:, 0].detach()
    nothing = torch.nn.functional.softplus(evidence[0]).mean() / 2
    assert only_healthy == pytest.approx(float(nothing), rel=1e-4)
    assert loss(spots) != only_healthy


def test_slices_that_nobody_looked_at_do_not_teach_the_classifier():
    pictures = images()
    unknown = [{"image": each["image"]} for each in pictures]
    objective = get_method("lf_mri").objective(SMALL)
    net = network(SMALL, trained=True).float().train()
    (nothing,) = objective.losses({"network": net}, batch_of(unknown), progress=0.0)
    assert float(nothing.value.detach()) == 0
    (half,) = objective.losses({"network": net}, batch_of([pictures[0], unknown[1]]), progress=0.0)
    (known,) = objective.losses({"network": net}, batch_of([pictures[0], pictures[0]]), progress=0.0)
    assert float(half.value.detach()) == pytest.approx(float(known.value.detach()), rel=0.2)


def test_the_classifier_has_a_rate_of_its_own():
    objective, net = get_method("lf_mri").objective(SMALL), network(SMALL)
    groups = objective.groups(net)
    assert sum(len(group["params"]) for group in groups) == len(list(net.parameters()))
    assert [group.get("name", "") for group in groups] == ["", "classifier"]
    assert [objective.rate("classifier", progress=at) for at in (0.0, 0.9)] == [1.0, 0.1]
    assert objective.rate("", progress=0.9) == 1.0


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"width": 12}, "multiple of 8"),
        ({"solver": "admm", "dc": "gd"}, "conjugate gradients"),
        ({"solver": "admm", "lf_mode": "masked"}, "masked"),
        ({"stages": 0}, "stages"),
        ({"stages": 2, "lesion_stages": 3}, "no 3 stages"),
        ({"classes": ()}, "classes"),
        ({"perceptual_loss": 1.0, "lesion_term": False}, "no classifier"),
        ({"place_loss": 1.0}, "simulated lesions"),
        ({"classifier_fraction": 0.9, "frozen_fraction": 0.2}, "at most 1"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(values, complaint):
    with pytest.raises(ValueError, match=complaint):
        Config(**values)
