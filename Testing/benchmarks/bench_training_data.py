"""How much of a training step is spent waiting for images, by recipe and by number of threads that draw ahead.

    python Testing/benchmarks/bench_training_data.py [RECIPE.yaml ...] [--data DIR] [--accelerator cuda] [--steps 8]

Without recipes, one of each method. DIR holds the folders that a recipe's card names; without it scans and heads of the
same size are made up, since what they show does not change what they cost. Of each folder the first --people are read.
`waits` is the time for which the network had nothing to do over that of the step, `draws` what one thread needs for the
images of a step. On the CPU drawing ahead takes cores from the network: what counts there is seconds per step; on a GPU
images are degraded there, and the goal is to wait for 5 % of the time at most.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
METHODS = ROOT / "MRIEnhanceLib" / "src" / "mrienhance" / "methods"
RECIPES = (
    "iconet/recipes/iconet-x2.yaml",
    "crfm/recipes/crfm-x2.yaml",
    "unified_gan/recipes/unified-gan-brain.yaml",
    "fgdl/recipes/fgdl-t1-t2-brain.yaml",
    "lf_mri/recipes/lf-mri-brain.yaml",
)
GOAL = 0.05


def main() -> None:
    args = arguments()
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as made_up:
        root = args.data or make_up(Path(made_up))
        for path in args.recipes:
            print(f"reading for {path.stem}", file=sys.stderr)
            found += measure(path, root, args)
    print(as_table(found))
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"\nwritten to {args.json}")


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", type=Path, nargs="*", default=[METHODS / name for name in RECIPES])
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of the recipes' data folders")
    parser.add_argument("--people", type=int, default=2, help="how many of each folder are read")
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=6, help="steps that are measured, after two that are not")
    parser.add_argument("--json", type=Path, default=ROOT / "runs" / "bench" / "training_data.json")
    return parser.parse_args(given)


def measure(path: Path, root: Path, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Seconds of a step, and of waiting, with each number of threads."""
    import yaml

    from mrienhance.training.given import TrainingData
    from mrienhance.training.launch import make_fabric
    from mrienhance.training.parallel import Team
    from mrienhance.training.recipe import read_recipe
    from mrienhance.training.run import _precision

    method = yaml.safe_load(path.read_text())["method"]
    free = {"data.validation": [], "data.held_out": [], "data.weights": []}
    recipe = read_recipe(method, path, overrides=free)
    sources = some_sources(recipe, root, args.people)
    volumes = TrainingData(replace(recipe, data=replace(recipe.data, validation=("nobody",))), sources)
    volumes.load(lambda done, total, name: None)
    precision = _precision(recipe.training.precision)
    fabric = make_fabric(accelerator=args.accelerator, devices=1, nodes=1, strategy="auto", precision=precision)
    team, source = Team(fabric), volumes.source()
    return [
        {"recipe": path.stem, "workers": workers, **steps(fabric, team, recipe, source, workers, args.steps)}
        for workers in args.workers
    ]


def some_sources(recipe: Any, root: Path, people: int) -> list[Any]:
    """Images of the first people of each folder that the recipe's card names and `root` has."""
    from mrienhance.training.given import wanted
    from mrienhance.training.volumes import find_images

    named = [entry["folder"] for entry in recipe.card.get("data", [])]
    folders = [root / name for name in named if (root / name).is_dir()] or [root]
    there = [name for name in recipe.data.simulate if name in [folder.name for folder in folders]]
    found = wanted(find_images(folders, simulate=there), recipe)
    order = {key: number for number, key in enumerate(dict.fromkeys((each.folder, each.subject) for each in found))}
    first = {folder: min(order[key] for key in order if key[0] == folder) for folder, _ in order}
    return [each for each in found if order[each.folder, each.subject] < first[each.folder] + people]


def steps(fabric: Any, team: Any, recipe: Any, source: Any, workers: int, count: int) -> dict[str, float]:
    """Take some steps as the trainer does."""
    from mrienhance.methods.registry import get_method
    from mrienhance.training.batches import Batches
    from mrienhance.training.feed import Feed, Meter
    from mrienhance.training.learner import Learner

    method = get_method(recipe.method)
    objective = method.objective(recipe.model).to(fabric.device)
    network = method.build(recipe.model)
    learner = Learner(fabric, team, objective=objective, network=network, settings=recipe.training)
    batches = Batches(
        **{"objective": objective, "source": source, "sampling": recipe.sampling, "seed": 0, "parts": 1},
        **{"rank": 0, "processes": 1, "device": fabric.device},
    )
    began = time.monotonic()
    batches.ahead(0)
    draws = time.monotonic() - began
    # As far on as a recipe's last quarter: by then all parts of a network learn.
    start = recipe.training.steps * 3 // 4
    with Feed(batches.ahead, workers=workers, start=start, stop=start + count + 2) as feed:
        for step in range(start, start + 2):
            learner.learn(batches.ready(feed.take(step)), step)
        meter = Meter(feed, 0)
        for step in range(start + 2, start + count + 2):
            terms = learner.learn(batches.ready(feed.take(step)), step)
        float(next(iter(terms.values())))  # a GPU has computed when it tells a number
        read = meter.read(count)
    return {"draws": draws, "step": read["seconds/step"], "waits": read["seconds/data"] / read["seconds/step"]}


def make_up(root: Path) -> Path:
    """Folders with the names that recipes know: two people with four contrasts, and two heads of labels."""
    import numpy as np
    import SimpleITK as sitk

    labels = {1.0: 511, 0.92: 515, 0.84: 24, 0.78: 3, 0.7: 2, 0.25: 4}
    axes = np.meshgrid(*[np.linspace(-1.1, 1.1, side) for side in (160, 216, 180)], indexing="ij")
    radius = np.sqrt(sum(axis**2 for axis in axes))
    texture = 1 + 0.2 * np.sin(14 * axes[0]) * np.sin(17 * axes[1]) * np.sin(19 * axes[2])
    head = np.zeros(radius.shape, np.uint8 if max(labels.values()) < 256 else np.uint16)
    for bound, label in labels.items():
        head[radius < bound] = label
    for person in ("a", "b"):
        for folder in ("ms_1mm", "ms_native", "ms_native_pairs", "t1_brain"):
            (root / folder / person).mkdir(parents=True)
            for number, name in enumerate(("t1", "t1c", "t2", "flair")):
                image = (100 + 40 * number) * texture * (radius < 0.8)
                path = root / folder / person / f"{name}.nrrd"
                sitk.WriteImage(sitk.GetImageFromArray(image.astype(np.float32)), str(path))
        (root / "label_maps").mkdir(exist_ok=True)
        sitk.WriteImage(sitk.GetImageFromArray(head), str(root / "label_maps" / f"{person}.nrrd"))
    return root


def as_table(found: list[dict[str, Any]]) -> str:
    lines = ["| recipe | workers | draws [s] | step [s] | waits |", "|:--|--:|--:|--:|--:|"]
    for row in found:
        mark = "" if row["waits"] <= GOAL else " (above 5 %)"
        numbers = f"{row['draws']:.3f} | {row['step']:.3f} | {100 * row['waits']:.1f} %{mark}"
        lines.append(f"| {row['recipe']} | {row['workers']} | {numbers} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
