"""The batch script's verb `synthesize`: contrasts that were not scanned, of every case."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from slicer.i18n import tr as _

from MRIEnhanceBridge.contrasts import CONTRASTS, guess
from MRIEnhanceBridge.optiontypes import add_inference
from MRIEnhanceBridge.steps import Progress
from MRIEnhanceBridge.synthesized import UNCERTAINTY


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_inference(parser)
    words = _("one or several of {names}").format(names=", ".join(CONTRASTS))
    parser.add_argument("--to", nargs="+", required=True, choices=CONTRASTS, metavar="C", help=words)
    parser.add_argument(
        "--from",
        dest="source",
        choices=CONTRASTS,
        metavar="C",
        help=_("contrast of the cases; by default what their names say, or else what the model sees"),
    )
    parser.add_argument(
        "--uncertainty", action="store_true", help=_("write the spread of predictions too; takes several times as long")
    )


def check(options: argparse.Namespace) -> str:
    """What is wrong with the options, taken together; empty for nothing."""
    if len(set(options.to)) < len(options.to):
        return _("--to names a contrast twice")
    if options.source in options.to:
        return _("{contrast} is there already: it is both --from and --to").format(contrast=options.source)
    return ""


def process(node: Any, options: argparse.Namespace, progress: Callable[[Progress], None]) -> Mapping[str, Any]:
    """Synthesize the wanted contrasts of a case."""
    from Synthesize import SynthesizeLogic

    made: Mapping[str, Any] = SynthesizeLogic().process(
        node,
        to=tuple(options.to),
        source=options.source or guess(node) or None,
        model=options.model,
        uncertainty=options.uncertainty,
        device=options.device,
        precision=options.precision,
        progress=progress,
    )
    return made


def label(options: argparse.Namespace, report: Mapping[str, Any]) -> str:
    """What is put behind a case's name to name a result."""
    return f"_synthetic-{report['synthesis']['target']}"


def foreseen(options: argparse.Namespace) -> Sequence[Mapping[str, Any]]:
    """What is known of the reports before the work."""
    return [{"synthesis": {"target": contrast}} for contrast in options.to]


def maps(options: argparse.Namespace) -> Mapping[str, str]:
    """What is written beside each result."""
    return {"uncertainty": UNCERTAINTY} if options.uncertainty else {}
