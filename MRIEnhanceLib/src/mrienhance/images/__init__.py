"""Images in and out: files, geometry, tensors, intensities.

An image is a `SimpleITK.Image` wherever it can be seen; tensors in the order (k, j, i) live only between `to_tensor`
and `to_image`.
"""

from typing import TYPE_CHECKING

from mrienhance._lazy import lazy

if TYPE_CHECKING:
    from mrienhance.images.check import check_image
    from mrienhance.images.files import atomic_path, check_output
    from mrienhance.images.geometry import Alignment, Grid
    from mrienhance.images.intensity import IntensityScale
    from mrienhance.images.io import IMAGE_SUFFIXES, check_image_output, read_image, write_image
    from mrienhance.images.percentiles import display_window
    from mrienhance.images.pixel_types import PIXEL_BYTES
    from mrienhance.images.raw import check_room, read_raw, write_raw
    from mrienhance.images.registration import Registration, register
    from mrienhance.images.resample import Interpolation, resample_to
    from mrienhance.images.tensor import to_image, to_tensor

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "Alignment": ".geometry",
        "Grid": ".geometry",
        "IMAGE_SUFFIXES": ".io",
        "IntensityScale": ".intensity",
        "Interpolation": ".resample",
        "PIXEL_BYTES": ".pixel_types",
        "Registration": ".registration",
        "atomic_path": ".files",
        "check_image": ".check",
        "check_image_output": ".io",
        "check_output": ".files",
        "check_room": ".raw",
        "display_window": ".percentiles",
        "read_image": ".io",
        "read_raw": ".raw",
        "register": ".registration",
        "resample_to": ".resample",
        "to_image": ".tensor",
        "to_tensor": ".tensor",
        "write_image": ".io",
        "write_raw": ".raw",
    },
)
