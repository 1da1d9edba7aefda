"""``mrienhance simulate``: what a coarser scan, or an accelerated one, of the same object would have given."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mrienhance.cli.console import describe, say
from mrienhance.cli.outputs import check_outputs
from mrienhance.cli.parser import Parser, add_command, add_output, number, selection, whole_number
from mrienhance.errors import UsageError


def add(commands: Any) -> None:
    """Add the command and its sub-commands."""
    group = add_command(
        commands,
        "simulate",
        summary="simulate data that a worse scan would have given",
        example="mrienhance simulate low-resolution scan.nii.gz -o coarse.nii.gz --scale 2",
    )
    kinds = group.add_subparsers(metavar="WHAT", title="what to simulate", required=True)
    _add_low_resolution(kinds)
    _add_kspace(kinds)


def _add_low_resolution(kinds: Any) -> None:
    parser = add_command(
        kinds,
        "low-resolution",
        summary="make an image coarser as a scanner would, on the coarser grid that belongs to it",
        example="mrienhance simulate low-resolution scan.nii.gz -o coarse.nii.gz --factors 2 2 1",
    )
    _add_image(parser)
    add_output(parser, "where to write the coarse image: .nii, .nii.gz, .nrrd or .mha")
    parser.add_argument(
        "--degradation",
        default="k-space",
        choices=("k-space", "blur", "thick-slice"),
        help="truncated k-space, Gaussian blur and cubic, or thick slices (default: k-space)",
    )
    factors = parser.add_mutually_exclusive_group()
    factors.add_argument("--scale", type=whole_number, metavar="S", help="factor in plane (default: 2)")
    factors.add_argument(
        "--factors", type=whole_number, nargs=3, metavar=("FI", "FJ", "FK"), help="factors along the axes i, j and k"
    )
    parser.set_defaults(run=run)


def _add_kspace(kinds: Any) -> None:
    parser = add_command(
        kinds,
        "kspace",
        summary="make the raw data of an accelerated scan with several coils, slice by slice",
        example="mrienhance simulate kspace scan.nii.gz -o scan.npz --acceleration 4 --slices 80:100",
    )
    _add_image(parser)
    add_output(parser, "where to write the k-space: .npz, which keeps all, or .cfl, samples only, for BART")
    parser.add_argument("--coils", type=whole_number, default=8, metavar="N", help="receive coils (default: 8)")
    parser.add_argument(
        "--acceleration", type=number, default=4.0, metavar="R", help="all samples over those taken (default: 4)"
    )
    parser.add_argument(
        "--sampling",
        default="random-lines",
        choices=("random-lines", "equispaced-lines", "poisson-disc"),
        help="which samples are taken (default: random-lines)",
    )
    parser.add_argument("--lines-along", default="i", choices=("i", "j"), help="axis of lines left out (default: i)")
    parser.add_argument(
        "--center-fraction", type=number, metavar="F", help="central lines always taken (default: 0.32 / R)"
    )
    parser.add_argument(
        "--calibration", type=whole_number, metavar="N", help="central rows and columns of discs (default: 24)"
    )
    parser.add_argument(
        "--snr", type=number, default=50.0, metavar="S", help="bright voxels over noise, inf for none (default: 50)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all that is random (default: 0)")
    parser.add_argument("--slices", type=selection, metavar="K", help="80, 80:100, 0:100:5 or 10,20,30 (default: all)")
    parser.set_defaults(run=run_kspace)


def _add_image(parser: Parser) -> None:
    parser.add_argument("image", type=Path, metavar="IMAGE", help="image file, or a folder with one DICOM series")


def run(args: argparse.Namespace) -> None:
    """Run ``simulate low-resolution``."""
    check_outputs(inputs=(args.image,), images=(args.output,), force=args.force)
    from mrienhance.images import read_image, write_image
    from mrienhance.tasks.simulate import simulate_low_resolution

    scale = args.scale or 2
    factors = tuple(args.factors or (scale, scale, 1))
    coarse = simulate_low_resolution(read_image(args.image), degradation=args.degradation, factors=factors)
    write_image(coarse, args.output, overwrite=args.force)
    say(describe(args.output, coarse))


def run_kspace(args: argparse.Namespace) -> None:
    """Run ``simulate kspace``."""
    from mrienhance.kspace import KSPACE_SUFFIXES, write_kspace

    suffix = args.output.suffix.lower()
    if suffix not in KSPACE_SUFFIXES:
        hint = f"end the name with one of {' '.join(KSPACE_SUFFIXES)}"
        raise UsageError(f"the suffix of {args.output} names no format for k-space", hint=hint)
    header = args.output.with_suffix(".hdr") if suffix == ".cfl" else None
    check_outputs(inputs=(args.image,), files=(args.output, header), force=args.force)
    from mrienhance.images import read_image
    from mrienhance.tasks.simulate_kspace import simulate_kspace

    names = ("coils", "acceleration", "sampling", "lines_along", "center_fraction", "calibration", "snr", "seed")
    options = {name: getattr(args, name) for name in names}
    kspace = simulate_kspace(read_image(args.image), slices=args.slices, **options)
    write_kspace(kspace, args.output, overwrite=args.force)
    slices, coils, rows, columns = kspace.samples.shape
    say(f"{args.output}  {slices} slices x {coils} coils x {rows} x {columns}, {kspace.acceleration:.3g}-fold")
