"""Many cases, shared by processes and machines: a manifest in, claims and outcomes on a disk, a summary out."""
