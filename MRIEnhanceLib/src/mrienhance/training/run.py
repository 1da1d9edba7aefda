"""From a recipe and data folders to a model file: the headless training entry point."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import yaml
from lightning_fabric import Fabric
from torch import Tensor

from mrienhance.errors import OutputError
from mrienhance.images.files import atomic_path
from mrienhance.methods.configs import config_to_dict
from mrienhance.methods.registry import get_method
from mrienhance.models import save_model
from mrienhance.training.bar import TrainingBar
from mrienhance.training.diary import data_of
from mrienhance.training.given import TrainingData, wanted, with_validation
from mrienhance.training.launch import make_fabric
from mrienhance.training.learner import check_shares
from mrienhance.training.parallel import Team
from mrienhance.training.prepared import with_split
from mrienhance.training.provenance import make_card
from mrienhance.training.recipe import Recipe, read_recipe
from mrienhance.training.resume import check_same, run_facts
from mrienhance.training.start import Earlier, check_rest, read_earlier
from mrienhance.training.state import State
from mrienhance.training.states import newest_state, saved_states, state_of, sweep
from mrienhance.training.trainer import Status, Trainer
from mrienhance.training.volumes import Source, find_images
from mrienhance.training.watch import LOGS, Tell


def train(
    method: str,
    *,
    data: Path | Sequence[Path],
    output: Path,
    config: Path | None = None,
    start_from: Sequence[Path] = (),
    resume: bool = False,
    overrides: Mapping[str, Any] | None = None,
    accelerator: str = "auto",
    devices: int | str = "auto",
    nodes: int = 1,
    strategy: str = "auto",
    precision: str | None = None,
    accumulate: int | None = None,
    workers: int | None = None,
    logs: Sequence[str] = LOGS,
    progress: bool = True,
    warn: Callable[[str], None] = lambda message: None,
) -> Path:
    """Train a method.

    With several devices the calling program runs once for each (Fabric starts others, unless torchrun or SLURM did);
    all these processes call this function alike, and train as one.

    Parameters
    ----------
    method
        Name of the method.
    data
        Folder of images, or of subjects with contrasts; several are drawn from by the recipe's weights.
    output
        Run folder: recipe, logs, previews, report, the last two ``states/``, best and last model.
    config
        Recipe (YAML). Without one, a run that is resumed keeps its own, and a new one has the method's defaults.
    start_from
        Model files of the method to start with; the last counts. What does not learn must not be lacking.
    resume
        Go on where the run in `output` stopped; it then equals one that was not stopped, bit for bit (see `FREE`).
    overrides
        Dotted name of a recipe's value to the value that replaces it.
    accelerator, devices, nodes, strategy
        As in Lightning Fabric, found where torchrun or SLURM started it; ``"fsdp"`` shares networks out, others copy.
    precision, accumulate, workers
        In place of the recipe's (`TrainingSettings`).
    logs, progress, warn
        Those of `LOGS` that are wanted; whether to show how far it is (`TrainingBar`); told what was passed over.

    Returns
    -------
    Path
        The best model.

    Raises
    ------
    UsageError
        If recipe, data, devices or weights to start with cannot be used, or a recipe has changed in between.
    OutputError
        If `output` holds another run and `resume` is not set, or none to resume; or if it cannot be written to.
    Cancelled
        If the process is asked to stop (Ctrl-C, SIGTERM, SIGUSR1); the state is saved. In others: `Elsewhere`.
    """
    overrides = _changes(overrides, precision=precision, accumulate=accumulate, workers=workers)
    recipe, found, earlier = _asked(method, data, config or _own_recipe(output, resume), overrides, start_from)
    volumes, precision = TrainingData(recipe, found), _precision(recipe.training.precision)
    fabric = make_fabric(accelerator=accelerator, devices=devices, nodes=nodes, strategy=strategy, precision=precision)
    fabric.launch()
    team = Team(fabric, sharded=strategy == "fsdp")
    tell = Tell(data_of(recipe, found), logs, progress, warn)
    _train(fabric, team, recipe, volumes, output, earlier, resume=resume, tell=tell)
    return output / "best.safetensors"


def _changes(overrides: Mapping[str, Any] | None, **settings: Any) -> dict[str, Any]:
    """What replaces values of a recipe."""
    return {**(overrides or {}), **{f"training.{name}": value for name, value in settings.items() if value is not None}}


def _train(
    fabric: Fabric,
    team: Team,
    recipe: Recipe,
    volumes: TrainingData,
    output: Path,
    earlier: Earlier,
    *,
    resume: bool,
    tell: Tell,
) -> None:
    """Train, once all processes are there."""
    if not resume:  # a run that is resumed has all its weights
        team.on_first(lambda: check_rest(recipe, earlier))
    if team.sharded:
        team.on_first(lambda: check_shares(_learning(recipe)))
    facts = run_facts(recipe, volumes.used, processes=team.size, origins=earlier.origins)
    state = _state(team, output, tell.warn) if resume else None
    if state is not None:
        before = state
        team.on_first(lambda: check_same(before, recipe, facts))
        facts["started_from"] = state.facts.get("started_from", facts["started_from"])
    team.on_first(lambda: _make_folder(output, resume=resume))
    with TrainingBar(recipe.training.steps, shown=tell.progress and team.first) as bar:
        team.together(lambda: volumes.load(bar.reading))
        # Not before: a folder that holds nothing to go on from would only be in the way of the next try.
        team.on_first(lambda: _write_recipe(output, recipe))
        trainer = _trainer(fabric, team, recipe, volumes, output, earlier, facts, tell)
        if state is not None:
            trainer.resume(state)
        trainer.fit(bar.training)
    team.close()


def _learning(recipe: Recipe) -> list[str]:
    """The names of the modules that learn; none is made."""
    method = get_method(recipe.method)
    with torch.device("meta"):
        return list(method.objective(recipe.model).trained(method.build(recipe.model)))


def _asked(
    method: str, data: Path | Sequence[Path], config: Path | None, overrides: Mapping[str, Any], start: Sequence[Path]
) -> tuple[Recipe, list[Source], Earlier]:
    """The recipe, with subjects to validate with; the images; the weights to start with."""
    recipe = read_recipe(method, config, overrides=overrides)
    folders = [data] if isinstance(data, Path) else list(data)
    found = wanted(find_images(folders, simulate=recipe.data.simulate, measured=recipe.scans.measured), recipe)
    recipe = replace(recipe, data=with_validation(with_split(recipe.data, found), found))
    make_card(recipe, found, Status(), device="", minutes=0.0)  # it can be made: known now, not after hours
    return recipe, found, read_earlier(recipe, start)


def _own_recipe(output: Path, resume: bool) -> Path | None:
    """The recipe that a run to be resumed has written."""
    note = output / "recipe.yaml"
    return note if resume and note.is_file() else None


def _state(team: Team, output: Path, warn: Callable[[str], None]) -> State:
    """The state to go on from: the latest that is whole, the same one for all processes."""
    state = team.on_first(lambda: newest_state(output, warn))
    step = int(team.agreed([float(state.facts["status"]["step"]) if state is not None else 0.0])[0])
    return team.together(lambda: state if state is not None else state_of(output, step))


def _trainer(
    fabric: Fabric,
    team: Team,
    recipe: Recipe,
    volumes: TrainingData,
    output: Path,
    earlier: Earlier,
    facts: Mapping[str, Any],
    tell: Tell,
) -> Trainer:
    device = f"{team.size} x {fabric.device.type}" if team.size > 1 else str(fabric.device)
    method = get_method(recipe.method)
    baseline = method.objective(recipe.model).baseline

    def save(stem: str, weights: Mapping[str, Tensor], status: Status) -> None:
        origins, minutes = facts["started_from"], status.seconds / 60
        results = trainer.watch.results(baseline) if trainer.watch else ()
        known: dict[str, Any] = {"minutes": minutes, "started_from": origins, "results": results}
        card = make_card(recipe, volumes.used, status, device=device, **known)
        path, config = output / f"{stem}.safetensors", config_to_dict(recipe.model)
        state = _stored(weights, half=recipe.training.weights == "float16")
        save_model(path, method=recipe.method, config=config, card=card, state=state)

    trainer = Trainer(
        fabric,
        team,
        method=method,
        recipe=recipe,
        source=volumes.source(),
        validation=volumes.validation_images(),
        folder=output,
        watch=lambda resumed_at: tell.open(output, recipe, device=device, resumed_at=resumed_at),
        save_model=save,
        weights=earlier.weights,
        facts=facts,
    )
    return trainer


def _stored(weights: Mapping[str, Tensor], *, half: bool) -> dict[str, Tensor]:
    """The weights as a file holds them."""
    plain = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    return {name: value.half() if half and value.is_floating_point() else value for name, value in plain.items()}


def _make_folder(output: Path, *, resume: bool) -> None:
    if not resume and output.is_dir() and any(output.iterdir()):
        other = ", or go on with --resume" if saved_states(output) else ""
        raise OutputError(f"{output} is not empty", hint=f"choose a new folder{other}")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot make {output}: {error.strerror}", hint="choose a folder that you may write to"
        ) from None


def _write_recipe(output: Path, recipe: Recipe) -> None:
    sweep(output)
    with atomic_path(output / "recipe.yaml", overwrite=True) as temporary:
        temporary.write_text(yaml.safe_dump(recipe.to_dict(), sort_keys=False), encoding="utf-8")


def _precision(wanted: str) -> Any:
    """Fabric's name of a precision; ``"auto"`` is bfloat16 on a GPU that multiplies it, else float32."""
    if wanted != "auto":
        return wanted
    return "bf16-mixed" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "32-true"
