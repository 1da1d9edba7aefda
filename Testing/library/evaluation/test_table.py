"""Tables: the four forms say the same, each as its readers expect."""

import csv
import io
import json
import math

import pytest

from mrienhance.errors import OutputError, UsageError
from mrienhance.evaluation import as_csv, as_json, as_markdown, as_text, write_table

ROWS = [
    {"method": "sinc", "psnr_db": 31.6789, "ssim": 0.91239, "nmae": 0.01236, "slices": 181, "seconds": 0.25},
    {"method": 'a | b, "c"', "psnr_db": math.inf, "ssim": math.nan, "nmae": 0.0, "slices": None, "seconds": 12.0},
]


def test_text_is_aligned():
    assert as_text(ROWS).splitlines() == [
        "method      PSNR [dB]    SSIM    NMAE  slices  seconds",
        "----------  ---------  ------  ------  ------  -------",
        "sinc            31.68  0.9124  0.0124     181     0.25",
        'a | b, "c"        inf       -  0.0000       -       12',
    ]


def test_markdown_keeps_its_columns():
    lines = as_markdown(ROWS).splitlines()
    assert lines[0] == "| method | PSNR [dB] | SSIM | NMAE | slices | seconds |"
    assert lines[1] == "|:--|--:|--:|--:|--:|--:|"
    assert lines[3] == '| a \\| b, "c" | inf | - | 0.0000 | - | 12 |'
    assert {line.replace("\\|", "").count("|") for line in lines} == {7}


def test_csv_reads_back_in_full_precision():
    first, second = csv.DictReader(io.StringIO(as_csv(ROWS)))
    assert float(first["psnr_db"]) == ROWS[0]["psnr_db"]
    assert second["method"] == ROWS[1]["method"]
    assert (float(second["psnr_db"]), second["ssim"], second["slices"]) == (math.inf, "", "")


def test_json_is_strict_and_reads_back():
    def refuse(name):
        raise AssertionError(name)

    first, second = json.loads(as_json(ROWS), parse_constant=refuse)
    assert first == ROWS[0]
    assert second == {**ROWS[1], "psnr_db": "Infinity", "ssim": None}
    assert float(second["psnr_db"]) == math.inf


def test_line_breaks_stay_out_of_cells():
    rows = [{"method": "  two\nlines", "ssim": 1.0}]
    assert len(as_text(rows).splitlines()) == len(as_markdown(rows).splitlines()) == 3
    assert as_text(rows).splitlines()[2] == "  two lines  1.0000"


@pytest.mark.parametrize("form", [as_text, as_markdown, as_csv, as_json])
def test_rows_must_be_there_and_alike(form):
    with pytest.raises(UsageError, match="without rows"):
        form([])
    with pytest.raises(UsageError, match="different columns"):
        form([{"a": 1}, {"b": 2}])


@pytest.mark.parametrize(
    ("suffix", "form"), [(".txt", as_text), (".md", as_markdown), (".csv", as_csv), (".JSON", as_json)]
)
def test_file_form_follows_the_name(tmp_path, suffix, form):
    path = write_table(ROWS, tmp_path / f"table{suffix}")
    assert path.read_text(encoding="utf-8") == form(ROWS).rstrip("\n") + "\n"
    assert list(tmp_path.iterdir()) == [path]


def test_file_is_not_overwritten_unasked(tmp_path):
    path = write_table(ROWS, tmp_path / "table.md")
    with pytest.raises(OutputError, match="exists"):
        write_table(ROWS[:1], path)
    assert path.read_text(encoding="utf-8").count("\n") == 4
    write_table(ROWS[:1], path, overwrite=True)
    assert path.read_text(encoding="utf-8").count("\n") == 3


def test_unknown_form_is_refused(tmp_path):
    with pytest.raises(OutputError, match=r"table\.xlsx"):
        write_table(ROWS, tmp_path / "table.xlsx")
    assert not list(tmp_path.iterdir())
