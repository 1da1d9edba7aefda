"""An input is all its files: a change in any of them changes its hash."""

from pathlib import Path

import pytest

from mrienhance.batch.hashes import files_of, input_hash
from mrienhance.errors import ImageError

INPUTS = {
    "one file": ("scan.nii.gz", ["scan.nii.gz"]),
    "a BART pair by its data": ("raw.cfl", ["raw.cfl", "raw.hdr"]),
    "a BART pair by its header": ("raw.hdr", ["raw.cfl", "raw.hdr"]),
    "a BART pair by its name": ("raw", ["raw.cfl", "raw.hdr"]),
    "a NIfTI pair": ("scan.hdr", ["scan.hdr", "scan.img"]),
    "MetaImage": ("scan.mhd", ["scan.mhd", "scan.raw"]),
    "NRRD": ("scan.nhdr", ["scan.nhdr", "scan.raw"]),
    "a series": ("series", ["series/1.dcm", "series/2.dcm"]),
}
HEADERS = {"scan.mhd": "NDims = 3\nElementDataFile = scan.raw\n", "scan.nhdr": "NRRD0004\ndata file: scan.raw\r\n\r\n"}


@pytest.mark.parametrize(("name", "files"), INPUTS.values(), ids=INPUTS)
def test_every_file_counts(tmp_path: Path, name: str, files: list[str]):
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(HEADERS.get(file, file))
    (tmp_path / "other").write_text("other")
    assert {str(path.relative_to(tmp_path)) for path in files_of(tmp_path / name)} == set(files)
    hashes = [input_hash(tmp_path / name)]
    for file in files:
        (tmp_path / file).write_text(HEADERS.get(file, file) + "changed")
        hashes.append(input_hash(tmp_path / name))
    assert len(set(hashes)) == len(files) + 1
    (tmp_path / "other").write_text("changed")
    assert input_hash(tmp_path / name) == hashes[-1]


def test_nothing(tmp_path: Path):
    assert files_of(tmp_path / "nothing") == ()
    with pytest.raises(ImageError, match="nothing"):
        input_hash(tmp_path / "nothing")


def test_two_headers_that_point_at_each_other(tmp_path: Path):
    (tmp_path / "a.mhd").write_text("ElementDataFile = a.mhd\n")
    assert input_hash(tmp_path / "a.mhd")
