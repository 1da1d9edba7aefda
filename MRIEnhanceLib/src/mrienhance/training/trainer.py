"""The training loop, the same for every method and every number of devices."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric
from torch import Tensor

from mrienhance.errors import Cancelled, MRIEnhanceError
from mrienhance.methods.base import Method
from mrienhance.methods.objective import Objective
from mrienhance.training.batches import Batches, Drawn, layout
from mrienhance.training.diary import Ending
from mrienhance.training.draw import TrainingSource
from mrienhance.training.feed import Feed, Meter, default_workers
from mrienhance.training.learner import Learner
from mrienhance.training.parallel import Elsewhere, Team
from mrienhance.training.random_state import random_state, restore_random_state
from mrienhance.training.recipe import Recipe
from mrienhance.training.state import State, collect_tensors, restore, update_average
from mrienhance.training.states import save_state
from mrienhance.training.stop import StopRequest
from mrienhance.training.validation import Judged, Validation, means
from mrienhance.training.watch import Watch


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
        Run folder; ``states/`` appears there.
    watch
        Opens what people can watch, from the step on that the training resumes at; called in the first process alone.
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
        validation: Sequence[Judged],
        folder: Path,
        watch: Callable[[int | None], Watch],
        save_model: Callable[[str, Mapping[str, Tensor], Status], None],
        weights: Mapping[str, Tensor] | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        self.fabric, self.team, self.recipe, self.settings = fabric, team, recipe, recipe.training
        self.folder, self.save_model, self.facts = folder, save_model, facts or {}
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
        self.validation = Validation(validation, self.objective, team, fabric.device)
        self.status, self._open = Status(), watch
        self.watch: Watch | None = None
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
        with StopRequest() as stop, self._watched(), self._feed() as feed:
            meter = Meter(feed, self.status.step)
            while self.status.step < self.settings.steps:
                if self.team.any(stop.asked):
                    self._give_up()
                terms = self._step(self.status.step, feed)
                self.status.step += 1
                if self._due(self.settings.log_every):
                    rate = {"learning_rate": self.settings.learning_rate_at(self.status.step - 1)}
                    numbers = self._mean(terms) | rate | meter.read(self.status.step)
                    self._note(partial(Watch.numbers, step=self.status.step, phase="train", values=numbers))
                    report(self.status, numbers)
                with meter.paused():
                    if self._due(self.settings.validate_every):
                        self._validate()
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

    def _validate(self) -> None:
        """Score the averaged weights on whole images, shared over the processes; keep the best so far."""
        # Of a sharded module one process alone can say nothing.
        others = {} if self.team.sharded else self.learner.raw
        scores, pictures = self.validation.score({**others, "network": self.averaged})
        self.status.scores = means(scores)
        self._note(lambda watch: watch.validated(self.status.step, scores, self.status.scores, pictures))
        psnr = self.status.scores["psnr"]
        if psnr > self.status.best_score:
            self.status.best_score, self.status.best_step = psnr, self.status.step
            self._clock()
            self.team.on_first(lambda: self.save_model("best", self.average, self.status))

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
        self._note(lambda watch: watch.saved(self.status.step))
        self._saved = self.status.step

    def _note(self, write: Callable[[Watch], None]) -> None:
        """Have something written for people; if that fails, all processes stop."""
        self.team.on_first(lambda: write(self.watch) if self.watch else None)

    def _clock(self) -> None:
        self.status.seconds = time.monotonic() - self._began

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Let people watch; whatever ends the training, its diary and its report say so."""
        self.watch = self.team.on_first(lambda: self._open(self.status.step or None))
        try:
            yield
        except Elsewhere:
            # Whoever started the processes kills this one soon, too: it must tell that before it is gone.
            raise
        except BaseException as error:
            with suppress(MRIEnhanceError):  # what stopped the training is what is to be told
                self._close("stopped" if isinstance(error, Cancelled | KeyboardInterrupt) else "failed")
            raise
        self.team.on_first(lambda: self._close("done"))

    def _close(self, ending: Ending) -> None:
        if self.watch is None:
            return
        if ending != "failed":
            self.watch.examples(self.status.best_step, self.validation)
        self.watch.close(self.status.step, ending, {"psnr": self.status.best_score})
