"""A model's card for the panel: what it is for, how good it is, what it cannot do."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any

from slicer.i18n import tr as _

_AXES = {"in-plane": "in plane", "3d": "in 3D"}


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


def _facts(card: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    source, target = ", ".join(card["contrasts_in"]), ", ".join(card["contrasts_out"])
    low, high = card["spacing_mm"]
    yield _("Use:"), _text(card["intended_use"])
    yield _("Contrasts:"), _text(source if source == target else f"{source} → {target}")
    if card["scale"]:
        yield _("Scale:"), _text(f"×{card['scale']} {_AXES.get(card['axes'], card['axes'])}")
    yield _("Spacing of the input:"), _text(f"{low:g} – {high:g} mm")
    yield _("Limits:"), _list(card["limits"])
    yield _("Method:"), _text(f"{card['method']}. {card['fidelity']}")
    yield _("Paper:"), _text(f"{card['paper']['citation']}, doi {card['paper']['doi']}")
    yield _("Learned from:"), _list(_data(each) for each in card["training"].get("data", []))
    yield _("Licence:"), _text(card["licence"])


def _data(source: Mapping[str, Any]) -> str:
    known = [str(source[key]) for key in ("name", "licence", "citation") if source.get(key)]
    return "; ".join(known or [str(source.get("folder", "?"))])


def _results(table: Mapping[str, Any]) -> str:
    """What was measured, as a table; the best PSNR in bold."""
    heading = _("Measured on {data}, not learned from:").format(data=table["data"])
    best = max((row["psnr_db"] for row in table["rows"]), default=0.0)
    rows = [f"<tr><th align='left'>{_text(_('Method'))}</th><th>PSNR (dB)</th><th>SSIM</th><th>NMAE</th></tr>"]
    for row in table["rows"]:
        figures = [f"{row['psnr_db']:.2f}", f"{row['ssim']:.4f}", f"{row['nmae']:.4f}"]
        mark = "b" if row["psnr_db"] == best else "span"
        cells = "".join(f"<td align='right'><{mark}>{figure}</{mark}></td>" for figure in figures)
        rows.append(f"<tr><td>{_text(row['method'])}</td>{cells}</tr>")
    return f"<b>{_text(heading)}</b><table cellspacing='0' cellpadding='2'>{''.join(rows)}</table>"


def _list(items: Iterable[str]) -> str:
    entries = "".join(f"<li>{_text(item)}</li>" for item in items)
    return f"<ul>{entries}</ul>" if entries else ""


def _text(value: Any) -> str:
    return html.escape(str(value))
