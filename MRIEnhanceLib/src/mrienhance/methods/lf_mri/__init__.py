"""LF-MRI-style reconstruction with care for lesions, re-designed after Ju et al., Medical Image Analysis 2026."""

from mrienhance.methods.lf_mri.method import METHOD

__all__ = ["METHOD"]
