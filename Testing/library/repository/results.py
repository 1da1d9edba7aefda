"""The README's tables of results, written from the cards of the shipped models and from nothing else.

python Testing/library/repository/results.py   writes them anew
"""

from pathlib import Path

from mrienhance.evaluation.table import as_markdown
from mrienhance.models.card import ModelCard, ResultRow
from mrienhance.models.catalogue import catalogue
from mrienhance.training.watch import WHILE_TRAINING

README = Path(__file__).resolve().parents[3] / "README.md"
WITH_REFERENCE = "super-resolve with a reference"
INTRODUCTIONS = {
    "super-resolve": """\
Whole scans of subjects that were not learned from, made coarse in plane by k-space truncation and made fine again, with
the measured frequencies put back. PSNR in dB inside the mask scan > 0.02 of its 99.9th percentile, which is the data
range; mean over the subjects. Sinc is zero-filled k-space, the baseline to beat; sinc and cubic are aligned with the
scan. The EDSR-like network has as many multiplications per pixel as ours and learned from as many samples.""",
    WITH_REFERENCE: """\
The same by models that look at a finer scan of another contrast, or do without; those of volumes make all three axes
finer, or the slices thinner (averaged over their thickness). The mask is that of the reference, where there is one.
Moved: the reference lies 1 mm and 1 degree off, as it is or registered first. The ICONet beside FGDL learned from the
same T2w scans, without a reference.""",
    "reconstruct": """\
One slice of raw k-space (4 coils, MPRAGE, another scanner than any that was learned from) with samples left out
afterwards, twelve masks; and simulated scans of slices with lesions of a patient that was not learned from. The same
samples and the same ESPIRiT maps for all. PSNR as above; LF-PSNR inside the boxes of the lesions.""",
    "synthesize": """\
The whole scan of a patient of multiple sclerosis that was not learned from, inside the mask T1w > 0.02 of its 99.9th
percentile; every scan's 99.9th percentile is the data range. The regression knows the mean of the wanted contrast for
each intensity of the source, in the people that were learned from: what is above it comes from looking at more than one
voxel. From three scanned people, a network learns structure (SSIM) better than brightness (PSNR).""",
}
FIGURES = {"psnr_db": ("PSNR", "{:.2f}"), "lf_psnr_db": ("LF-PSNR", "{:.2f}"), "ssim": ("SSIM", "{:.3f}")}
SHOWN = {
    "super-resolve": ("psnr_db",),
    WITH_REFERENCE: ("psnr_db", "ssim"),
    "reconstruct": ("psnr_db", "lf_psnr_db"),
    "synthesize": ("psnr_db", "ssim"),
}


def marks(task: str) -> tuple[str, str]:
    """What encloses the table of a task."""
    return f"<!-- results {task}: begin -->", f"<!-- results {task}: end -->"


def block(task: str) -> str:
    """Everything between the two marks, and they."""
    rows = [
        {
            "model": entry.name,
            "data": table.data,
            **({"subjects": len(table.subjects)} if task.startswith("super") else {}),
            **({"figure": FIGURES[key][0]} if len(SHOWN[task]) > 1 else {}),
            **{column(row.method, entry.name, task): FIGURES[key][1].format(figure(row, key)) for row in table.rows},
        }
        for entry in catalogue()
        if entry.source == "shipped" and entry.card is not None and kind(entry.card) == task
        for table in entry.card.results
        if not table.data.startswith(WHILE_TRAINING)  # whole scans of others say more
        for key in SHOWN[task]
        if figure(table.rows[0], key) is not None
    ]
    begin, end = marks(task)
    told = [row for row in rows if not any(repeats(row, other) for other in rows)]
    titles = dict.fromkeys(title for row in sorted(told, key=len, reverse=True) for title in row)
    told = [{title: row.get(title, "") for title in titles} for row in told]
    return f"{begin}\n{INTRODUCTIONS[task]}\n\n{as_markdown(told)}\n{end}"


def repeats(row: dict[str, object], other: dict[str, object]) -> bool:
    """Whether another model's card tells all that this row does, and more."""
    return row["model"] != other["model"] and set(row.items()) - {("model", row["model"])} < set(other.items())


def figure(row: ResultRow, key: str) -> float | None:
    """A figure of a row, where it has it."""
    value: float | None = getattr(row, key)
    return value


def kind(card: ModelCard) -> str:
    """In which of the tables a model stands."""
    return WITH_REFERENCE if card.reference_contrasts else card.task


def column(method: str, model: str, task: str) -> str:
    """`iconet-x2` and `iconet-x4` stand in one column; each way to use a model with a reference has its own."""
    name, _, way = method.partition(", ")
    if task == WITH_REFERENCE and name == model:
        return way or "with reference"
    return name.rpartition("-x")[0] or name


def with_blocks(text: str) -> str:
    """The README with its tables of today."""
    for task in INTRODUCTIONS:
        begin, end = marks(task)
        start, stop = text.index(begin), text.index(end) + len(end)
        text = text[:start] + block(task) + text[stop:]
    return text


if __name__ == "__main__":
    README.write_text(with_blocks(README.read_text(encoding="utf-8")), encoding="utf-8")
