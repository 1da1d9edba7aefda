"""The metadata that say how the numbers of an image are meant."""

from __future__ import annotations

import SimpleITK as sitk

MEANING = {
    "0008|0060": "modality",
    "0028|1050": "window centre",
    "0028|1051": "window width",
    "0028|1052": "rescale intercept",
    "0028|1053": "rescale slope",
    "0028|1054": "rescale type",
    "0028|1055": "window explanation",
}
"""DICOM tags that stay true for an image made from another one with the same scale of values; no identifiers."""


def copy_metadata(source: sitk.Image, target: sitk.Image) -> None:
    """Copy all metadata, for an image that is the same in another shape."""
    for key in source.GetMetaDataKeys():
        target.SetMetaData(key, source.GetMetaData(key))


def copy_meaning(source: sitk.Image, target: sitk.Image) -> None:
    """Copy the metadata named in `MEANING`, for an image that was made from another one.

    Identifiers, dates and names stay behind: a derived image is not the original.
    """
    for key in MEANING:
        if source.HasMetaDataKey(key):
            target.SetMetaData(key, source.GetMetaData(key))


def mark_synthetic(image: sitk.Image, description: str) -> None:
    """Say in an image's metadata that no scanner measured it.

    As DICOM says it, image type and description of the series, which NRRD and MHA keep; and as ITK's file notes, which
    NIfTI keeps (80 bytes with the final zero).

    Parameters
    ----------
    image
        Its metadata are added to.
    description
        What it is: at most 64 characters are kept, as DICOM allows, without backslashes.
    """
    said = description.replace("\\", " ")[:64]
    image.SetMetaData("0008|0008", "DERIVED\\SECONDARY")
    image.SetMetaData("0008|103e", said)
    image.SetMetaData("ITK_FileNotes", said)
