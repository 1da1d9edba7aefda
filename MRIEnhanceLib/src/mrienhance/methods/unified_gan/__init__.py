"""Synthesis of any contrast from any other by one network, after Dai et al., Medical Physics 2020."""

from mrienhance.methods.unified_gan.method import METHOD

__all__ = ["METHOD"]
