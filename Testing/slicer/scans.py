"""Small scans in files, for batch tests."""

import numpy as np
import SimpleITK as sitk

OBLIQUE = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)
LEFT_HANDED = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, -1.0)


def volume(*, seed=0, direction=OBLIQUE, size=(12, 10, 4)):
    """A volume of noise that lies askew."""
    i, j, k = size
    image = sitk.GetImageFromArray(np.random.default_rng(seed).integers(0, 900, (k, j, i)).astype(np.int16))
    image.SetSpacing((1.5, 1.25, 4.0))
    image.SetOrigin((-40.0, 12.5, 7.0))
    image.SetDirection(direction)
    return image


def write(path, **kwargs):
    """Write a volume; gives it."""
    image = volume(**kwargs)
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path), True)
    return image


def write_series(folder, image, *, number=1, names="slice{:03d}.dcm", places=None, description="t1 tse"):
    """Write a volume as one DICOM file a slice, the last slice first; `places` moves slices along the normal."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    d, (x, y, z) = image.GetDirection(), image.GetSpacing()
    places = [z * k for k in range(image.GetSize()[2])] if places is None else places
    series = f"1.2.826.0.1.3680043.2.1125.{number}"
    for k, place in enumerate(places):
        part = sitk.Cast(image[:, :, k : k + 1], sitk.sitkInt16)
        position = np.array(image.GetOrigin()) + place * np.array([d[2], d[5], d[8]])
        tags = {
            "0008|0060": "MR",
            "0008|0018": f"{series}.{k + 1}",
            "0008|103e": description,
            "0020|000d": "1.2.826.0.1.3680043.2.1125.0",
            "0020|000e": series,
            "0020|0013": str(len(places) - k),
            "0020|0032": "\\".join(f"{value:.9g}" for value in position),
            "0020|0037": "\\".join(f"{d[index]:.9g}" for index in (0, 3, 6, 1, 4, 7)),
            "0028|0030": f"{y}\\{x}",
        }
        for tag, value in tags.items():
            part.SetMetaData(tag, value)
        path = folder / names.format(len(places) - k)
        writer.SetFileName(str(path.with_suffix(".dcm")))
        writer.Execute(part)
        path.with_suffix(".dcm").rename(path)


def same(first, second, *, tolerance=1e-6):
    """Whether two images have the same voxels in the same places, up to the order of the slices."""
    if first.GetDirection()[8] * second.GetDirection()[8] < 0:
        second = sitk.Flip(second, (False, False, True))
        matrix = list(second.GetDirection())
        assert matrix[8] * first.GetDirection()[8] > 0
    return (
        np.array_equal(sitk.GetArrayFromImage(first), sitk.GetArrayFromImage(second))
        and np.allclose(first.GetSpacing(), second.GetSpacing(), atol=tolerance)
        and np.allclose(first.GetOrigin(), second.GetOrigin(), atol=tolerance)
        and np.allclose(first.GetDirection(), second.GetDirection(), atol=tolerance)
    )
