"""What stands between 3D Slicer and the `mrienhance` library.

Slicer never computes: volumes go to one long-lived worker process and come back as new nodes. The three modules
(Reconstruct, Synthesize, SuperResolve) are thin; what they share lives here. Nothing in this package imports torch or
the library: the worker's interpreter does.
"""
