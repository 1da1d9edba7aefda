"""The batch script's verb `super-resolve`: every case becomes finer, with a reference of its own if there are any."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from MRIEnhanceBridge import nodes
from MRIEnhanceBridge.contrasts import CONTRASTS, guess
from MRIEnhanceBridge.optiontypes import add_inference, whole_number
from MRIEnhanceBridge.references import find_reference
from MRIEnhanceBridge.steps import Progress


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_inference(parser)
    parser.add_argument("--scale", type=whole_number, metavar="N", help=_("factor; by default the model's, or 2"))
    parser.add_argument(
        "--reference",
        type=Path,
        metavar="PATH",
        help=_(
            "folder with a finer scan of another contrast for each case, of the same name or one that differs in the "
            "contrast at its end (sub-01_T1w for sub-01_T2w); or, for one case, a file"
        ),
    )
    words = _("{what}, one of {names}; by default what its name says")
    for name, what in (("--contrast", _("of the cases")), ("--reference-contrast", _("of the references"))):
        said = words.format(what=what, names=", ".join(CONTRASTS))
        parser.add_argument(name, choices=CONTRASTS, metavar="C", help=said)
    parser.add_argument(
        "--no-register",
        dest="register",
        action="store_false",
        help=_("place references by their headers, do not register them to the cases"),
    )
    parser.add_argument(
        "--no-consistency",
        dest="consistency",
        action="store_false",
        help=_("do not put the measured frequencies back"),
    )
    parser.add_argument("--tile", type=whole_number, metavar="N", help=_("side of the tiles in voxels"))


def check(options: argparse.Namespace) -> str:
    """What is wrong with the options, taken together; empty for nothing."""
    reference = options.reference
    if reference is None:
        if options.reference_contrast or not options.register:
            name = "--reference-contrast" if options.reference_contrast else "--no-register"
            return _("{name} is for --reference").format(name=name)
    elif not reference.exists():
        return _("--reference: there is no {path}").format(path=reference)
    elif reference.is_file() and not options.input.is_file():
        return _("--reference is one file, and --input a folder: give a folder with a reference for each case")
    return ""


def process(node: Any, options: argparse.Namespace, progress: Callable[[Progress], None]) -> Any:
    """Super-resolve a case."""
    from SuperResolve import SuperResolveLogic

    reference = None
    if options.reference is not None:
        others = options.reference != options.input
        found = find_reference(node.GetName(), options.reference, options.reference_contrast, same_name=others)
        reference = nodes.from_image(found.read(), found.name)
        reference.SetName(found.name)  # also where the case has the same one
    return SuperResolveLogic().process(
        node,
        model=options.model,
        scale=options.scale,
        contrast=options.contrast or guess(node) or None,
        reference=reference,
        referenceContrast=options.reference_contrast or guess(reference) or None,
        register=options.register,
        device=options.device,
        precision=options.precision,
        consistency=options.consistency,
        tile=options.tile,
        progress=progress,
    )


def label(options: argparse.Namespace, report: Mapping[str, Any]) -> str:
    """What is put behind a case's name to name its result; before there is a report, perhaps a pattern."""
    return f"_SRx{report.get('scale') or options.scale or '[0-9]'}"
