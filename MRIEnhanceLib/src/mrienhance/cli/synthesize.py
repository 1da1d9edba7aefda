"""``mrienhance synthesize``: one contrast in, others out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrienhance.cli.console import complain, describe, progress, say
from mrienhance.cli.outputs import Files, Load, Made, given, write_all
from mrienhance.cli.parser import add_command, add_inference, add_output, whole_number
from mrienhance.errors import UsageError

if TYPE_CHECKING:
    from mrienhance.inference import Cancel, Progress
    from mrienhance.models import Model
    from mrienhance.tasks.result import Report, Result

PLACE = "{contrast}"
"""Stands for the contrast in the names of outputs."""


def add(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "synthesize",
        summary="make contrasts that were not scanned",
        example="mrienhance synthesize t1.nii.gz --from T1w --to T2w FLAIR -o 'synthetic_{contrast}.nii.gz'",
    )
    parser.usage = "%(prog)s IMAGE --to CONTRAST [CONTRAST ...] -o OUT [options]"
    parser.add_argument("image", type=Path, metavar="IMAGE", help="image file, or a folder with one DICOM series")
    add_output(parser, "the result; for several contrasts a name with {contrast} in it, or a folder that is there")
    parser.add_argument("--to", nargs="+", required=True, metavar="C", help="T1w, T1c, T2w, FLAIR, PDw: what to make")
    parser.add_argument("--from", dest="source", metavar="C", help="what IMAGE is (default: the model has a look)")
    parser.add_argument(
        "--with",
        dest="others",
        nargs="+",
        action="extend",
        type=further,
        default=[],
        metavar="C=FILE",
        help="further scans of the same person, such as FLAIR=flair.nii.gz",
    )
    parser.add_argument(
        "--no-registration",
        dest="register",
        action="store_false",
        help="bring further scans to the grid of IMAGE by their headers alone",
    )
    parser.add_argument("--uncertainty", type=Path, metavar="U", help="write how far predictions lie apart (as OUT)")
    add_inference(parser)
    parser.add_argument("--batch", type=whole_number, metavar="N", help="slices at a time (default: by memory)")
    parser.set_defaults(run=run)


def further(text: str) -> tuple[str, Path]:
    """Read a further scan: its contrast and its file."""
    contrast, equals, path = text.partition("=")
    if not (contrast and equals and path):
        raise ValueError(text)
    return contrast, Path(path)


further.__name__ = "further scan, CONTRAST=FILE,"  # argparse puts the function's name into its message


def files(args: argparse.Namespace) -> Files:
    """What the command reads and writes.

    Raises
    ------
    UsageError
        If what is wanted contradicts itself.
    """
    images, maps = _outputs(args)
    inputs = (args.image, *(path for _, path in args.others))
    return Files(inputs=inputs, images=(*images.values(), *maps.values()), files=given(args.report))


def make(
    args: argparse.Namespace,
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    load: Load | None = None,
) -> Made:
    """Do what `args` say, and write it; `load` keeps models from one command to the next."""
    from mrienhance.images import read_image
    from mrienhance.tasks.synthesis_model import find_for
    from mrienhance.tasks.synthesize import synthesize_all

    images, maps = _outputs(args)
    image = read_image(args.image)
    others = {name: read_image(path) for name, path in args.others}
    model: str | Model | None = args.model
    if load is not None:
        model = load(find_for(args.model, source=args.source, to=tuple(images), others=others))
    results = synthesize_all(
        image,
        to=tuple(images),
        source=args.source,
        others=others,
        model=model,
        register=args.register,
        uncertainty=args.uncertainty is not None,
        device=args.device,
        precision=args.precision,
        batch=args.batch,
        progress=progress,
        cancel=cancel,
    )
    if cancel is not None:
        cancel.check()
    written = {images[target]: result.image for target, result in results.items()}
    written |= {maps[target]: result.maps["uncertainty"] for target, result in results.items() if maps}
    write_all(written, args.report, _reports(results), force=args.force)
    report = next(iter(results.values())).report
    return Made(images=written, report=report, notes=_guesses(report))


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    files(args).check(force=args.force)
    with progress(args.progress) as shown:
        made = make(args, progress=shown)
    report = made.report
    for warning in report.warnings:
        complain("warning", warning)
    for path, image in made.images.items():
        say(describe(path, image))
    for note in made.notes:
        say(note)
    title = f"{report.model.title} ({report.model.name})"
    say(f"{title} on {report.device}, {report.seconds:.1f} s. Synthetic images are no scans. {report.disclaimer}")


def _outputs(args: argparse.Namespace) -> tuple[dict[str, Path], dict[str, Path]]:
    """Where each contrast goes, and each map of uncertainty, if there shall be any."""
    from mrienhance.tasks.synthesis_model import check_wish

    targets = check_wish(args.to, args.source, _contrasts(args.others))
    images = _names(args.output, args.image, targets, "synthetic")
    return images, {} if args.uncertainty is None else _names(args.uncertainty, args.image, targets, "uncertainty")


def _guesses(report: Report) -> tuple[str, ...]:
    """What the model took the images for."""
    return tuple(
        f"The image was taken for {source.contrast} ({source.probabilities[source.contrast]:.0%} sure)."
        for source in (report.synthesis.sources if report.synthesis is not None else ())
        if source.guessed
    )


def _contrasts(others: list[tuple[str, Path]]) -> list[str]:
    names = [name for name, _ in others]
    doubled = [name for name in names if names.count(name) > 1]
    if doubled:
        raise UsageError(f"there are two images of {doubled[0]}", hint="give each contrast once")
    return names


def _names(output: Path, image: Path, targets: tuple[str, ...], kind: str) -> dict[str, Path]:
    """Where each target's image goes."""
    if output.is_dir():
        stem = image.resolve().name if image.is_dir() else image.name.removesuffix(".gz").rsplit(".", 1)[0]
        return {target: output / f"{stem}_{kind}-{target}.nii.gz" for target in targets}
    if PLACE not in output.name and len(targets) > 1:
        message = f"{output} is one file, and {len(targets)} contrasts are to be made"
        raise UsageError(message, hint="put {contrast} into its name, or give a folder that is there")
    return {target: output.with_name(output.name.replace(PLACE, target)) for target in targets}


def _reports(results: dict[str, Result]) -> str:
    """The report of one result; of several, all by their contrasts."""
    import json

    reports = {target: result.report for target, result in results.items()}
    if len(reports) == 1:
        return next(iter(reports.values())).to_json()
    plain = {target: report.to_dict() for target, report in reports.items()}
    return json.dumps(plain, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
