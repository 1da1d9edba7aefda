"""Score in-plane super-resolution models on whole scans of subjects that they have not seen.

    python Testing/benchmarks/score_super_resolution.py --models iconet-x2 runs/edsr-x2/best.safetensors \
        --data t1_brain ms_1mm --subjects sub-23 sub-24 sub-25 sub-26 patient19 --json scores.json [--write-cards]

Each scan is made coarse by k-space truncation in plane, made fine again by each model and by sinc and cubic
interpolation aligned with it, and compared with the scan inside the mask scan > 0.02 of its 99.9th percentile.
`--write-cards` puts the mean figures into the cards of the models.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import SimpleITK as sitk
from safetensors.torch import load_file

from mrienhance.evaluation import evaluate_all
from mrienhance.evaluation.table import as_text
from mrienhance.images import check_image, read_image
from mrienhance.methods import config_to_dict
from mrienhance.models import Model, load_model, save_model
from mrienhance.tasks.interpolate import interpolate
from mrienhance.tasks.simulate import simulate_low_resolution
from mrienhance.tasks.super_resolve import super_resolve
from mrienhance.training.volumes import find_images

FIGURES = ("psnr_db", "ssim", "nmae")


def main() -> None:
    args = arguments()
    models = [load_model(name) for name in args.models]
    sources = [source for source in find_images(args.data) if source.subject in args.subjects]
    scores: dict[tuple[int, str], dict[str, list[dict[str, float]]]] = defaultdict(lambda: defaultdict(list))
    for source in sources:
        image = check_image(read_image(source.path))
        for scale in sorted({model.card.scale for model in models}):
            rows = score(image, [model for model in models if model.card.scale == scale], scale)
            print(f"\n{source.subject} {source.contrast} x{scale}\n{as_text(rows)}", flush=True)
            for row in rows:
                scores[scale, f"{source.root} {source.contrast}"][row["method"]].append({f: row[f] for f in FIGURES})
    results = [summary(scale, group, rows, sources) for (scale, group), rows in scores.items()]
    for result in results:
        print(f"\nx{result['scale']}, {result['data']}: mean of {', '.join(result['subjects'])}")
        print(as_text(result["rows"]))
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")
    if args.write_cards:
        for model in models:
            write_card(model, [result for result in results if result["scale"] == model.card.scale])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", required=True)
    parser.add_argument("--data", nargs="+", type=Path, required=True)
    parser.add_argument("--subjects", nargs="+", required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write-cards", action="store_true")
    return parser.parse_args()


def score(image: sitk.Image, models: list[Model], scale: int) -> list[dict[str, Any]]:
    """One row a method."""
    columns, rows = (size - size % scale for size in image.GetSize()[:2])
    truth = image[:columns, :rows]
    coarse = simulate_low_resolution(truth, factors=(scale, scale, 1))
    results = interpolate(coarse, factors=(scale, scale, 1))
    for model in models:
        results[model.card.name] = super_resolve(coarse, model=model).image
    return evaluate_all(results, truth).rows


def summary(scale: int, group: str, rows: dict[str, list[dict[str, float]]], sources: list[Any]) -> dict[str, Any]:
    """Mean figures of a data set, contrast and scale."""
    subjects = sorted({source.subject for source in sources if f"{source.root} {source.contrast}" == group})
    mean = [
        {"method": method, **{name: round(fmean(row[name] for row in each), 4) for name in FIGURES}}
        for method, each in rows.items()
    ]
    return {"data": group, "scale": scale, "subjects": subjects, "rows": mean}


def write_card(model: Model, results: list[dict[str, Any]]) -> None:
    """Put the results into the model's card, next to nothing else changed."""
    plain = [{name: value for name, value in result.items() if name != "scale"} for result in results]
    card = replace(model.card, results=plain)
    config = config_to_dict(model.config)
    save_model(model.path, method=model.method.name, config=config, card=card, state=load_file(model.path))


if __name__ == "__main__":
    main()
