"""The README's tables of results, written from the cards of the shipped models and from nothing else.

python Testing/library/repository/results.py   writes them anew
"""

from pathlib import Path

from mrienhance.evaluation.table import as_markdown
from mrienhance.models.card import ResultRow
from mrienhance.models.catalogue import catalogue

README = Path(__file__).resolve().parents[3] / "README.md"
INTRODUCTIONS = {
    "super-resolve": """\
Whole scans of subjects that were not learned from, made coarse in plane by k-space truncation and made fine again, with
the measured frequencies put back. PSNR in dB inside the mask scan > 0.02 of its 99.9th percentile, which is the data
range; mean over the subjects. Sinc is zero-filled k-space, the baseline to beat; sinc and cubic are aligned with the
scan. The EDSR-like network has as many multiplications per pixel as ours and learned from as many samples.""",
    "reconstruct": """\
One slice of raw k-space (4 coils, MPRAGE, another scanner than any that was learned from) with samples left out
afterwards, twelve masks; and simulated scans of slices with lesions of a patient that was not learned from. The same
samples and the same ESPIRiT maps for all. PSNR as above; LF-PSNR inside the boxes of the lesions.""",
}
FIGURES = {"psnr_db": "PSNR", "lf_psnr_db": "LF-PSNR"}


def marks(task: str) -> tuple[str, str]:
    """What encloses the table of a task."""
    return f"<!-- results {task}: begin -->", f"<!-- results {task}: end -->"


def block(task: str) -> str:
    """Everything between the two marks, and they."""
    rows = [
        {
            "model": entry.name,
            "data": table.data,
            **({"subjects": len(table.subjects)} if task == "super-resolve" else {"figure": title}),
            **{column(row.method): f"{figure(row, key):.2f}" for row in table.rows},
        }
        for entry in catalogue()
        if entry.source == "shipped" and entry.card is not None and entry.card.task == task
        for table in entry.card.results
        for key, title in FIGURES.items()
        if figure(table.rows[0], key) is not None
    ]
    begin, end = marks(task)
    told = [row for row in rows if not any(repeats(row, other) for other in rows)]
    return f"{begin}\n{INTRODUCTIONS[task]}\n\n{as_markdown(told)}\n{end}"


def repeats(row: dict[str, object], other: dict[str, object]) -> bool:
    """Whether another model's card tells all that this row does, and more."""
    return row["model"] != other["model"] and set(row.items()) - {("model", row["model"])} < set(other.items())


def figure(row: ResultRow, key: str) -> float | None:
    """A figure of a row, where it has it."""
    value: float | None = getattr(row, key)
    return value


def column(method: str) -> str:
    """`iconet-x2` and `iconet-x4` stand in one column."""
    return method.rpartition("-x")[0] or method


def with_blocks(text: str) -> str:
    """The README with its tables of today."""
    for task in INTRODUCTIONS:
        begin, end = marks(task)
        start, stop = text.index(begin), text.index(end) + len(end)
        text = text[:start] + block(task) + text[stop:]
    return text


if __name__ == "__main__":
    README.write_text(with_blocks(README.read_text(encoding="utf-8")), encoding="utf-8")
