"""What the documents say is so: links lead somewhere, commands exist, examples run."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from repository.source import PROJECT, ROOT, files

DOCUMENTS = [path for path in files() if path.suffix == ".md"]
IDS = [path.relative_to(ROOT).as_posix() for path in DOCUMENTS]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text("utf-8")
    links = [link.partition("#")[0] for link in LINK.findall(text) if not re.match(r"\w+:|#", link)]
    missing = [link for link in links if not (document.parent / link).exists()]
    assert not missing


def test_the_two_licences_are_one() -> None:
    assert (ROOT / "LICENSE").read_bytes() == (PROJECT / "LICENSE").read_bytes()


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_commands_exist(document: Path) -> None:
    """Every `mrienhance …` line of a code block is understood up to its options."""
    from mrienhance.cli.main import build_parser

    for _, block in BLOCK.findall(document.read_text("utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["mrienhance"] and "…" not in words:
                build_parser().parse_args(words[1:])


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    texts = [path.read_text("utf-8") for path in DOCUMENTS]
    named = {target for text in texts for target in re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE)}
    assert named >= {"demo", "test"}
    assert named <= targets


def test_the_example_of_the_readme_runs(tmp_path: Path) -> None:
    [code] = [text for kind, text in BLOCK.findall((ROOT / "README.md").read_text("utf-8")) if kind == "python"]
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["slab_x2.nii.gz"]
