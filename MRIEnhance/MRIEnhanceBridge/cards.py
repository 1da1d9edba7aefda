"""A model's card for the panel: what it is for, how good it is, what it cannot do."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from slicer.i18n import tr as _

from MRIEnhanceBridge.figures import figures_of

_AXES = {"in-plane": "in plane", "3d": "in 3D", "through-plane": "slices only"}
_SAMPLING = {
    "random-lines": "random lines",
    "equispaced-lines": "equispaced lines",
    "poisson-disc": "Poisson discs",
}


def card_html(card: Mapping[str, Any]) -> str:
    """The card as HTML for a text browser. All of its words are escaped: a card may come from anybody.

    Parameters
    ----------
    card
        The fields of the library's `ModelCard`.
    """
    parts = [f"<b>{_text(card['name'])} {_text(card['version'])}</b><br>{_text(card['summary'])}"]
    parts += [f"<b>{_text(title)}</b> {value}" for title, value in _facts(card) if value]
    parts += [_results(table) for table in card["results"]]
    parts.append(f"<i>{_text(card['disclaimer'])}</i>")
    return "".join(f"<p>{part}</p>" for part in parts)


def model_page(model: Mapping[str, Any]) -> str:
    """What is known of a model, or of a method that needs none, as HTML."""
    if model.get("card"):
        return card_html(model["card"])
    text = "" if model.get("error") else str(model.get("text", ""))
    return "".join(f"<p>{_text(line)}</p>" for line in text.splitlines() if line.strip())


def model_label(model: Mapping[str, Any]) -> str:
    """What the list of models says of one that super-resolves: its name, factor, axes, and what of a reference."""
    card = model["card"]
    if not card or not card["scale"]:
        return str(model["title"])
    facts = [f"×{card['scale']} {_AXES.get(card['axes'], card['axes'])}"]
    if card.get("reference_contrasts"):
        facts.append(_("needs a reference") if card.get("reference_required") else _("reference optional"))
    return f"{model['name']} ({', '.join(facts)})"


def _facts(card: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    source, target = ", ".join(card["contrasts_in"]), ", ".join(card["contrasts_out"])
    low, high = card["spacing_mm"]
    yield _("Use:"), _text(card["intended_use"])
    same = source == target and card.get("task") != "synthesize"  # which makes of each another one
    yield _("Contrasts:"), _text(source if same else f"{source} → {target}")
    if card["scale"]:
        yield _("Scale:"), _text(f"×{card['scale']} {_AXES.get(card['axes'], card['axes'])}")
    if references := card.get("reference_contrasts"):
        needed = _("{names}, needed") if card.get("reference_required") else _("{names}, optional")
        yield _("Reference:"), _text(needed.format(names=", ".join(references)))
    where = _("Spacing of the image:") if card.get("task") == "reconstruct" else _("Spacing of the input:")
    yield where, _text(f"{low:g} – {high:g} mm")
    yield from _acquisition(card)
    yield _("Limits:"), _list(card["limits"])
    yield _("Method:"), _text(f"{card['method']}. {card['fidelity']}")
    yield _("Paper:"), _text(f"{card['paper']['citation']}, doi {card['paper']['doi']}")
    yield _("Learned from:"), _list(_data(each) for each in card["training"].get("data", []))
    yield _("Licence:"), _text(card["licence"])


def _acquisition(card: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """What raw data a model was made for, as far as its card says."""
    if limits := card.get("acceleration"):
        yield _("Acceleration:"), _text(_("{range}-fold").format(range=_range(limits)))
    if kinds := card.get("sampling"):
        yield _("Sampling:"), _text(", ".join(_SAMPLING.get(kind, kind) for kind in kinds))
    if limits := card.get("coils"):
        yield _("Receive coils:"), _text(_range(limits))


def _range(limits: Sequence[float]) -> str:
    low, high = limits
    return f"{low:g}" if low == high else f"{low:g} – {high:g}"


def _data(source: Mapping[str, Any]) -> str:
    known = [str(source[key]) for key in ("name", "licence", "citation") if source.get(key)]
    return "; ".join(known or [str(source.get("folder", "?"))])


def _results(table: Mapping[str, Any]) -> str:
    """What was measured, as a table; the row with the best PSNR in bold."""
    heading = _("Measured on {data}, not learned from:").format(data=table["data"])
    shown = figures_of(table["rows"])
    best = max((float(row["psnr_db"]) for row in table["rows"] if row.get("psnr_db") is not None), default=None)
    titles = "".join(f"<th>{_text(figure.title)}</th>" for figure in shown)
    rows = [f"<tr><th align='left'>{_text(_('Method'))}</th>{titles}</tr>"]
    for row in table["rows"]:
        mark = "b" if best is not None and row.get("psnr_db") == best else "span"
        figures = (_text(figure.write(row.get(figure.key))) for figure in shown)
        cells = "".join(f"<td align='right'><{mark}>{figure}</{mark}></td>" for figure in figures)
        rows.append(f"<tr><td>{_text(row['method'])}</td>{cells}</tr>")
    return f"<b>{_text(heading)}</b><table cellspacing='0' cellpadding='2'>{''.join(rows)}</table>"


def _list(items: Iterable[str]) -> str:
    entries = "".join(f"<li>{_text(item)}</li>" for item in items)
    return f"<ul>{entries}</ul>" if entries else ""


def _text(value: Any) -> str:
    return html.escape(str(value))
