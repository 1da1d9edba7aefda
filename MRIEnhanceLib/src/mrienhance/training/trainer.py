"""The training loop, the same for every method and every number of devices."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from mrienhance.errors import Cancelled
from mrienhance.methods.base import Method
from mrienhance.methods.objective import Objective
from mrienhance.training.batches import Batches, Drawn, layout
from mrienhance.training.draw import TrainingSource
from mrienhance.training.feed import Feed, Meter, default_workers
from mrienhance.training.learner import Learner
from mrienhance.training.logbook import Logbook, peak_signal_to_noise, write_preview
from mrienhance.training.parallel import Team
from mrienhance.training.random_state import random_state, restore_random_state
from mrienhance.training.recipe import Recipe
from mrienhance.training.state import State, collect_tensors, restore, update_average
from mrienhance.training.states import save_state
from mrienhance.training.stop import StopRequest

Example = Mapping[str, Tensor]


@dataclass
class Status:
    """Where a training stands; `seconds` is what it has taken, all its runs together."""

    step: int = 0
    best_score: float = float("-inf")
    best_step: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0


class Trainer:
    """Trains one method by its recipe.

    Parameters
    ----------
    fabric, team
        Launched Fabric (devices, precision, processes), and its processes.
    method, recipe
        What to train, and how.
    source
        Draws training images.
    validation
        Whole validation images, or larger blocks.
    folder
        Run folder; ``states/``, ``log.csv`` and ``preview/`` appear there.
    save_model
        Called with the file's stem (``"best"`` or ``"last"``), the averaged weights and the status.
    weights
        Some of the network's weights to start with.
    facts
        What a state says besides where the training stands: JSON-able.
    """

    def __init__(
        self,
        fabric: Fabric,
        team: Team,
        *,
        method: Method,
        recipe: Recipe,
        source: TrainingSource,
        validation: Sequence[Example],
        folder: Path,
        save_model: Callable[[str, Mapping[str, Tensor], Status], None],
        weights: Mapping[str, Tensor] | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        self.fabric, self.team, self.recipe, self.settings = fabric, team, recipe, recipe.training
        self.validation, self.folder, self.save_model, self.facts = validation, folder, save_model, facts or {}
        fabric.seed_everything(self.settings.seed, verbose=False)
        network = method.build(recipe.model)
        network.load_state_dict(dict(weights or {}), strict=False)
        if not team.sharded:
            for parameter in network.parameters():
                parameter.data = parameter.data.contiguous(memory_format=layout(parameter))
        # The averaged weights live in a network of their own, so that validation can run them as they are.
        self.averaged = copy.deepcopy(network).eval().to(fabric.device)
        self.average = self.averaged.state_dict()
        self.objective: Objective = method.objective(recipe.model).to(fabric.device)
        self.learner = Learner(fabric, team, objective=self.objective, network=network, settings=self.settings)
        self.batches = Batches(
            objective=self.objective,
            source=source,
            sampling=recipe.sampling,
            seed=self.settings.seed,
            parts=self.settings.accumulate,
            rank=team.rank,
            processes=team.size,
            device=fabric.device,
        )
        self.status = Status()
        self._began, self._saved = time.monotonic(), -1

    def resume(self, state: State) -> None:
        """Go on from a saved state."""
        restore(state, modules=self.learner.raw, optimizers=self.learner.optimizers, average=self.average)
        self.status = Status(**state.facts["status"])
        if state.facts.get("scaler"):
            self.fabric.strategy.precision.load_state_dict(state.facts["scaler"])
        mine = state.under(f"random/{self.team.rank}/")
        if mine:
            restore_random_state(mine, self.fabric.device)
        self._began, self._saved = time.monotonic() - self.status.seconds, self.status.step

    def fit(self, report: Callable[[Status, Mapping[str, float]], None]) -> Status:
        """Train from the current step to the last; `report` is called now and then with the latest numbers.

        Raises
        ------
        Cancelled
            If somebody asks to stop (`StopRequest`): between two steps, with the state saved.
        """
        logbook = self._logbook()
        with StopRequest() as stop, self._feed() as feed:
            meter = Meter(feed, self.status.step)
            while self.status.step < self.settings.steps:
                if self.team.any(stop.asked):
                    self._give_up()
                terms = self._step(self.status.step, feed)
                self.status.step += 1
                if self._due(self.settings.log_every):
                    numbers = self._mean(terms) | meter.read(self.status.step)
                    self._write(logbook, "train", numbers)
                    report(self.status, numbers)
                with meter.paused():
                    if self._due(self.settings.validate_every):
                        self._write(logbook, "validation", self._validate())
                        report(self.status, self.status.scores)
                    if self._due(self.settings.checkpoint_every):
                        self._save()
        return self.status

    def _feed(self) -> Feed[list[Drawn]]:
        workers = self.settings.workers
        if workers is None:
            workers = default_workers(self.fabric.device, self.team.local)
        return Feed(self.batches.ahead, workers=workers, start=self.status.step, stop=self.settings.steps)

    def _due(self, every: int) -> bool:
        return self.status.step % every == 0 or self.status.step == self.settings.steps

    def _step(self, step: int, feed: Feed[list[Drawn]]) -> dict[str, Tensor]:
        terms = self.learner.learn(self.batches.ready(feed.take(step)), step)
        # Early on the average follows the weights closely; a long memory of the first steps would only hold it back.
        decay = min(self.settings.ema, (1 + step) / (10 + step)) if self.settings.ema else 0.0
        update_average(self.average, self.learner.raw["network"], decay)
        return terms

    def _mean(self, terms: Mapping[str, Tensor]) -> dict[str, float]:
        """Numbers of the whole step."""
        values = self.team.agreed([float(value) / self.team.size for value in terms.values()])
        return dict(zip(terms, values, strict=True))

    def _give_up(self) -> None:
        """Stop because somebody asked for it."""
        if self._saved != self.status.step:
            self._save()
        done = f"stopped after step {self.status.step} of {self.settings.steps}"
        stopped = Cancelled(f"the training was {done}", hint="go on with the same command and --resume")
        stopped.said = not self.team.first
        raise stopped

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        """Score the averaged weights on whole images, shared over the processes; keep the best so far."""
        scores, middle = torch.zeros(len(self.validation), 2, dtype=torch.float64), len(self.validation) // 2
        for index, example in enumerate(self.validation):
            # The one that is shown is the first process's: that one writes.
            if (index - middle) % self.team.size != self.team.rank:
                continue
            batch = self.objective.whole({name: value.to(self.fabric.device) for name, value in example.items()})
            prediction = self.objective.predict(self.averaged, batch)
            pair = (peak_signal_to_noise(image, batch["target"]) for image in (prediction, batch["baseline"]))
            scores[index] = torch.tensor([*pair], dtype=torch.float64)
            if index == middle:
                self._preview(batch, prediction)
        every = torch.tensor(self.team.agreed(scores.flatten().tolist())).view_as(scores)
        psnr, baseline = (float(column.mean()) for column in every.T)
        self.status.scores = {"psnr": psnr, "baseline_psnr": baseline}
        if psnr > self.status.best_score:
            self.status.best_score, self.status.best_step = psnr, self.status.step
            self._clock()
            self.team.on_first(lambda: self.save_model("best", self.average, self.status))
        return self.status.scores

    def _preview(self, batch: Mapping[str, Tensor], prediction: Tensor) -> None:
        named = {"input": batch["image"], "baseline": batch["baseline"], "prediction": prediction}
        images = {name: _shown(image) for name, image in named.items()}
        path = self.folder / "preview" / f"step-{self.status.step:07d}.png"
        path.parent.mkdir(exist_ok=True)
        write_preview(path, images, _shown(batch["target"]))

    def _save(self) -> None:
        """Write where the training stands, then the model of now."""
        self._clock()
        tensors = collect_tensors(self.learner.raw, self.learner.optimizers, self.average)
        for name, value in random_state(self.fabric.device).items():
            for rank, each in enumerate(self.team.gathered(value)):
                tensors[f"random/{rank}/{name}"] = each.clone()
        scaler = self.fabric.strategy.precision.state_dict()
        facts = {**self.facts, "status": asdict(self.status), "recipe": self.recipe.to_dict(), "scaler": scaler}
        self.team.on_first(lambda: save_state(self.folder, self.status.step, State(tensors, facts)))
        self.team.on_first(lambda: self.save_model("last", self.average, self.status))
        self._saved = self.status.step

    def _clock(self) -> None:
        self.status.seconds = time.monotonic() - self._began

    def _logbook(self) -> Logbook | None:
        if not self.team.first:
            return None
        return Logbook(self.folder / "log.csv", resumed_at=self.status.step or None)

    def _write(self, logbook: Logbook | None, phase: str, values: Mapping[str, float]) -> None:
        if logbook is not None:
            logbook.write(self.status.step, phase, values)


def _shown(image: Tensor) -> Tensor:
    """The slice (H, W) of a picture: of a block (1, 1, k, j, i) the middle one across j, which shows k and i."""
    return image[0, 0] if image.ndim == 4 else image[0, 0, :, image.shape[-2] // 2]
