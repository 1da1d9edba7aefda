"""ICONet-style super-resolution of one contrast, re-designed from the abstract of Kui et al., IEEE TCI 2025."""

from mrienhance.methods.iconet.method import METHOD

__all__ = ["METHOD"]
