"""Score synthesizing models on a person that they have not seen, against regression on the intensity alone.

    python Testing/benchmarks/score_synthesis.py --models unified-gan-brain runs/unet-brain/best.safetensors \
        --fit ms_1mm/patient07 --test ms_1mm/patient19 --to T2w FLAIR T1c --json scores.json [--write-cards]

The brain mask is where the source exceeds 0.02 of its 99.9th percentile. The regression is E[target | intensity of the
source] over 256 intensities, of all voxels in the masks of the people named by --fit: all that can be known without
looking at more than one voxel. Every image is in the unit of synthetic ones: 1000 is the 99.9th percentile of a scan.
`--write-cards` puts the figures into the cards of the models.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from safetensors.torch import load_file

from mrienhance.evaluation import evaluate_synthetic
from mrienhance.evaluation.synthetic import SYNTHETIC_PEAK, in_synthetic_unit
from mrienhance.evaluation.table import as_text
from mrienhance.images import read_image
from mrienhance.methods import config_to_dict
from mrienhance.models import Model, load_model, save_model
from mrienhance.tasks.synthesize import synthesize
from mrienhance.training.volumes import find_images

FIGURES = ("psnr_db", "ssim", "nmae", "vif", "niqe")
REGRESSION = "regression on the intensity"
BINS, MASK = 256, 0.02


def main() -> None:
    args = arguments()
    models = [load_model(name) for name in args.models]
    tested, fitted = scans(args.test), [scans(folder) for folder in args.fit]
    results = [score(tested, fitted, models, args.source, target) for target in args.to]
    for result in results:
        print(f"\n{args.test.name}, {result['data']}\n{as_text(result['rows'])}")
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")
    if args.write_cards:
        for model in models:
            write_card(model, args.test.name, results)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="*", default=[])
    parser.add_argument("--fit", nargs="+", type=Path, required=True, help="folders of people that were learned from")
    parser.add_argument("--test", type=Path, required=True, help="folder of a person that was not")
    parser.add_argument("--source", default="T1w")
    parser.add_argument("--to", nargs="+", default=["T2w", "FLAIR"])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write-cards", action="store_true")
    return parser.parse_args()


def scans(folder: Path) -> dict[str, sitk.Image]:
    """The scans of a person by contrast, in the unit of synthetic images."""
    found = [source for source in find_images([folder.parent]) if source.subject == folder.name]
    return {source.contrast: in_synthetic_unit(read_image(source.path))[0] for source in found}


def score(
    tested: dict[str, sitk.Image],
    fitted: Sequence[dict[str, sitk.Image]],
    models: Sequence[Model],
    source: str,
    target: str,
) -> dict[str, Any]:
    """A row a method, inside the brain mask, and whole frames beside them."""
    image, truth = tested[source], tested[target]
    results = {REGRESSION: regression(image, [each for each in fitted if target in each], source, target)}
    for model in models:
        if target in model.card.contrasts_out:
            results[model.card.name] = synthesize(image, source=source, to=target, model=model).image
    mask = sitk.Cast(image > MASK * SYNTHETIC_PEAK, sitk.sitkUInt8)
    evaluation = evaluate_synthetic(results, truth, contrast=target, mask=mask)
    rows = [{"method": row["method"], **{name: round(row[name], 4) for name in FIGURES}} for row in evaluation.rows]
    frames = {name: figures.to_dict()["whole_frame"] for name, figures in (evaluation.synthetic or {}).items()}
    return {"data": f"{source} to {target}", "rows": rows, "whole_frame": frames}


def regression(image: sitk.Image, fitted: Sequence[dict[str, sitk.Image]], source: str, target: str) -> sitk.Image:
    """The mean target of the source's intensity, which is taken to the nearest of `BINS`."""
    total, count = np.zeros(BINS), np.zeros(BINS)
    for person in fitted:
        places, mask = binned(person[source])
        total += np.bincount(places[mask], sitk.GetArrayFromImage(person[target])[mask], BINS)
        count += np.bincount(places[mask], minlength=BINS)
    known = np.flatnonzero(count)
    table = np.interp(np.arange(BINS), known, total[known] / count[known])
    places, mask = binned(image)
    made = sitk.GetImageFromArray(np.where(mask, table[places], 0).astype(np.float32))
    made.CopyInformation(image)
    return made


def binned(image: sitk.Image) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Numbers of intensities, and the mask."""
    values = sitk.GetArrayFromImage(image) / SYNTHETIC_PEAK
    return (values * (BINS - 1)).round().clip(0, BINS - 1).astype(np.int64), values > MASK


def write_card(model: Model, subject: str, results: Sequence[dict[str, Any]]) -> None:
    """Put the results into the model's card, next to nothing else changed."""
    tables = [
        {"data": result["data"], "subjects": [subject], "rows": result["rows"]}
        for result in results
        if any(row["method"] == model.card.name for row in result["rows"])
    ]
    config = config_to_dict(model.config)
    card = replace(model.card, results=tables)
    save_model(model.path, method=model.method.name, config=config, card=card, state=load_file(model.path))


if __name__ == "__main__":
    main()
