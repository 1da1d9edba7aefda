"""CRFM-style super-resolution of volumes with a reference contrast (Wang et al., J Imaging Inform Med 2024)."""

from mrienhance.methods.crfm.method import METHOD

__all__ = ["METHOD"]
