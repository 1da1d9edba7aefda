"""Raw data in: fastMRI HDF5, ISMRMRD, BART, NumPy; one `KSpace` for all of them."""

from typing import TYPE_CHECKING

from mrienhance._lazy import lazy

if TYPE_CHECKING:
    from mrienhance.kspace.build import Contents, build_kspace
    from mrienhance.kspace.masks import as_mask, central_block, find_mask
    from mrienhance.kspace.placement import Placement
    from mrienhance.kspace.read import FORMATS, read_kspace
    from mrienhance.kspace.trim import trim
    from mrienhance.kspace.types import Facts, KSpace
    from mrienhance.kspace.write import KSPACE_SUFFIXES, write_kspace

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "Contents": ".build",
        "FORMATS": ".read",
        "Facts": ".types",
        "KSPACE_SUFFIXES": ".write",
        "KSpace": ".types",
        "Placement": ".placement",
        "as_mask": ".masks",
        "build_kspace": ".build",
        "central_block": ".masks",
        "find_mask": ".masks",
        "read_kspace": ".read",
        "trim": ".trim",
        "write_kspace": ".write",
    },
)
