"""``mrienhance prepare``: a public data set made ready to be learned from."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrienhance.cli.console import complain, progress, say
from mrienhance.cli.parser import add_command, whole_number
from mrienhance.errors import Cancelled

if TYPE_CHECKING:
    from mrienhance.datasets import Prepared

_LAYOUTS = ("auto", "bids", "ixi", "brats", "fastmri", "skm-tea", "dicom", "plain")
_MOST_LISTED = 10


def add(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "prepare",
        summary="make a public data set ready to be learned from",
        example="mrienhance prepare ixi IXI/ --output IXI-prepared/",
    )
    parser.add_argument("dataset", metavar="DATASET", choices=_LAYOUTS, help=" | ".join(_LAYOUTS))
    parser.add_argument("folder", type=Path, metavar="DIR", help="the data set as it is distributed")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for `train --data`")
    parser.add_argument(
        "--grid",
        default="auto",
        metavar="G",
        help="contrast to whose grid the others of a visit are registered, such as T1w; none; auto (default: auto)",
    )
    parser.add_argument(
        "--split",
        default="official",
        metavar="S",
        help="train/validation/test in percent, or FILE.csv (subject,split), or official: the data set's own, else "
        "70/10/20 (default: official)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the split (default: 0)")
    parser.add_argument("--require", nargs="+", default=[], metavar="C", help="drop visits without these contrasts")
    parser.add_argument(
        "--labels", type=Path, nargs="+", default=[], metavar="CSV", help="fastMRI+ files, if they lie elsewhere"
    )
    parser.add_argument(
        "--precision", default="float32", choices=("float32", "float16"), help="of the cache (default: float32)"
    )
    parser.add_argument("--no-figures", action="store_true", help="draw no figures to look through")
    parser.add_argument("--strict", action="store_true", help="stop at the first file that cannot be used")
    parser.add_argument("--jobs", type=whole_number, default=1, metavar="N", help="processes (default: 1)")
    parser.add_argument("--progress", default="bar", choices=("bar", "json", "none"), help="on stderr (default: bar)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    from mrienhance.datasets import PrepareOptions, VisitOptions, prepare

    visit = VisitOptions(
        grid=args.grid,
        pixel_type=args.precision,
        require=tuple(args.require),
        strict=args.strict,
        figures=not args.no_figures,
    )
    options = PrepareOptions(
        layout=args.dataset,
        split=args.split,
        seed=args.seed,
        labels=tuple(args.labels),
        visit=visit,
        jobs=args.jobs,
    )
    try:
        with progress(args.progress) as shown:
            prepared = prepare(args.folder, args.output, options, progress=shown)
    except (KeyboardInterrupt, Cancelled):
        raise Cancelled(
            "the preparation was interrupted", hint="what is made is kept: the same command goes on from there"
        ) from None
    _report(prepared)


def _report(prepared: Prepared) -> None:
    """Say what there is now, and on stderr what is not as one would want it."""
    from mrienhance.datasets.manifest import lacking

    dataset = prepared.dataset
    visits = list(dataset.visits())
    parts = ", ".join(f"{len(dataset.split(part))} {part}" for part in ("train", "validation", "test"))
    say(f"{dataset.folder}: {dataset.layout}, {len(dataset.subjects)} people ({parts}), {len(visits)} visits")
    counts: dict[str, int] = {}
    for _, visit in visits:
        for name in [image.name for image in (*visit.images, *visit.labels)] + ["raw k-space"] * len(visit.raw):
            counts[name] = counts.get(name, 0) + 1
    say(", ".join(f"{count} {name}" for name, count in counts.items()))
    say(f"{prepared.made} visits made, {prepared.kept} kept as they were")
    moved = [line for _, visit in visits for line in visit.notes]
    if moved:
        say(f"{len(moved)} notes, such as: {moved[0]}")
    if any(visit.figure for _, visit in visits):
        say(f"look through {dataset.folder / 'qc'} before you train")
    problems = [*dataset.skipped, *lacking(dataset)]
    for entry in problems[:_MOST_LISTED]:
        complain("left out" if entry in dataset.skipped else "incomplete", f"{entry.path}: {entry.reason}")
    if len(problems) > _MOST_LISTED:
        complain("note", f"{len(problems) - _MOST_LISTED} more are listed in {dataset.folder / 'dataset.json'}")
