"""``mrienhance evaluate`` where lesions are: by a mask, by boxes, with an attention map."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from cli.terminal import Terminal
from mrienhance.evaluation import boxes_of_mask, evaluate_lesions
from tasks.samples import head


@pytest.fixture(autouse=True)
def images(terminal: Terminal) -> tuple[sitk.Image, sitk.Image, sitk.Image]:
    """A result, its reference, and a mask of two lesions."""
    reference = head((32, 28, 3))
    result = reference + sitk.Cast(20 * head((32, 28, 3), seed=5) / 1000, sitk.sitkFloat32)
    values = np.zeros((3, 28, 32), np.uint8)
    values[1, 6:19, 8:21] = values[2, 12:14, 12:15] = 1
    mask = sitk.GetImageFromArray(values)
    mask.CopyInformation(reference)
    for name, image in {"result": result, "truth": reference, "lesions": mask}.items():
        sitk.WriteImage(image, f"{name}.nrrd")
    return result, reference, mask


def test_by_a_mask(terminal: Terminal, images):
    arguments = ["--lesions", "lesions.nrrd", "--attention", "lesions.nrrd", "--json", "numbers.json"]
    said = terminal.done("evaluate", "result.nrrd", "truth.nrrd", *arguments)
    result, reference, mask = images
    expected = evaluate_lesions({"result": result}, reference, boxes_of_mask(mask), attention=mask).to_dict()
    found = json.loads(Path("numbers.json").read_text(encoding="utf-8"))["lesions"]
    assert found == json.loads(json.dumps(expected))
    assert found["rows"][0]["boxes"] == 2
    assert found["attention"]["pointing"] == 1
    assert any(line.startswith("lesions: normalised joint") for line in said)


def test_by_boxes(terminal: Terminal, images):
    """The first lesion as fastMRI+ would have it, among those of another scan."""
    lines = [
        "file,slice,study_level,x,y,width,height,label",
        f"truth,1,No,8,{28 - 6 - 13},13,13,Edema",
        "b,0,No,1,1,2,2,x",
    ]
    Path("boxes.csv").write_text("\n".join(lines), encoding="utf-8")
    terminal.done("evaluate", "result.nrrd", "truth.nrrd", "--boxes", "boxes.csv", "--json", "a.json")
    terminal.done(
        "evaluate", "result.nrrd", "truth.nrrd", "--boxes", "boxes.csv", "--case", "truth", "--json", "b.json"
    )
    mask = images[2]
    mask[:, :, 2] = 0
    sitk.WriteImage(mask, "one.nrrd")
    terminal.done("evaluate", "result.nrrd", "truth.nrrd", "--lesions", "one.nrrd", "--json", "c.json")
    rows = [json.loads(Path(f"{name}.json").read_text(encoding="utf-8"))["lesions"]["rows"] for name in "abc"]
    assert rows[0] == rows[1] == rows[2]


REFUSED = {
    "both": (["--lesions", "lesions.nrrd", "--boxes", "boxes.csv"], 2, "mask or by boxes"),
    "attention alone": (["--attention", "lesions.nrrd"], 2, "--attention"),
    "case alone": (["--case", "x"], 2, "--case"),
    "no such case": (["--boxes", "boxes.csv", "--case", "x"], 2, "'x'"),
    "no such file": (["--boxes", "nowhere.csv"], 1, "nowhere.csv"),
    "empty mask": (["--lesions", "empty.nrrd"], 1, "no lesion"),
    "another grid": (["--lesions", "other.nrrd"], 1, "grid"),
    "normalisation": (["--lesions", "lesions.nrrd", "--normalisation", "median"], 2, "median"),
}


@pytest.mark.parametrize(("arguments", "code", "said"), REFUSED.values(), ids=REFUSED)
def test_refusals(terminal: Terminal, images, arguments: list[str], code: int, said: str):
    mask = images[2]
    sitk.WriteImage(mask * 0, "empty.nrrd")
    sitk.WriteImage(mask[:, :, :2], "other.nrrd")
    Path("boxes.csv").write_text("file,slice,x,y,width,height\na,0,1,1,2,2\nb,0,1,1,2,2\n", encoding="utf-8")
    message, hint = terminal.refused(["evaluate", "result.nrrd", "truth.nrrd", *arguments], code=code)
    assert said in f"{message} {hint}"
