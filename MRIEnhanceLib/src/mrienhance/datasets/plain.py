"""Plain folders: images named by subject and contrast, or a folder a subject with images named by contrast."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mrienhance.datasets.contrasts import LABELS, NOT_IMAGES, contrast_of, is_image, stem
from mrienhance.datasets.scan import Found, Scan, only_first, read_label_file

TITLE = "plain folder"


def recognises(folder: Path) -> bool:
    """Whether there are images in the folder or in its folders."""
    return any(True for _ in plain_images(folder))


def find(folder: Path) -> Found:
    """Find the images of a plain folder, and lesion maps beside them."""
    found = Found()
    for path, subject, contrast in plain_images(folder):
        found.scans.append(Scan(subject=subject, contrast=contrast, path=path))
    for place in people_in(folder):
        for name, path in labels_in(place).items():
            label = Scan(subject=place.name, contrast=name, path=path, read=read_label_file)
            found.labels.append(label)
    return only_first(found)


def plain_images(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Image files of a plain folder, each with its subject and contrast.

    Images in the folder itself are named by subject, up to the first ``_``, and by contrast behind the last one;
    images in a folder of a subject by contrast. Masks and label maps are left out.
    """
    for path in images_in(folder):
        subject, _, rest = stem(path).partition("_")
        yield path, subject, contrast_of(rest.rpartition("_")[2] or stem(path))
    for place in people_in(folder):
        for path in images_in(place):
            yield path, place.name, contrast_of(stem(path).rpartition("_")[2])


def people_in(folder: Path) -> list[Path]:
    """Folders of subjects: all but those that are hidden."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def images_in(folder: Path) -> list[Path]:
    """Image files in a folder, without masks and label maps."""
    return sorted(path for path in folder.iterdir() if is_image(path) and not NOT_IMAGES.search(path.name))


def labels_in(folder: Path) -> dict[str, Path]:
    """Label maps in a subject's folder, by what methods call them."""
    files = sorted(path for path in folder.iterdir() if is_image(path))
    return {name: path for name, pattern in LABELS.items() for path in files if pattern.match(stem(path))}
