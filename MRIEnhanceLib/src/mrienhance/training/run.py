"""From a recipe and data folders to a model file: the headless training entry point."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import yaml
from lightning_fabric import Fabric
from torch import Tensor

from mrienhance.errors import OutputError, UsageError
from mrienhance.images.files import atomic_path
from mrienhance.methods.configs import config_to_dict
from mrienhance.methods.registry import get_method
from mrienhance.models import save_model
from mrienhance.training.bar import TrainingBar
from mrienhance.training.examples import ANY
from mrienhance.training.given import TrainingData
from mrienhance.training.prepared import with_split
from mrienhance.training.provenance import make_card
from mrienhance.training.recipe import DataSettings, Recipe, read_recipe
from mrienhance.training.start import Earlier, check_rest, read_earlier
from mrienhance.training.trainer import Status, Trainer
from mrienhance.training.volumes import SIMULATED, Source, find_images


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
    progress: bool = True,
) -> Path:
    """Train a method.

    Parameters
    ----------
    method
        Name of the method.
    data
        Folder of images, or of subjects with contrasts; several are drawn from by the recipe's weights.
    output
        Run folder; it gets ``recipe.yaml``, ``log.csv``, ``preview/``, ``state.safetensors`` and the models
        ``best.safetensors`` and ``last.safetensors``.
    config
        Recipe (YAML); the method's defaults without one.
    start_from
        Model files of the same method whose weights the network starts with; where several have a weight, the last
        counts. What they lack starts as ever, but what does not learn must not be lacking.
    resume
        Go on where the run in `output` stopped; it then equals a run that was never stopped, bit for bit.
    overrides
        Dotted name of a recipe's value to the value that replaces it.
    accelerator, devices, nodes
        As in Lightning Fabric: what to train on, how many of them, on how many machines.
    progress
        Whether to draw a progress bar.

    Returns
    -------
    Path
        The model with the best validation score.

    Raises
    ------
    UsageError
        If recipe or data cannot be used, or a part of the network that does not learn has no weights to start with.
    OutputError
        If `output` holds another run and `resume` is not set, or no run to resume.
    """
    recipe = read_recipe(method, config, overrides=overrides)
    found = _wanted(
        find_images([data] if isinstance(data, Path) else list(data), simulate=recipe.data.simulate), recipe
    )
    recipe = replace(recipe, data=_with_validation(with_split(recipe.data, found), found))
    earlier = read_earlier(recipe, start_from)
    if not resume:  # a run that is resumed has all its weights
        check_rest(recipe, earlier)
    volumes = TrainingData(recipe, found)
    _prepare_folder(output, recipe, resume=resume)
    precision = _precision(recipe.training.precision)
    fabric = Fabric(accelerator=accelerator, devices=devices, num_nodes=nodes, precision=precision)
    fabric.launch()
    with TrainingBar(recipe.training.steps, shown=progress and fabric.is_global_zero) as bar:
        volumes.load(bar.reading)
        trainer = _trainer(fabric, recipe, volumes, output, earlier)
        if resume:
            trainer.resume()
        trainer.fit(bar.training)
    return output / "best.safetensors"


def _trainer(fabric: Fabric, recipe: Recipe, volumes: TrainingData, output: Path, earlier: Earlier) -> Trainer:
    started = time.monotonic()

    def save(stem: str, weights: Mapping[str, Tensor], status: Status) -> None:
        minutes = (time.monotonic() - started) / 60
        card = make_card(
            recipe, volumes.used, status, device=str(fabric.device), minutes=minutes, started_from=earlier.origins
        )
        path, config = output / f"{stem}.safetensors", config_to_dict(recipe.model)
        state = _stored(weights, half=recipe.training.weights == "float16")
        save_model(path, method=recipe.method, config=config, card=card, state=state)

    return Trainer(
        fabric,
        method=get_method(recipe.method),
        recipe=recipe,
        source=volumes.source(),
        validation=volumes.validation_images(),
        folder=output,
        save_model=save,
        weights=earlier.weights,
    )


def _stored(weights: Mapping[str, Tensor], *, half: bool) -> dict[str, Tensor]:
    """The weights as a file holds them."""
    plain = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    return {name: value.half() if half and value.is_floating_point() else value for name, value in plain.items()}


def _wanted(found: Sequence[Source], recipe: Recipe) -> list[Source]:
    """Those of the contrasts that the objective learns from, or of its any contrast those that the recipe names."""
    contrasts = get_method(recipe.method).objective(recipe.model).contrasts
    chosen = recipe.data.contrasts if contrasts == ANY else contrasts
    wanted = [source for source in found if not chosen or source.contrast in (*chosen, SIMULATED)]
    if not wanted:
        raise UsageError(f"no image is {' or '.join(chosen)}", hint="name the files by contrast, as in sub-01_T1w")
    return wanted


def _with_validation(settings: DataSettings, found: Sequence[Source]) -> DataSettings:
    """Settings whose validation subjects exist; without any, the last tenth of the subjects (one at least)."""
    subjects = sorted({source.subject for source in found} - set(settings.held_out))
    scanned = sorted({source.subject for source in found if source.contrast != SIMULATED} - set(settings.held_out))
    missing = sorted(set(settings.validation) - set(subjects))
    if missing:
        hint = "name subjects of the data folders in data.validation"
        raise UsageError(f"no images of the validation subject {missing[0]!r}", hint=hint)
    if settings.validation:
        return settings
    if len(subjects) < 2:  # a simulated one can be learned from, and a scanned one be judged by
        hint = "a second subject is needed to see whether the first one teaches anything"
        raise UsageError(f"one subject alone, {', '.join(subjects)}, cannot be learned from", hint=hint)
    judged = scanned or subjects
    return replace(settings, validation=tuple(judged[-max(1, round(len(judged) / 10)) :]))


def _prepare_folder(output: Path, recipe: Recipe, *, resume: bool) -> None:
    state, note = output / "state.safetensors", output / "recipe.yaml"
    if resume and not state.is_file():
        raise OutputError(f"nothing to resume in {output}", hint="leave out --resume to start there")
    if not resume and output.is_dir() and any(output.iterdir()):
        raise OutputError(f"{output} is not empty", hint="choose a new folder, or go on with --resume")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot make {output}: {error.strerror}", hint="choose a folder that you may write to"
        ) from None
    with atomic_path(note, overwrite=True) as temporary:
        temporary.write_text(yaml.safe_dump(recipe.to_dict(), sort_keys=False), encoding="utf-8")


def _precision(wanted: str) -> Any:
    """Fabric's name of a precision; ``"auto"`` is bfloat16 on a GPU that multiplies it, else float32."""
    if wanted != "auto":
        return wanted
    return "bf16-mixed" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "32-true"
