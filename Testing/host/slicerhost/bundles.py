"""Whole scenes: ``.mrml`` files, folders with their data, and ``.mrb`` files (a folder in a zip)."""

import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any


def load_scene(application: Any, path: Path, *, clear: bool) -> bool:
    """Read a scene, in place of the present one or into it."""
    scene = application.mrmlScene()
    if path.suffix.lower() == ".mrb":
        folder = tempfile.mkdtemp(dir=application.temporaryPath)
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
        found = sorted(Path(folder).glob("*/*.mrml"))
        if not found:
            return False
        path = found[0]
    scene.SetURL(str(path))
    scene.SetRootDirectory(str(path.parent))
    return bool(scene.Connect() if clear else scene.Import())


def save_scene(application: Any, path: Path) -> bool:
    """Write the scene: ``.mrml`` without data, ``.mrb`` and any other name (a folder) with them."""
    scene = application.mrmlScene()
    if path.suffix.lower() == ".mrml":
        scene.SetURL(str(path))
        scene.SetRootDirectory(str(path.parent))
        return bool(scene.Commit())
    if path.suffix.lower() != ".mrb":
        path.mkdir(parents=True, exist_ok=True)
        return _save_folder(application, path)
    # vtkMRMLScene.WriteToMRB ends the process where there is no application in C++, so the zip is made here.
    folder = Path(tempfile.mkdtemp(dir=application.temporaryPath))
    inside = folder / path.stem
    inside.mkdir()
    done = _save_folder(application, inside)
    if done:
        packed = shutil.make_archive(str(folder / "bundle"), "zip", folder, path.stem)
        shutil.move(packed, path)
    return done


def _save_folder(application: Any, folder: Path) -> bool:
    return bool(application.applicationLogic().SaveSceneToSlicerDataBundleDirectory(str(folder), None))
