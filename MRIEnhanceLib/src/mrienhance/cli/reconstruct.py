"""``mrienhance reconstruct``: raw k-space in, an image out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrienhance.cli.console import complain, describe, progress, say
from mrienhance.cli.outputs import Files, Load, Made, given, write_all
from mrienhance.cli.parser import add_command, add_inference, add_output, number, selection, whole_number
from mrienhance.errors import UsageError
from mrienhance.tasks.classical import CLASSICAL

if TYPE_CHECKING:
    import SimpleITK as sitk

    from mrienhance.evaluation import Evaluation
    from mrienhance.inference import Cancel, Progress
    from mrienhance.tasks.result import Result

MAPS = ("attention", "zero_filled")


def add(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "reconstruct",
        summary="reconstruct raw k-space",
        example="mrienhance reconstruct scan.h5 -o scan.nii.gz --attention lesions.nii.gz",
    )
    parser.usage = "%(prog)s KSPACE -o OUT [options]"  # all of them would fill the screen before they are explained
    parser.add_argument("kspace", type=Path, metavar="KSPACE", help="fastMRI or ISMRMRD .h5, BART .cfl, .npy or .npz")
    add_output(parser, "the image: .nii, .nii.gz, .nrrd or .mha")
    _add_reading(parser)
    parser.add_argument(
        "--coil-maps",
        default="espirit",
        choices=("espirit", "low-resolution", "file"),
        metavar="HOW",
        help="espirit, low-resolution or file (default: espirit)",
    )
    parser.add_argument("--attention", type=Path, metavar="A.nii.gz", help="write where the model saw lesions")
    parser.add_argument("--zero-filled", type=Path, metavar="Z.nii.gz", help="write the zero-filled image")
    add_inference(parser)
    parser.add_argument("--batch", type=whole_number, metavar="N", help="slices at a time (default: by memory)")
    _add_retrospective(parser)
    parser.set_defaults(run=run)


def _add_reading(parser: Any) -> None:
    parser.add_argument("--format", metavar="F", help="fastmri, ismrmrd, bart or numpy (default: found)")
    parser.add_argument("--axes", metavar="AXES", help="axes of .npy and .cfl, such as coil,ky,kx")
    parser.add_argument("--mask", type=Path, metavar="M.npy", help="what was acquired (default: found in the data)")
    parser.add_argument("--slices", type=selection, metavar="K", help="80, 80:100, 0:100:5 or 10,20,30 (default: all)")


def _add_retrospective(parser: Any) -> None:
    group = parser.add_argument_group("for a full scan, to see how well it works")
    group.add_argument("--retrospective", type=number, metavar="R", help="leave out all but one of R samples")
    group.add_argument(
        "--sampling",
        choices=("random-lines", "equispaced-lines", "poisson-disc"),
        metavar="S",
        help="random-lines, equispaced-lines or poisson-disc",
    )
    group.add_argument("--seed", type=int, metavar="N", help="of these samples (default: 0)")
    group.add_argument("--full", type=Path, metavar="FULL.nii.gz", help="write the image of all samples")


def files(args: argparse.Namespace) -> Files:
    """What the command reads and writes.

    Raises
    ------
    UsageError
        If what is wanted contradicts itself.
    """
    maps = _maps(args)
    _check(args, maps)
    return Files(
        inputs=given(args.kspace, args.mask),
        images=given(args.output, *maps.values(), args.full),
        files=given(args.report),
    )


def make(
    args: argparse.Namespace,
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    load: Load | None = None,
) -> Made:
    """Do what `args` say, and write it; `load` keeps models from one command to the next."""
    maps = _maps(args)
    result, full, evaluation = _reconstruct(args, maps, progress, cancel, load)
    for name in maps:
        if name not in result.maps:
            message = f"{result.report.model.name} gives no image {name!r}"
            raise UsageError(message, hint="leave that option out, or choose another model")
    if cancel is not None:
        cancel.check()
    images = {args.output: result.image, **{path: result.maps[name] for name, path in maps.items()}}
    if full is not None and args.full is not None:
        images[args.full] = full
    write_all(images, args.report, result.report.to_json(), force=args.force)
    notes = () if evaluation is None else (evaluation.to_text(),)
    return Made(images=images, report=result.report, notes=notes)


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
    title = report.model.title if report.model.sha256 is None else f"{report.model.title} ({report.model.name})"
    say(f"{title} on {report.device}, {report.seconds:.1f} s. {report.disclaimer}")


def _maps(args: argparse.Namespace) -> dict[str, Path]:
    """The maps that are wanted, by the task's names, and where they go."""
    return {name.replace("_", "-"): path for name in MAPS if (path := getattr(args, name)) is not None}


def _check(args: argparse.Namespace, maps: dict[str, Path]) -> None:
    """Refuse what contradicts itself, before anything is read."""
    if args.retrospective is None:
        for name in ("sampling", "seed", "full"):
            if getattr(args, name) is not None:
                raise UsageError(f"--{name} is for --retrospective", hint="add --retrospective 4, for instance")
    if args.model in CLASSICAL:
        for name in maps:
            if name != "zero-filled":
                raise UsageError(f"{args.model} gives no image {name!r}", hint="choose a model, or leave that out")


def _reconstruct(
    args: argparse.Namespace,
    maps: dict[str, Path],
    progress: Progress | None,
    cancel: Cancel | None,
    load: Load | None,
) -> tuple[Result, sitk.Image | None, Evaluation | None]:
    """The result; the image of all samples and how far the result is from it, where samples were left out."""
    from mrienhance.kspace import read_kspace
    from mrienhance.models import Entry
    from mrienhance.tasks.reconstruct import find_for, reconstruct

    kspace = read_kspace(args.kspace, format=args.format, axes=args.axes, mask=args.mask, slices=args.slices)
    options: dict[str, Any] = {name: getattr(args, name) for name in ("coil_maps", "device", "precision", "batch")}
    options |= {"model": args.model, "progress": progress, "cancel": cancel}
    if load is not None and isinstance(entry := find_for(args.model), Entry):
        options["model"] = load(entry)
    if args.retrospective is None:
        return reconstruct(kspace, maps=tuple(maps), **options), None, None
    from mrienhance.tasks.retrospective import retrospective

    tried = retrospective(
        kspace,
        acceleration=args.retrospective,
        sampling=args.sampling or "random-lines",
        seed=args.seed or 0,
        **options,
    )
    return tried.result, tried.full, tried.evaluation
