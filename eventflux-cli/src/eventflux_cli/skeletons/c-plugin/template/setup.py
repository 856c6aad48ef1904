"""The library; everything else stands in pyproject.toml."""

import eventflux
from setuptools import Extension, setup

setup(
    ext_modules=[
        # Not a Python module: a library that plugin.py names. It links against nothing.
        Extension("{{ package }}._native", ["native/plugin.c"], include_dirs=[eventflux.get_include()])
    ]
)
