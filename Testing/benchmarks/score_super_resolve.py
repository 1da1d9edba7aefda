"""Score super-resolution on whole scans of people that were not learned from, with and without a reference.

    # T2w in plane x4 with T1w
    python Testing/benchmarks/score_super_resolve.py --models fgdl-t1-t2-x4-brain iconet-t2-x4-brain \
        --data ms_1mm --subjects patient19 --target T2w --reference T1w --json in-plane.json [--write-cards]
    # T1w x2 along all axes, without a reference
    python Testing/benchmarks/score_super_resolve.py --models crfm-x2 \
        --data t1_brain --subjects sub-23 sub-24 sub-25 sub-26 --target T1w
    # T2w x4 along all axes, and slices that are too thick: the model's card says which
    python Testing/benchmarks/score_super_resolve.py --models crfm-x4 crfm-thick-x4 \
        --data ms_1mm --subjects patient19 --target T2w --reference T1w

Each scan is made coarse as the card of the model says (factors, degradation), and made fine again by the model and by
interpolation that keeps to the same alignment: sinc and cubic for truncated k-space, cubic for voxels whose edges stay.
A model that takes a reference gets none (if it can do without), the reference as it lies, the reference moved by 1 mm
and turned by 1 degree about its middle, and that with registration. Figures are those inside the mask, where the
reference, or the scan if there is none, exceeds 0.02 of its 99.9th percentile; the data range is that percentile of
the scan. `--write-cards` adds the tables to the models' cards, in place of those of the same data.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import SimpleITK as sitk
from safetensors.torch import load_file

from mrienhance.evaluation import evaluate_all
from mrienhance.evaluation.table import as_text
from mrienhance.images import Grid, IntensityScale, check_image, read_image, to_image, to_tensor
from mrienhance.methods import config_to_dict
from mrienhance.models import Model, load_model, save_model
from mrienhance.physics import DEGRADATIONS, cubic_upsample
from mrienhance.tasks.interpolate import interpolate
from mrienhance.tasks.simulate import simulate_low_resolution
from mrienhance.tasks.super_resolve import super_resolve
from mrienhance.training.volumes import Source, find_images

FIGURES = ("psnr_db", "ssim", "nmae")
MASK = 0.02
MOVED_MM, TURNED_DEGREES = 1.0, 1.0
Factors = tuple[int, int, int]
Row = dict[str, Any]


def main() -> None:
    args = arguments()
    models = [load_model(name) for name in args.models]
    sources = [source for source in find_images(args.data) if source.subject in args.subjects]
    results = []
    for kind in dict.fromkeys(degradation_of(model) for model in models):
        alike = [model for model in models if degradation_of(model) == kind]
        results += score_people(sources, alike, target=args.target, reference=args.reference)
    for result in results:
        print(f"\n{result['data']}: mean of {', '.join(result['subjects'])}\n{as_text(result['rows'])}")
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")
    if args.write_cards:
        for model in models:
            write_card(model, results)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", required=True)
    parser.add_argument("--data", nargs="+", type=Path, required=True)
    parser.add_argument("--subjects", nargs="+", required=True)
    parser.add_argument("--target", required=True, help="contrast that is made coarse, and fine again")
    parser.add_argument("--reference", help="contrast that helps")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write-cards", action="store_true")
    args = parser.parse_args()
    if args.reference == args.target:
        parser.error("the reference is of another contrast than the target, which would be seen as it is")
    return args


def degradation_of(model: Model) -> tuple[str, Factors]:
    """What a model undoes."""
    card = model.card
    i, j, k = card.factors
    return card.degradation, (i, j, k)


def score_people(
    sources: Sequence[Source], models: Sequence[Model], *, target: str, reference: str | None
) -> list[dict[str, Any]]:
    """A table for each data folder, of models that undo the same degradation."""
    kind, factors = degradation_of(models[0])
    rows: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    subjects: dict[str, list[str]] = defaultdict(list)
    for source in sources:
        if source.contrast != target:
            continue
        helps = [other for other in sources if belongs(other, source) and other.contrast == reference]
        helper = check_image(read_image(helps[0].path)) if helps else None
        image = check_image(read_image(source.path))
        found = score(image, helper, models, target=target, reference_name=reference)
        print(f"\n{source.root} {source.subject}, {target}, {kind} {factors}\n{as_text(found)}", flush=True)
        subjects[source.root].append(source.subject)
        for row in found:
            rows[source.root][row["method"]].append(row)
    what = f"{target} {kind} x{max(factors)} along {' '.join(axes_of(factors))}"
    what += f" with {reference}" if reference else ""
    return [
        {
            "data": f"{root}, {what}",
            "subjects": sorted(subjects[root]),
            "rows": [mean_of(method, each) for method, each in methods.items()],
        }
        for root, methods in rows.items()
    ]


def belongs(one: Source, other: Source) -> bool:
    return (one.folder, one.subject) == (other.folder, other.subject)


def axes_of(factors: Factors) -> list[str]:
    return [axis for axis, factor in zip("ijk", factors, strict=True) if factor > 1]


def mean_of(method: str, rows: Sequence[Row]) -> Row:
    return {"method": method, **{name: round(fmean(row[name] for row in rows), 4) for name in FIGURES}}


def score(
    image: sitk.Image, reference: sitk.Image | None, models: Sequence[Model], *, target: str, reference_name: str | None
) -> list[Row]:
    """One row a method and way to use it."""
    kind, factors = degradation_of(models[0])
    i, j, k = (size - size % factor for size, factor in zip(image.GetSize(), factors, strict=True))
    truth = image[:i, :j, :k]
    coarse = simulate_low_resolution(truth, factors=factors, degradation=kind)
    results = baselines(coarse, kind, factors)
    for model in models:
        for way, helper, register in ways(model, reference):
            options = {} if helper is None else {"reference": helper, "reference_contrast": reference_name}
            fine = super_resolve(coarse, model=model, contrast=target, register=register, **options).image
            results[f"{model.card.name}{way}"] = fine
    mask = inside(truth if reference is None else sitk.Resample(reference, truth, sitk.Transform(), sitk.sitkLinear))
    rows = evaluate_all(results, truth, mask=mask).rows
    return [{"method": row["method"], **{name: row[name] for name in FIGURES}} for row in rows]


def baselines(coarse: sitk.Image, kind: str, factors: Factors) -> dict[str, sitk.Image]:
    """Interpolation that keeps to the degradation's alignment."""
    alignment = DEGRADATIONS[kind].alignment
    if alignment == "sample":
        return interpolate(coarse, factors=factors)
    fine = cubic_upsample(to_tensor(coarse), factors[::-1], alignment=alignment)
    return {"cubic": to_image(fine, Grid.of(coarse).finer(factors, alignment=alignment), like=coarse)}


def ways(model: Model, reference: sitk.Image | None) -> list[tuple[str, sitk.Image | None, bool]]:
    """How a model can be used: what to add to its name, with which reference, registered or not."""
    card = model.card
    takes = model.method.reference(model.config) != "none"
    found: list[tuple[str, sitk.Image | None, bool]] = []
    if not card.reference_required:
        found.append((", no reference" if takes else "", None, False))
    if takes and reference is not None:
        off = moved(reference)
        found += [("", reference, False), (", reference moved", off, False)]
        found += [(", reference moved and registered", off, True)]
    return found


def moved(image: sitk.Image) -> sitk.Image:
    """The image some way off: moved and turned about its middle, without interpolation."""
    centre = image.TransformContinuousIndexToPhysicalPoint([(size - 1) / 2 for size in image.GetSize()])
    angle, shift = math.radians(TURNED_DEGREES), (MOVED_MM / math.sqrt(3),) * 3
    place = sitk.Euler3DTransform(centre, *(angle / math.sqrt(3),) * 3, shift)
    turned = sitk.Image(image)
    turned.SetOrigin(place.TransformPoint(image.GetOrigin()))
    columns = [place.TransformVector(image.GetDirection()[axis::3], (0.0, 0.0, 0.0)) for axis in range(3)]
    turned.SetDirection([columns[axis][row] for row in range(3) for axis in range(3)])
    return turned


def inside(image: sitk.Image) -> sitk.Image:
    """Where there is something."""
    values = to_tensor(image)
    return to_image((IntensityScale.of(values).apply(values) > MASK).float(), Grid.of(image), like=sitk.Cast(image, 1))


def write_card(model: Model, results: Sequence[dict[str, Any]]) -> None:
    """Put tables into the model's card, in place of earlier ones of the same data."""
    own = [
        result for result in results if any(row["method"].split(",")[0] == model.card.name for row in result["rows"])
    ]
    card = load_model(model.path).card
    kept = [table for table in card.to_dict()["results"] if table["data"] not in {result["data"] for result in own}]
    card = replace(card, results=[*kept, *own])
    config = config_to_dict(model.config)
    save_model(model.path, method=model.method.name, config=config, card=card, state=load_file(model.path))


if __name__ == "__main__":
    main()
