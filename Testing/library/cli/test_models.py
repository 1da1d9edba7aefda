"""``mrienhance models``: the list, a card, both as JSON; broken files are named, not fatal."""

import json
from pathlib import Path

import pytest

from cli.terminal import Terminal
from mrienhance.cli.cards import card_text
from mrienhance.models import ModelCard, load_model
from tasks.references import card_of
from tasks.samples import tiny_model
from tasks.scans import tiny_reconstructor


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with two models and a file that is none."""
    folder = tmp_path_factory.mktemp("models")
    tiny_model(folder / "tiny-x2.safetensors")
    tiny_model(folder / "tiny-x4.safetensors", scale=4)
    (folder / "broken.safetensors").write_bytes(b"nonsense")
    monkeypatch.setenv("MRIENHANCE_MODELS", str(folder))
    return folder


def test_the_list(terminal: Terminal, folder: Path):
    said = terminal.done("models")
    row = next(line for line in said if line.startswith("tiny-x4"))
    assert row.split() == ["tiny-x4", "super-resolve", "x4", "in-plane", "T1w", "user"]
    assert said[-1].endswith(str(folder))
    [warning] = [line for line in terminal.err.splitlines() if "broken" in line]
    assert warning.startswith("mrienhance: warning: ")


def test_the_list_as_json(terminal: Terminal, folder: Path):
    entries = {entry["name"]: entry for entry in json.loads("\n".join(terminal.done("models", "--json")))}
    assert entries["tiny-x2"]["source"] == "user"
    assert entries["tiny-x2"]["error"] == ""
    assert ModelCard.from_dict(entries["tiny-x2"]["card"]) == load_model("tiny-x2").card
    assert entries["broken"]["card"] is None
    assert entries["broken"]["error"]


@pytest.mark.parametrize("name", ["tiny-x2", "path"])
def test_a_card_as_json(terminal: Terminal, folder: Path, name: str):
    path = folder / "tiny-x2.safetensors"
    said = terminal.done("models", path if name == "path" else name, "--json")
    assert ModelCard.from_json("\n".join(said)) == load_model(path).card


def test_a_card_for_people(terminal: Terminal, folder: Path):
    path = folder / "rich-x2.safetensors"
    tiny_model(path, limits=("One thing.", "Another thing " * 12), training=TRAINING, results=RESULTS)
    said = terminal.done("models", path)
    text = " ".join(" ".join(said).split())
    assert said[0] == "rich-x2 1.0.0"
    assert said[-1] == "For research, not for diagnosis."
    assert max(map(len, said)) <= 100
    for fact in (
        "super-resolve x2 in plane",
        "1 to 2 mm",
        "re-designed from the abstract",
        "doi 10.1109/TCI.2025.3577340",
        "Scans of people; CC0; Somebody 2020; 3 people",
        "unnamed",
        "limits One thing. Another thing",
        "measured on Other people (p4, p5), not trained on:",
        "sinc 31.50 0.9100 0.0210",
        "rich-x2 33.25 0.9400 0.0150",
    ):
        assert fact in text, fact


TRAINING = {
    "data": [
        {"name": "Scans of people", "licence": "CC0", "citation": "Somebody 2020", "subjects": ["p1", "p2", "p3"]},
        {"folder": "unnamed"},
    ]
}
RESULTS = [
    {
        "data": "Other people",
        "subjects": ["p4", "p5"],
        "rows": [
            {"method": "sinc", "psnr_db": 31.5, "ssim": 0.91, "nmae": 0.021},
            {"method": "rich-x2", "psnr_db": 33.25, "ssim": 0.94, "nmae": 0.015},
        ],
    }
]


def test_a_card_says_what_reference_it_uses():
    told = {"axes": "through-plane", "scale": 4, "degradation": "thick-slice", "reference_contrasts": ("T1w", "T1c")}
    text = " ".join(card_text(card_of(**told)).split())
    assert "super-resolve x4 through plane (thinner slices), of images made coarse by: thick-slice" in text
    assert "reference T1w, T1c; used where there is one" in text
    assert "T1c; needed" in " ".join(card_text(card_of(**told, reference_required=True)).split())
    assert "reference" not in card_text(card_of())


def test_a_card_says_what_raw_data_it_is_for(terminal: Terminal, folder: Path):
    kinds = ("random-lines", "poisson-disc")
    row = {"method": "lf", "psnr_db": 31.5, "ssim": 0.91, "nmae": 0.021, "lf_psnr_db": 27.25, "lf_ssim": 0.875}
    table = {"data": "Others", "subjects": [], "rows": [row, {**row, "lf_psnr_db": None}]}
    path = tiny_reconstructor(folder / "lf.safetensors", acceleration=(3, 8), sampling=kinds, coils=(4, 16))
    with_figures = tiny_reconstructor(folder / "figures.safetensors", results=[table, {**table, "rows": []}])
    text = "\n".join(" ".join(line.split()) for line in terminal.done("models", path))
    assert "acceleration 3 to 8-fold\nsampling random-lines, poisson-disc\ncoils 4 to 16\n" in text
    text = "\n".join(" ".join(line.split()) for line in terminal.done("models", with_figures))
    assert "acceleration" not in text
    assert "method PSNR [dB] SSIM NMAE LF-PSNR [dB] LF-SSIM" in text
    assert "lf 31.50 0.9100 0.0210 27.25 0.8750\nlf 31.50 0.9100 0.0210 - 0.8750" in text


def test_a_mistyped_name(terminal: Terminal, folder: Path):
    _, hint = terminal.refused(["models", "tiny-x3"])
    assert "did you mean tiny-x" in hint


def test_a_model_of_the_users_folder_by_its_name(terminal: Terminal, folder: Path):
    import SimpleITK as sitk

    from tasks.samples import head

    sitk.WriteImage(head(), "in.nii")
    said = terminal.done("super-resolve", "in.nii", "-o", "out.nii", "--model", "tiny-x4")
    assert "80 x 96 x 3 voxels" in said[0]
