"""What the batch script can do: a new module joins with an entry in `VERBS`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from MRIEnhanceBridge import super_resolve_verb, synthesize_verb
from MRIEnhanceBridge.cases import IMAGES, KSPACE, Kind
from MRIEnhanceBridge.optiontypes import acceleration, add_inference, ratio, seed, slices, whole_number
from MRIEnhanceBridge.reconstructed import FULL, REFERENCES
from MRIEnhanceBridge.reconstruction import ACCELERATION, COIL_MAPS, LINES_ALONG, MAPS, SAMPLINGS
from MRIEnhanceBridge.steps import Progress


@dataclass(frozen=True)
class Verb:
    """One thing to do with every case.

    Parameters
    ----------
    name
        Word on the command line.
    summary
        What it does.
    cases
        What it takes, in words.
    add_options
        Adds its options to a parser.
    process
        From a case (a volume node, or the path of raw data), the options and somebody to tell the progress, to the node
        of the result, or to several of them by name.
    label
        What is put behind the name of the case to name the result, by the options and the result's report. Before there
        is a report, it may be a pattern of a file name.
    facts
        What of a report goes into the summary.
    kind
        What the cases are, by the options.
    maps
        Names of the images that are written beside the result, and its node reference to each, by the options.
    check
        What is wrong with the options, taken together; empty for nothing.
    foreseen
        What is known of each result's report before there is one, by the options.
    """

    name: str
    summary: str
    cases: str
    add_options: Callable[[argparse.ArgumentParser], None]
    process: Callable[[Any, argparse.Namespace, Callable[[Progress], None]], Any]
    label: Callable[[argparse.Namespace, Mapping[str, Any]], str]
    facts: tuple[str, ...]
    kind: Callable[[argparse.Namespace], Kind] = lambda options: IMAGES
    maps: Callable[[argparse.Namespace], Mapping[str, str]] = lambda options: {}
    check: Callable[[argparse.Namespace], str] = lambda options: ""
    foreseen: Callable[[argparse.Namespace], Sequence[Mapping[str, Any]]] = lambda options: ({},)


_SAMPLING = {"sampling": "sampling", "lines_along": "linesAlong", "seed": "seed"}
_READING = {"axes": "axes", "mask": "mask"}
_SCANNING = {"coils": "coils", "snr": "snr"}
"""Options, and what `ReconstructLogic.process` calls them, which has its own idea of those that are not given."""


def _reconstruct_options(parser: argparse.ArgumentParser) -> None:
    add_inference(parser)
    maps, words = (*MAPS, FULL), _("one or several of {names}")
    parser.add_argument(
        "--maps", nargs="+", default=[], choices=maps, metavar="M", help=words.format(names=", ".join(maps))
    )
    parser.add_argument("--coil-maps", default=COIL_MAPS[0], choices=COIL_MAPS, metavar="C", help=", ".join(COIL_MAPS))
    parser.add_argument("--slices", type=slices, metavar="K", help=_("80, 80:100, 0:100:5 or 10,20,30; else all"))
    parser.add_argument("--axes", metavar="AXES", help=_("axes of .npy and .cfl, such as coil,ky,kx"))
    parser.add_argument("--mask", type=Path, metavar="FILE", help=_("what was acquired; else found in the data"))
    some = parser.add_argument_group(_("to leave samples out, of full scans or of simulated ones"))
    some.add_argument("--retrospective", type=acceleration, metavar="R", help=_("keep one of R samples of full scans"))
    some.add_argument("--simulate", action="store_true", help=_("the cases are volumes, whose scans are simulated"))
    some.add_argument("--acceleration", type=acceleration, metavar="R", help=_("of a simulated scan; else 4"))
    some.add_argument("--sampling", choices=SAMPLINGS, metavar="S", help=", ".join(SAMPLINGS))
    some.add_argument("--lines-along", choices=LINES_ALONG, help=_("axis along which lines are left out"))
    some.add_argument("--seed", type=seed, metavar="N", help=_("of all that is random; else 0"))
    some.add_argument("--coils", type=whole_number, metavar="N", help=_("of a simulated scan; else 8"))
    some.add_argument("--snr", type=ratio, metavar="N", help=_("of a simulated scan; else 50"))


def _check_reconstruct(options: argparse.Namespace) -> str:
    def first(names: tuple[str, ...]) -> str:
        given = (name for name in names if getattr(options, name) is not None)
        return next((f"--{name}".replace("_", "-") for name in given), "")

    fewer = options.simulate or options.retrospective is not None
    if options.simulate and (name := first(("retrospective", *_READING))):
        return _("{name} is for raw data, not for --simulate").format(name=name)
    if not options.simulate and (name := first(("acceleration", *_SCANNING))):
        return _("{name} is for --simulate").format(name=name)
    if not fewer and (name := first(tuple(_SAMPLING))):
        return _("{name} is for --retrospective or --simulate").format(name=name)
    if FULL in options.maps and options.retrospective is None:
        return _("the map {name} is for --retrospective").format(name=FULL)
    return ""


def _left_out(options: argparse.Namespace) -> float | None:
    """The acceleration that is asked for, of a full scan or a simulated one."""
    chosen: float | None = options.retrospective
    return (options.acceleration or ACCELERATION) if options.simulate else chosen


def _reconstruct(source: Any, options: argparse.Namespace, progress: Callable[[Progress], None]) -> Any:
    from Reconstruct import ReconstructLogic

    names = {**_SAMPLING, **_READING, **_SCANNING}
    given = {called: value for name, called in names.items() if (value := getattr(options, name)) is not None}
    if "mask" in given:
        given["mask"] = str(given["mask"])
    return ReconstructLogic().process(
        source,
        model=options.model,
        coilMaps=options.coil_maps,
        acceleration=_left_out(options),
        slices=options.slices,
        maps=tuple(name for name in _reconstruct_maps(options) if name in MAPS),
        device=options.device,
        precision=options.precision,
        progress=progress,
        **given,
    )


def _reconstruct_maps(options: argparse.Namespace) -> Mapping[str, str]:
    return {name: REFERENCES[name] for name in options.maps}


def _reconstruct_label(options: argparse.Namespace, report: Mapping[str, Any]) -> str:
    fold = _left_out(options)
    return "_recon" if fold is None else f"_recon_R{fold:g}"


_FACTS = ("model", "device", "precision", "consistency_residual", "seconds", "warnings")
VERBS = {
    verb.name: verb
    for verb in (
        Verb(
            "super-resolve",
            _("make coarse volumes finer"),
            _("volumes, or folders with DICOM"),
            super_resolve_verb.add_options,
            super_resolve_verb.process,
            super_resolve_verb.label,
            (*_FACTS, "scale", "consistency", "reference"),
            check=super_resolve_verb.check,
        ),
        Verb(
            "reconstruct",
            _("make images of raw k-space"),
            _("fastMRI or ISMRMRD .h5, BART .cfl, .npy or .npz; with --simulate volumes, or folders with DICOM"),
            _reconstruct_options,
            _reconstruct,
            _reconstruct_label,
            (*_FACTS, "reconstruction"),
            kind=lambda options: IMAGES if options.simulate else KSPACE,
            maps=_reconstruct_maps,
            check=_check_reconstruct,
        ),
        Verb(
            "synthesize",
            _("make contrasts that were not scanned"),
            _("volumes, or folders with DICOM"),
            synthesize_verb.add_options,
            synthesize_verb.process,
            synthesize_verb.label,
            (*_FACTS, "synthesis"),
            maps=synthesize_verb.maps,
            check=synthesize_verb.check,
            foreseen=synthesize_verb.foreseen,
        ),
    )
}
"""By name."""
