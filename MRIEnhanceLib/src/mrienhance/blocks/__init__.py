"""Layers that two methods or more use, and plug-in modules of papers; slices or volumes, (batch, channel, ...)."""
