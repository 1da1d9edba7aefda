"""Score reconstruction models on scans that they have not seen: raw k-space, and simulated ones of slices with lesions.

    python Testing/benchmarks/score_reconstruction.py --models lf-mri-brain runs/twin/best.safetensors \
        --raw mprage_4ch_full.mat --lesions ms_1mm/patient19 --contrasts flair t2 --json scores.json [--write-cards]

Raw data (MATLAB's `kData`, (x, y, coil), fully sampled) lose samples by twelve masks: random and equispaced lines with
8 % of them in the centre, along both axes, and Poisson discs. Slices with lesions (a mask named `lesions` lies beside
the contrasts) are scanned by eight simulated coils, fourfold by random lines, each with a mask of its own. All methods
get the same samples and the same ESPIRiT maps from them. Whole images are compared inside the mask truth > 0.02 of its
99.9th percentile, which is the data range; lesions box by box, as LF-PSNR and LF-SSIM. Gains are over the last model,
slice by slice, with their standard errors. `--write-cards` puts the figures into the models' cards.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import SimpleITK as sitk
from safetensors.torch import load_file
from scipy.io import loadmat

from mrienhance import read_kspace, reconstruct, simulate_kspace
from mrienhance.evaluation import evaluate_all
from mrienhance.evaluation.lesion_metrics import evaluate_lesions
from mrienhance.evaluation.lesions import Box, boxes_of_mask
from mrienhance.evaluation.table import as_text
from mrienhance.images import check_image, read_image
from mrienhance.kspace import KSpace
from mrienhance.methods import config_to_dict
from mrienhance.models import Model, load_model, save_model
from mrienhance.tasks.retrospective import undersample

CLASSICAL = ("zero-filled", "cg-sense", "l1-wavelet", "total-variation")
MASKS = [(kind, along, seed) for kind in ("random-lines", "equispaced-lines") for along in "ij" for seed in (0, 1)]
MASKS += [("poisson-disc", "i", seed) for seed in range(4)]
FIGURES = ("psnr_db", "ssim", "nmae", "lf_psnr_db", "lf_ssim")
SCAN: dict[str, Any] = {"coils": 8, "acceleration": 4, "sampling": "random-lines", "snr": 50, "phase": 1.0}

Row = dict[str, Any]


def main() -> None:
    args = arguments()
    models = [load_model(name) for name in args.models]
    results = []
    if args.raw:
        results += score_raw(read_mat(args.raw), models, args)
    for contrast in args.contrasts if args.lesions else ():
        results.append(score_lesions(args.lesions, contrast, models, args))
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")
    if args.write_cards:
        for model in models:
            write_card(model, results)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="*", default=[])
    parser.add_argument("--raw", type=Path)
    parser.add_argument("--acceleration", type=float, default=4.0)
    parser.add_argument("--lesions", type=Path)
    parser.add_argument("--contrasts", nargs="+", default=["flair", "t2"])
    parser.add_argument("--every", type=int, default=1, help="of the slices with lesions")
    parser.add_argument("--classical", nargs="*", default=list(CLASSICAL))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write-cards", action="store_true")
    return parser.parse_args()


def read_mat(path: Path) -> KSpace:
    """A fully sampled slice of MATLAB's `kData` (x, y, coil)."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "kspace.npy")
        np.save(file, np.ascontiguousarray(loadmat(path)["kData"].transpose(2, 0, 1), dtype=np.complex64))
        return read_kspace(file)


def score_raw(full: KSpace, models: Sequence[Model], args: argparse.Namespace) -> list[Row]:
    """One table a kind of mask."""
    truth = reconstruct(full, model="zero-filled", maps=(), device="cpu").image
    rows: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for kind, along, seed in MASKS:
        fewer = undersample(full, acceleration=args.acceleration, sampling=kind, lines_along=along, seed=seed)
        found = {name: image for name, (image, _) in everything(fewer, models, args.classical).items()}
        peak = float(sitk.GetArrayViewFromImage(truth).max())
        for row in evaluate_all(found, truth).rows:
            rows[kind][row["method"]].append(
                {**plain(row), "psnr_max_db": whole_psnr(found[row["method"]], truth, peak)}
            )
    results = []
    for kind, scores in rows.items():
        results.append(summary(f"{args.raw.stem}, {args.acceleration:g}x {kind}", scores))
    return results


def whole_psnr(image: sitk.Image, truth: sitk.Image, peak: float) -> float:
    """PSNR of the whole frame with the truth's maximum as the peak, as many papers have it."""
    difference = sitk.GetArrayFromImage(image) - sitk.GetArrayFromImage(truth)
    return float(10 * np.log10(peak**2 / np.mean(difference.astype(np.float64) ** 2)))


def score_lesions(folder: Path, contrast: str, models: Sequence[Model], args: argparse.Namespace) -> Row:
    """Scan each slice that has lesions on its own, with a mask of its own."""
    image = check_image(read_image(named(folder, contrast)))
    lesions = read_image(named(folder, "lesions"))
    boxes = boxes_of_mask(lesions)
    rows: dict[str, list[Row]] = defaultdict(list)
    for k in sorted({box.slice for box in boxes})[:: args.every]:
        truth = image[:, :, k : k + 1]
        here = [replace(box, slice=0) for box in boxes if box.slice == k]
        kspace = simulate_kspace(truth, **SCAN, seed=k)
        found = everything(kspace, models, args.classical)
        images = {name: pair[0] for name, pair in found.items()}
        lesion = evaluate_lesions(images, truth, here)
        for row in evaluate_all(images, truth).rows:
            name = row["method"]
            each = {"slice": k, "boxes": len(here), **plain(row), **lesion_figures(lesion.metrics[name], here)}
            attention = found[name][1].get("attention")
            if attention is not None:
                each |= pointing(attention, here)
            rows[name].append(each)
    name = f"{folder.name} {contrast}, slices with lesions, 8 coils, 4x random lines"
    return summary(name, rows, base=models[-1].card.name if models else "")


def lesion_figures(metrics: Any, boxes: Sequence[Box]) -> Row:
    return {"lf_psnr_db": metrics.lf_psnr_db, "lf_ssim": metrics.lf_ssim}


def pointing(attention: sitk.Image, boxes: Sequence[Box]) -> Row:
    """Whether the attention is strongest in a lesion's box."""
    values = sitk.GetArrayFromImage(attention)[0]
    row, column = np.unravel_index(values.argmax(), values.shape)
    hit = any(b.row <= row < b.row + b.rows and b.column <= column < b.column + b.columns for b in boxes)
    return {"pointing": float(hit)}


def everything(
    kspace: KSpace, models: Sequence[Model], classical: Sequence[str]
) -> dict[str, tuple[sitk.Image, Mapping[str, sitk.Image]]]:
    """The image and the maps of each method, by name."""
    found = {}
    for model in [*classical, *models]:
        result = reconstruct(kspace, model=model, device="cpu", maps=("attention",))
        found[model if isinstance(model, str) else model.card.name] = (result.image, result.maps)
    return found


def named(folder: Path, word: str) -> Path:
    """The image of a subject's folder whose name ends with a word."""
    [path] = [p for p in folder.iterdir() if p.name.split(".")[0].lower().endswith(word)]
    return path


def plain(row: Mapping[str, Any]) -> Row:
    return {name: float(row[name]) for name in ("psnr_db", "ssim", "nmae")}


def summary(data: str, rows: Mapping[str, list[Row]], base: str = "") -> Row:
    """Mean figures, and how sure the gain over the last model is (mean and standard error of paired differences)."""
    keys = [key for key in (*FIGURES, "psnr_max_db", "pointing") if any(key in each[0] for each in rows.values())]
    table = []
    for method, each in rows.items():
        means: Row = {key: round(fmean(row[key] for row in each), 4) if key in each[0] else None for key in keys}
        for key in ("psnr_db", "lf_psnr_db") if base else ():
            gains = [a[key] - b[key] for a, b in zip(each, rows[base], strict=True)]
            means[f"gain_{key}"] = round(fmean(gains), 3)
            means[f"error_{key}"] = round(stdev(gains) / len(gains) ** 0.5, 3) if len(gains) > 1 else None
        table.append({"method": method, **means})
    print(f"\n{data}: {len(next(iter(rows.values())))} scans\n{as_text(table)}", flush=True)
    return {"data": data, "rows": table, "scans": len(next(iter(rows.values())))}


def write_card(model: Model, results: Sequence[Row]) -> None:
    """Put the results into the model's card."""
    plain = [
        {
            "data": result["data"],
            "subjects": [result["data"].split(" ")[0].split(",")[0]],
            "rows": [
                {key: value for key, value in row.items() if key in ("method", *FIGURES)} for row in result["rows"]
            ],
        }
        for result in results
    ]
    card = replace(model.card, results=plain)
    config = config_to_dict(model.config)
    save_model(model.path, method=model.method.name, config=config, card=card, state=load_file(model.path))


if __name__ == "__main__":
    main()
