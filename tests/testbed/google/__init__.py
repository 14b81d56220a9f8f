"""A stand-in for the parts of Google Cloud that releases need, with the real cluster behind it.

`tests.testbed.google.serving.google` starts it.
"""
