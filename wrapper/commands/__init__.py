"""Commands: a file for each; all of them are imported with this package, and enter their handlers by that."""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
