"""Version: that of the installed package, which every process says in its lease."""

from importlib.metadata import PackageNotFoundError, version


def package_version() -> str:
    """As pip knows it."""
    try:
        return version("callplane")
    except PackageNotFoundError:
        return "(not installed)"
