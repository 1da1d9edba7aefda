"""The training loop, the same for every method and every number of devices."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from mrienhance.methods.base import Method
from mrienhance.methods.objective import Batch, Objective, make_batch
from mrienhance.training.draw import TrainingSource, step_generator
from mrienhance.training.logbook import Logbook, peak_signal_to_noise, write_preview
from mrienhance.training.recipe import Recipe
from mrienhance.training.state import load_state, save_state, update_average

Example = Mapping[str, Tensor]


@dataclass
class Status:
    """Where a training stands."""

    step: int = 0
    best_score: float = float("-inf")
    best_step: int = 0
    scores: dict[str, float] = field(default_factory=dict)


class Trainer:
    """Trains one method by its recipe.

    Parameters
    ----------
    fabric
        Launched Fabric: devices, precision, processes.
    method, recipe
        What to train, and how.
    source
        Draws training images.
    validation
        Whole validation images, or larger blocks.
    folder
        Run folder; ``state.safetensors``, ``log.csv`` and ``preview/`` appear there.
    save_model
        Called with the file's stem (``"best"`` or ``"last"``), the averaged weights and the status.
    weights
        Some of the network's weights to start with.
    """

    def __init__(
        self,
        fabric: Fabric,
        *,
        method: Method,
        recipe: Recipe,
        source: TrainingSource,
        validation: Sequence[Example],
        folder: Path,
        save_model: Callable[[str, Mapping[str, Tensor], Status], None],
        weights: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.fabric, self.recipe, self.settings = fabric, recipe, recipe.training
        self.source, self.validation, self.folder, self.save_model = source, validation, folder, save_model
        fabric.seed_everything(self.settings.seed, verbose=False)
        network = method.build(recipe.model)
        network.load_state_dict(dict(weights or {}), strict=False)
        for parameter in network.parameters():
            parameter.data = parameter.data.contiguous(memory_format=_layout(parameter))
        self.objective: Objective = method.objective(recipe.model).to(fabric.device)
        self.modules: dict[str, nn.Module] = {}
        self.optimizers: dict[str, Optimizer] = {}
        for name, module in self.objective.trained(network).items():
            groups = self.objective.groups(module)
            optimizer = Adam(groups, lr=self.settings.learning_rate, betas=self.settings.betas)
            self.modules[name], self.optimizers[name] = fabric.setup(module, optimizer)
        # The averaged weights live in a network of their own, so that validation can run them as they are.
        self.averaged = copy.deepcopy(network).eval().to(fabric.device)
        self.average = self.averaged.state_dict()
        self.status = Status()

    def resume(self) -> None:
        """Go on from the last saved state."""
        path = self.folder / "state.safetensors"
        raw = {name: _unwrapped(module) for name, module in self.modules.items()}
        facts = load_state(path, modules=raw, optimizers=self.optimizers, average=self.average)
        self.status = Status(**facts["status"])

    def fit(self, report: Callable[[Status, Mapping[str, float]], None]) -> Status:
        """Train from the current step to the last; `report` is called now and then with the latest numbers."""
        logbook = self._logbook()
        while self.status.step < self.settings.steps:
            terms = self._step(self.status.step)
            self.status.step += 1
            if self._due(self.settings.log_every):
                numbers = {name: float(value) for name, value in terms.items()}
                self._write(logbook, "train", numbers)
                report(self.status, numbers)
            if self._due(self.settings.validate_every):
                self._write(logbook, "validation", self._validate())
                report(self.status, self.status.scores)
            if self._due(self.settings.checkpoint_every):
                self._save()
        return self.status

    def _due(self, every: int) -> bool:
        return self.status.step % every == 0 or self.status.step == self.settings.steps

    def _step(self, step: int) -> dict[str, Tensor]:
        batch = self._batch(step)
        terms: dict[str, Tensor] = {}
        for loss in self.objective.losses(self.modules, batch, progress=step / self.settings.steps):
            names = (loss.optimizer,) if isinstance(loss.optimizer, str) else loss.optimizer
            self._descend(names, loss.value, step)
            terms |= {"loss": loss.value.detach(), **{name: term.detach() for name, term in loss.terms.items()}}
        # Early on the average follows the weights closely; a long memory of the first steps would only hold it back.
        decay = min(self.settings.ema, (1 + step) / (10 + step)) if self.settings.ema else 0.0
        update_average(self.average, _unwrapped(self.modules["network"]), decay)
        return terms

    def _batch(self, step: int) -> Batch:
        seed, sampling = self.settings.seed, self.recipe.sampling
        first = self.fabric.global_rank * sampling.images
        numbers = range(first, first + sampling.images)
        generators = [step_generator(seed=seed, step=step, image=number) for number in numbers]
        drawn = [
            [
                {name: value.to(self.fabric.device) for name, value in image.items()}
                for image in self.source.draw(1, each)
            ]
            for each in generators
        ]
        common = self.objective.common(step_generator(seed=seed, step=step))
        with torch.no_grad():
            batch = make_batch(self.objective, drawn, sampling, generators, common)
        return {name: value.contiguous(memory_format=_layout(value)) for name, value in batch.items()}

    def _descend(self, names: tuple[str, ...], value: Tensor, step: int) -> None:
        progress = step / self.settings.steps
        for name in names:
            for group in self.optimizers[name].param_groups:
                factor = self.objective.rate(group.get("name", ""), progress=progress)
                group["lr"] = factor * self.settings.learning_rate_at(step)
            self.optimizers[name].zero_grad()
        self.fabric.backward(value)
        for name in names:
            module, optimizer = self.modules[name], self.optimizers[name]
            if self.settings.gradient_clip:
                self.fabric.clip_gradients(
                    module, optimizer, max_norm=self.settings.gradient_clip, error_if_nonfinite=False
                )
            optimizer.step()

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        """Score the averaged weights on whole images; keep them if they are the best so far."""
        scores: list[tuple[float, float]] = []
        for index, example in enumerate(self.validation):
            batch = self.objective.whole({name: value.to(self.fabric.device) for name, value in example.items()})
            prediction = self.objective.predict(self.averaged, batch)
            target = batch["target"]
            scores.append(tuple(peak_signal_to_noise(image, target) for image in (prediction, batch["baseline"])))  # type: ignore[arg-type]
            if index == len(self.validation) // 2 and self.fabric.is_global_zero:
                self._preview(batch, prediction)
        psnr, baseline = (float(column.mean()) for column in torch.tensor(scores).T)
        self.status.scores = {"psnr": psnr, "baseline_psnr": baseline}
        if psnr > self.status.best_score:
            self.status.best_score, self.status.best_step = psnr, self.status.step
            self._save_model("best")
        return self.status.scores

    def _preview(self, batch: Mapping[str, Tensor], prediction: Tensor) -> None:
        named = {"input": batch["image"], "baseline": batch["baseline"], "prediction": prediction}
        images = {name: _shown(image) for name, image in named.items()}
        path = self.folder / "preview" / f"step-{self.status.step:07d}.png"
        path.parent.mkdir(exist_ok=True)
        write_preview(path, images, _shown(batch["target"]))

    def _save(self) -> None:
        self._save_model("last")
        if self.fabric.is_global_zero:
            raw = {name: _unwrapped(module) for name, module in self.modules.items()}
            facts: dict[str, Any] = {"status": vars(self.status), "recipe": self.recipe.to_dict()}
            path = self.folder / "state.safetensors"
            save_state(path, modules=raw, optimizers=self.optimizers, average=self.average, facts=facts)

    def _save_model(self, stem: str) -> None:
        if self.fabric.is_global_zero:
            self.save_model(stem, self.average, self.status)

    def _logbook(self) -> Logbook | None:
        if not self.fabric.is_global_zero:
            return None
        return Logbook(self.folder / "log.csv", resumed_at=self.status.step or None)

    def _write(self, logbook: Logbook | None, phase: str, values: Mapping[str, float]) -> None:
        if logbook is not None:
            logbook.write(self.status.step, phase, values)


def _unwrapped(module: nn.Module) -> nn.Module:
    """The module itself, without Fabric's wrapping."""
    inner: nn.Module = getattr(module, "module", module)
    return inner


def _shown(image: Tensor) -> Tensor:
    """The slice (H, W) of a picture: of a block (1, 1, k, j, i) the middle one across j, which shows k and i."""
    return image[0, 0] if image.ndim == 4 else image[0, 0, :, image.shape[-2] // 2]


def _layout(value: Tensor) -> torch.memory_format:
    """Convolutions like channels last; k-space, which is complex, is transformed line by line."""
    if value.is_complex():
        return torch.contiguous_format
    return {4: torch.channels_last, 5: torch.channels_last_3d}.get(value.ndim, torch.contiguous_format)
