"""One command line for the whole life of a containerised Flask web app."""


def own_version() -> str:
    """The version of dogctl itself."""
    try:
        from dogctl._version import __version__
    except ImportError:  # a source tree that was never installed
        return "0.0.0"
    return __version__
