"""Layers that two methods or more use. Every layer takes and gives ``(batch, channel, row, column)``."""
