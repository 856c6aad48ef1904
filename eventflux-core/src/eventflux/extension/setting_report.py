"""What is wrong with the settings of a stream, as it is found, and options checked on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from eventflux.extension.declaration import Extension
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.nearest import nearest
from eventflux.extension.options import OptionProblem, OptionProblemKind, Options, parse_options
from eventflux.extension.registry import ExtensionRegistry, install_hint
from eventflux.extension.settings import KEY_PROPERTIES, Setting, SettingProblem
from eventflux.extension.stream_options import ASYNC_OPTIONS, ERROR_OPTIONS, STREAM_OPTIONS
from eventflux.types.error_codes import ErrorCode


class SettingReport:
    """Collects the problems of one stream, each with the origin of the text that it is about."""

    def __init__(
        self,
        stream: str,
        registry: ExtensionRegistry,
        references: Mapping[str, Mapping[str, str]],
        origin: object,
    ) -> None:
        """Begin empty.

        Args:
            stream: For messages.
            registry: What can be named.
            references: ``ref`` -> options.
            origin: Of the definition, for problems that no text of its own has.
        """
        self.stream = stream
        self.registry = registry
        self.references = references
        self.origin = origin
        self.problems: list[SettingProblem] = []

    def problem(self, code: ErrorCode, message: str, origin: object = None, hint: str | None = None) -> None:
        """Note one."""
        self.problems.append(
            SettingProblem(code=code, message=message, origin=self.origin if origin is None else origin, hint=hint)
        )

    def options(self, declaration: Extension, texts: Mapping[str, Setting], prefix: str) -> Options:
        """Check texts (keys without ``prefix``) and report with the full keys."""
        options, problems = parse_options(declaration, {key: setting.value for key, setting in texts.items()})
        for problem in problems:
            self._option_problem(declaration, problem, texts.get(problem.key), prefix)
        return options

    def _option_problem(
        self, declaration: Extension, problem: OptionProblem, setting: Setting | None, prefix: str
    ) -> None:
        key = f"{prefix}{problem.key}"
        origin = None if setting is None else setting.origin
        match problem.kind:
            case OptionProblemKind.UNKNOWN:
                best = nearest(problem.key, (parameter.name for parameter in declaration.parameters))
                hint = problem.hint if best is None else f"did you mean {prefix + best!r}?"
                self.problem(ErrorCode.UNKNOWN_PROPERTY, f"unknown property {key!r}", origin, hint)
            case OptionProblemKind.MISSING:
                kind = declaration.kind.words
                self.problem(
                    ErrorCode.MISSING_PROPERTY,
                    f"stream {self.stream!r}: property {key!r} is required for {kind} {declaration.name!r}",
                    origin,
                    problem.hint,
                )
            case OptionProblemKind.TWICE:
                self.problem(ErrorCode.DUPLICATE_PROPERTY, f"property {key!r} given twice", origin, problem.message)
            case OptionProblemKind.VALUE:
                said = problem.message.partition(" must be ")[2]
                self.problem(ErrorCode.PROPERTY_VALUE, f"property {key!r} must be {said}", origin)

    def named(self, kind: ExtensionKind, setting: Setting) -> Extension | None:
        """The extension that a setting names; None: there is none, which is noted."""
        declaration = self.registry.find(kind, setting.value)
        if declaration is None:
            names = self.registry.names(kind)
            hint = install_hint(kind, setting.value)
            best = nearest(setting.value, names)
            if hint is None and best is not None:
                hint = f"did you mean {best!r}?"
            elif hint is None:
                hint = f"installed: {', '.join(names)}"
            self.problem(ErrorCode.NOT_INSTALLED, f"no {kind.words} {setting.value!r} installed", setting.origin, hint)
        return declaration

    def referred(self, reference: Setting | None, texts: dict[str, Setting]) -> dict[str, Setting]:
        """Texts with those of the configuration's section that ``ref`` names below them."""
        if reference is None:
            return texts
        referred = self.references.get(reference.value)
        if referred is None:
            best = nearest(reference.value, self.references)
            self.problem(
                ErrorCode.PROPERTY_VALUE,
                f"ref {reference.value!r} names no section of the configuration",
                reference.origin,
                None if best is None else f"did you mean {best!r}?",
            )
            return texts
        return {**{key: Setting(key, value, reference.origin) for key, value in referred.items()}, **texts}

    def unknown(self, key: str, setting: Setting, known: Iterable[str]) -> None:
        """Note a key that nobody has taken, with the nearest that there is."""
        spelled = [*known, *KEY_PROPERTIES]
        spelled += [f"async.{parameter.name}" for parameter in ASYNC_OPTIONS.parameters]
        spelled += [f"error.{parameter.name}" for parameter in ERROR_OPTIONS.parameters]
        spelled += [parameter.name for parameter in STREAM_OPTIONS.parameters]
        best = nearest(key, spelled)
        hint = None if best is None else f"did you mean {best!r}?"
        self.problem(ErrorCode.UNKNOWN_PROPERTY, f"unknown property {key!r}", setting.origin, hint)
