"""MRI made better with deep learning.

An image goes in and comes out as a `SimpleITK.Image`. The names below load what they need when they are first used, so
that importing the package costs little.

Examples
--------
The main job in four lines::

    import mrienhance

    image = mrienhance.read_image("scan.nii.gz")
    result = mrienhance.super_resolve(image, scale=2)
    mrienhance.write_image(result.image, "scan_x2.nii.gz")

What was refused is one clear line, with a hint:

>>> import mrienhance
>>> try:
...     mrienhance.read_image("no_such_scan.nii.gz")
... except mrienhance.MRIEnhanceError as error:
...     print(type(error).__name__)
ImageError
"""

from typing import TYPE_CHECKING

from mrienhance._lazy import lazy
from mrienhance._version import __version__

if TYPE_CHECKING:
    from mrienhance.errors import (
        Cancelled,
        DependencyError,
        ImageError,
        KSpaceError,
        ModelError,
        MRIEnhanceError,
        OutOfMemory,
        OutputError,
        UsageError,
    )
    from mrienhance.evaluation.evaluate import evaluate
    from mrienhance.images import read_image, write_image
    from mrienhance.kspace import read_kspace
    from mrienhance.models import load_model
    from mrienhance.models.catalogue import catalogue
    from mrienhance.tasks.reconstruct import reconstruct
    from mrienhance.tasks.result import Result
    from mrienhance.tasks.simulate_kspace import simulate_kspace
    from mrienhance.tasks.super_resolve import super_resolve
    from mrienhance.tasks.synthesize import synthesize, synthesize_all

# Functions that share their module's name are taken from the module itself, whatever was imported before.
__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "Cancelled": ".errors",
        "DependencyError": ".errors",
        "ImageError": ".errors",
        "KSpaceError": ".errors",
        "MRIEnhanceError": ".errors",
        "ModelError": ".errors",
        "OutOfMemory": ".errors",
        "OutputError": ".errors",
        "Result": ".tasks.result",
        "UsageError": ".errors",
        "catalogue": ".models.catalogue",
        "evaluate": ".evaluation.evaluate",
        "load_model": ".models",
        "read_image": ".images",
        "read_kspace": ".kspace",
        "reconstruct": ".tasks.reconstruct",
        "simulate_kspace": ".tasks.simulate_kspace",
        "super_resolve": ".tasks.super_resolve",
        "synthesize": ".tasks.synthesize",
        "synthesize_all": ".tasks.synthesize",
        "write_image": ".images",
    },
)
