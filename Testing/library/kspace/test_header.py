"""XML headers: nothing that expands, nothing that overflows, nothing that is half there."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from kspace.makers import Header, noise, write_fastmri
from mrienhance import KSpaceError, read_kspace

GOOD = Header().xml()
LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_fastmri(tmp_path / "a.h5", noise(2, 3, 32, 20))


def refused(path: Path, header: object, why: str) -> None:
    with h5py.File(path, "a") as file:
        del file["ismrmrd_header"]
        file["ismrmrd_header"] = header
    with pytest.raises(KSpaceError, match=why) as refusal:
        read_kspace(path)
    assert "\n" not in str(refusal.value)
    assert refusal.value.hint


@pytest.mark.parametrize(
    "declaration", [LAUGHS, "<!DOCTYPE ismrmrdHeader>", '<!DOCTYPE x SYSTEM "file:///etc/passwd">', "<!ENTITY a 'b'>"]
)
def test_a_document_type(path: Path, declaration: str) -> None:
    refused(path, GOOD.replace("<ismrmrdHeader", declaration + "<ismrmrdHeader", 1), "document type")


def test_a_document_type_in_another_encoding(path: Path) -> None:
    """UTF-16 would hide it from a search in bytes; it is not UTF-8, and refused."""
    text = GOOD.replace("<ismrmrdHeader", LAUGHS + "<ismrmrdHeader", 1).replace("utf-8", "utf-16")
    refused(path, np.bytes_(text.encode("utf-16")), "not in UTF-8")
    refused(path, np.bytes_(text.encode("utf-7").replace(b"utf-16", b"utf-7")), "damaged|document type")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "damaged"),
        (GOOD[:-30], "damaged"),
        ("<a/>", "'a', not an ismrmrdHeader"),
        ("<a>" * 100000, "damaged"),
        ("<ismrmrdHeader/>", "describes no encoding"),
        (GOOD.replace("<x>24</x>", "<x>-24</x>"), "x = '-24'"),
        (GOOD.replace("<x>24</x>", "<x>0</x>"), "matrix of 0 x 16 x 1"),
        (GOOD.replace("<x>24</x>", "<x>999999999</x>"), "matrix of 999999999 x 16 x 1"),
        (GOOD.replace("<x>24</x>", "<x>99999999999999999999</x>"), "x = '9999"),
        (GOOD.replace("<x>24</x>", "<x>٢٤</x>"), "x = "),
        (GOOD.replace("</ismrmrdHeader>", "<!-- " + "x" * 2**22 + " --></ismrmrdHeader>"), "characters"),
    ],
)
def test_headers_that_are_none(path: Path, text: str, why: str) -> None:
    refused(path, text, why)


def test_a_header_that_is_no_text(path: Path) -> None:
    refused(path, [1, 2, 3], "no text")
    refused(path, h5py.Empty("S1"), "damaged")


@pytest.mark.parametrize("fov", ["nan", "inf", "0", "-5", "wide", ""])
def test_without_a_field_of_view_there_is_no_geometry(path: Path, fov: str) -> None:
    with h5py.File(path, "a") as file:
        del file["ismrmrd_header"], file["reconstruction_rss"]
        file["ismrmrd_header"] = GOOD.replace("<x>48.0</x>", f"<x>{fov}</x>")
    kspace = read_kspace(path)
    assert kspace.geometry is None
    assert kspace.crop == (12, 20)  # along the readout the matrix of the reconstruction
