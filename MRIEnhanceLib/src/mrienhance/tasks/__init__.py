"""What a user asks for, one verb a file: an image in, a `Result` out.

Nothing is handed on here: functions share their module's name, so take them from the module or from `mrienhance`.
"""
