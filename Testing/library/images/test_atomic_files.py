"""Files appear whole or not at all, and nothing is lost."""

import errno
import os
import stat
import sys

import pytest

from mrienhance.errors import OutputError
from mrienhance.images import atomic_path, check_output


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def save(path, text="new", **options):
    with atomic_path(path, **options) as temporary:
        temporary.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("name", ["report.json", "scan.nii.gz", "no_suffix", "weights.v1.safetensors"])
def test_the_file_is_there_and_nothing_else(tmp_path, name):
    with atomic_path(tmp_path / name) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.endswith(".nii.gz" if name == "scan.nii.gz" else (tmp_path / name).suffix)
        assert not (tmp_path / name).exists()
        temporary.write_text("new", encoding="utf-8")
    assert names(tmp_path) == [name]
    assert (tmp_path / name).read_text(encoding="utf-8") == "new"


def test_permissions_are_those_of_any_new_file(tmp_path):
    save(tmp_path / "ours")
    (tmp_path / "any").write_text("new", encoding="utf-8")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "any").stat().st_mode


def test_a_file_that_exists_is_kept(tmp_path):
    path = tmp_path / "out.json"
    path.write_text("old", encoding="utf-8")
    for attempt in (save, check_output):
        with pytest.raises(OutputError, match="exists already") as refusal:
            attempt(path)
        assert "--force" in refusal.value.hint
    assert names(tmp_path) == ["out.json"]
    assert path.read_text(encoding="utf-8") == "old"


def test_a_file_that_may_be_replaced_is_there_until_the_new_one_is(tmp_path):
    path = tmp_path / "out.json"
    path.write_text("old", encoding="utf-8")
    with atomic_path(path, overwrite=True) as temporary:
        temporary.write_text("new", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "old"
    assert path.read_text(encoding="utf-8") == "new"
    assert names(tmp_path) == ["out.json"]


@pytest.mark.parametrize("failure", [ValueError("broken"), KeyboardInterrupt(), SystemExit(3)])
@pytest.mark.parametrize("overwrite", [True, False])
def test_whatever_stops_the_writer_leaves_nothing(tmp_path, failure, overwrite):
    path = tmp_path / "out.json"
    if overwrite:
        path.write_text("old", encoding="utf-8")
    with pytest.raises(type(failure)), atomic_path(path, overwrite=overwrite) as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise failure
    assert names(tmp_path) == ["out.json"] * overwrite
    assert not overwrite or path.read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize("step", ["fsync", "replace", "open"])
@pytest.mark.parametrize(
    ("number", "hint"),
    [(errno.ENOSPC, "space"), (errno.EACCES, "may write"), (errno.EROFS, "read-only"), (77777, "disk")],
)
def test_a_failing_disk_leaves_nothing(tmp_path, monkeypatch, step, number, hint):
    path = tmp_path / "out.json"
    path.write_text("old", encoding="utf-8")

    def fail(*arguments, **options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OutputError, match=r"cannot write .*out\.json: ") as refusal:
        save(path, overwrite=True)
    monkeypatch.undo()
    assert hint in refusal.value.hint
    assert names(tmp_path) == ["out.json"]
    assert path.read_text(encoding="utf-8") == "old"


def test_a_writer_out_of_space_is_refused_as_such(tmp_path):
    with pytest.raises(OutputError, match="no space left"), atomic_path(tmp_path / "out.json") as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert names(tmp_path) == []


def test_a_file_that_appears_meanwhile_is_kept(tmp_path):
    path = tmp_path / "out.json"
    with pytest.raises(OutputError, match="exists already"), atomic_path(path) as temporary:
        temporary.write_text("ours", encoding="utf-8")
        path.write_text("theirs", encoding="utf-8")
    assert names(tmp_path) == ["out.json"]
    assert path.read_text(encoding="utf-8") == "theirs"


@pytest.mark.parametrize("attempt", [save, check_output])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing/out.json", "does not exist"),
        ("file/out.json", "not a directory"),
        ("file/deeper/out.json", "not a directory"),
        ("folder", "it is a folder"),
        ("x" * 300, "too long"),
    ],
)
def test_a_place_that_cannot_be_written_to_is_refused(tmp_path, attempt, name, reason):
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=reason) as refusal:
        attempt(tmp_path / name, overwrite=True)
    assert refusal.value.hint
    assert names(tmp_path) == ["file", "folder"]
    assert names(tmp_path / "folder") == []


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="the administrator may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(OutputError, match="permission denied"):
        check_output(tmp_path / "out.json")
    tmp_path.chmod(stat.S_IRWXU)


def test_looking_changes_nothing(tmp_path):
    path = tmp_path / "out.json"
    assert check_output(path) == path
    assert names(tmp_path) == []
    path.write_text("old", encoding="utf-8")
    assert check_output(str(path), overwrite=True) == path
    assert path.read_text(encoding="utf-8") == "old"


def test_a_source_is_never_replaced(tmp_path):
    source = tmp_path / "scan.nii.gz"
    source.write_text("scan", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    for same in (source, tmp_path / "folder" / ".." / "scan.nii.gz"):
        with pytest.raises(OutputError, match="it is the input"):
            check_output(same, overwrite=True, sources=[tmp_path / "missing.nii", source])


def test_a_link_to_a_source_is_a_source(tmp_path):
    source = tmp_path / "scan.nii.gz"
    source.write_text("scan", encoding="utf-8")
    link = tmp_path / "link.nii.gz"
    try:
        link.symlink_to(source)
    except OSError:
        pytest.skip("no links here")
    with pytest.raises(OutputError, match="it is the input"):
        check_output(link, overwrite=True, sources=[source])


def test_a_link_that_leads_nowhere_is_something_that_exists(tmp_path):
    link = tmp_path / "out.json"
    try:
        link.symlink_to(tmp_path / "gone")
    except OSError:
        pytest.skip("no links here")
    with pytest.raises(OutputError, match="exists already"):
        check_output(link)
