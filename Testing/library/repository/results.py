"""The README's table of results, written from the cards of the shipped models and from nothing else.

python Testing/library/repository/results.py   writes it anew
"""

from pathlib import Path

from mrienhance.evaluation.table import as_markdown
from mrienhance.models.catalogue import catalogue

README = Path(__file__).resolve().parents[3] / "README.md"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
INTRODUCTION = """\
Whole scans of subjects that were not learned from, made coarse in plane by k-space truncation and made fine again, with
the measured frequencies put back. PSNR in dB inside the mask scan > 0.02 of its 99.9th percentile, which is the data
range; mean over the subjects. Sinc is zero-filled k-space, the baseline to beat; sinc and cubic are aligned with the
scan. The EDSR-like network has as many multiplications per pixel as ours and learned from as many samples."""


def block() -> str:
    """Everything between the two marks."""
    rows = [
        {
            "model": entry.name,
            "data": table.data,
            "subjects": len(table.subjects),
            **{column(row.method): f"{row.psnr_db:.2f}" for row in table.rows},
        }
        for entry in catalogue()
        if entry.source == "shipped" and entry.card is not None
        for table in entry.card.results
    ]
    return f"{BEGIN}\n{INTRODUCTION}\n\n{as_markdown(rows)}\n{END}"


def column(method: str) -> str:
    """`iconet-x2` and `iconet-x4` stand in one column."""
    return method.rpartition("-x")[0] or method


def with_block(text: str) -> str:
    """The README with its table of today."""
    start, stop = text.index(BEGIN), text.index(END) + len(END)
    return text[:start] + block() + text[stop:]


if __name__ == "__main__":
    README.write_text(with_block(README.read_text(encoding="utf-8")), encoding="utf-8")
