"""The ``mrienhance`` command. Nothing here imports torch, SimpleITK or matplotlib before a command runs."""
