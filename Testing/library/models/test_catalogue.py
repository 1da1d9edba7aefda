"""The catalogue finds what is there, lists what is broken, and lets nobody take another one's name."""

import shutil
import sys
from pathlib import Path

import pytest

from models.makers import write
from mrienhance.errors import ModelError
from mrienhance.models import catalogue, find_model, load_model, user_folder


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Empty folders for shipped and for own models."""
    shipped, own = tmp_path / "shipped", tmp_path / "own"
    shipped.mkdir()
    own.mkdir()
    monkeypatch.setattr(catalogue, "SHIPPED", shipped)
    monkeypatch.setenv("MRIENHANCE_MODELS", str(own))
    return shipped, own


def test_an_empty_catalogue_says_so() -> None:
    assert catalogue.catalogue() == []
    with pytest.raises(ModelError, match="no model called 'toy'") as refusal:
        find_model("toy")
    assert "none" in refusal.value.hint
    with pytest.raises(ModelError, match="no model to super-resolve by 2"):
        find_model(task="super-resolve", scale=2)


def test_models_are_listed_shipped_ones_first(folders: tuple[Path, Path]) -> None:
    shipped, own = folders
    write(own / "a.safetensors", name="mine")
    write(shipped / "b.safetensors", name="b")
    write(shipped / "a.safetensors", name="a")
    entries = catalogue.catalogue()
    assert [(entry.name, entry.source) for entry in entries] == [("a", "shipped"), ("b", "shipped"), ("mine", "user")]
    assert all(entry.card is not None and entry.card.name == entry.name for entry in entries)


def test_broken_files_are_listed_with_what_is_wrong(folders: tuple[Path, Path]) -> None:
    own = folders[1]
    write(own / "good.safetensors", name="good")
    (own / "empty.safetensors").touch()
    (own / "notes.txt").write_text("no model")
    (own / ".mrienhance-123.safetensors").touch()
    (own / "folder.safetensors").mkdir()
    entries = {entry.name: entry for entry in catalogue.catalogue()}
    assert set(entries) == {"good", "empty", "folder"}
    assert entries["good"].error == ""
    assert "empty.safetensors" in entries["empty"].error
    assert entries["empty"].card is None
    with pytest.raises(ModelError, match="truncated"):
        find_model("empty")


def test_a_file_cannot_take_the_name_of_a_shipped_model(folders: tuple[Path, Path]) -> None:
    shipped, own = folders
    write(shipped / "toy.safetensors", name="toy")
    usurper = write(own / "a.safetensors", name="toy")
    entry = find_model("toy")
    assert entry.source == "shipped"
    listed = catalogue.catalogue()[1]
    assert "by its path" in listed.error
    assert load_model(usurper).path == usurper


def test_a_path_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "file.safetensors", name="toy")
    monkeypatch.chdir(tmp_path)
    for name in (path, str(path), "file.safetensors", "./file.safetensors", Path("file.safetensors")):
        entry = find_model(name)
        assert (entry.name, entry.source) == ("toy", "path")
    bare = Path(shutil.copy(path, tmp_path / "file"))
    assert find_model(bare.relative_to(tmp_path)).name == "toy"
    with pytest.raises(ModelError, match="no model called 'file'"):
        find_model("file")


def test_a_mistyped_name_gets_a_hint(folders: tuple[Path, Path]) -> None:
    write(folders[0] / "a.safetensors", name="iconet-x2")
    with pytest.raises(ModelError) as refusal:
        find_model("iconet-2x")
    assert refusal.value.hint == "did you mean iconet-x2?"
    with pytest.raises(ModelError) as refusal:
        find_model("something else")
    assert "iconet-x2" in refusal.value.hint


def test_a_model_is_found_by_what_it_does(folders: tuple[Path, Path]) -> None:
    write(folders[0] / "a.safetensors", name="synth", task="synthesize", scale=None)
    write(folders[0] / "b.safetensors", name="two")
    write(folders[1] / "c.safetensors", name="any", scale=None)
    assert find_model().name == "synth"
    assert find_model(task="super-resolve").name == "two"
    assert find_model(task="super-resolve", scale=2).name == "two"
    assert find_model("synth", task="synthesize").name == "synth"
    with pytest.raises(ModelError, match="to super-resolve by 8"):
        find_model(task="super-resolve", scale=8)
    with pytest.raises(ModelError, match="synth is a model to synthesize, not to super-resolve"):
        find_model("synth", task="super-resolve")
    with pytest.raises(ModelError, match="two is made for scale 2, not 4"):
        find_model("two", scale=4)


def test_a_model_is_found_by_its_contrasts(folders: tuple[Path, Path]) -> None:
    contrasts = {"task": "synthesize", "scale": None, "contrasts_out": ["T2w"]}
    write(folders[0] / "a.safetensors", name="one", contrasts_in=["T1w"], **contrasts)
    write(folders[0] / "b.safetensors", name="many", **contrasts | {"contrasts_in": ["T1w", "FLAIR"]})
    write(folders[1] / "c.safetensors", name="last", **contrasts | {"contrasts_in": ["FLAIR", "T1w"]})
    assert find_model(task="synthesize", sources=["T1w"], targets=["T2w"]).name == "many"
    assert find_model(task="synthesize", sources=["T1w", "FLAIR"], targets=["T2w"]).name == "many"
    assert find_model(task="synthesize", targets=["T2w"]).name == "many"
    assert find_model(task="synthesize").name == "one"
    with pytest.raises(ModelError, match="no model to synthesize PDw from T1w"):
        find_model(task="synthesize", sources=["T1w"], targets=["PDw"])
    with pytest.raises(ModelError, match="one takes T1w, not FLAIR"):
        find_model("one", sources=["FLAIR"], targets=["T2w"])
    with pytest.raises(ModelError, match="one makes T2w, not T1w, FLAIR"):
        find_model("one", targets=["T1w", "T2w", "FLAIR"])


def test_the_user_folder_is_where_the_system_keeps_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert user_folder() == tmp_path / "own"
    monkeypatch.delenv("MRIENHANCE_MODELS")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert user_folder() == tmp_path / ".local/share/mrienhance/models"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert user_folder() == tmp_path / "data/mrienhance/models"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert user_folder() == tmp_path / "Library/Application Support/mrienhance/models"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert user_folder() == tmp_path / "local/mrienhance/models"
    assert catalogue.catalogue() == []
