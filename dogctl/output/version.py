"""The version, without importing anything that `--version` can do without."""

from dogctl import own_version


def print_version() -> None:
    print(f"dogctl {own_version()}", flush=True)
