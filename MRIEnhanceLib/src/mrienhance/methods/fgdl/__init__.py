"""FGDL's synthesis of one contrast from another (Feng et al., IEEE TMI 2024): the first of its two stages."""

from mrienhance.methods.fgdl.method import METHOD

__all__ = ["METHOD"]
