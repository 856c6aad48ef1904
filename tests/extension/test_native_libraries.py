"""Windows and functions in C, against the installed header: the same as in Python and as the built-ins."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.needs import lacking

import eventflux
from eventflux import EventFluxManager, ExtensionError
from eventflux.testing import AppRunner

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "custom_extension"
COMPILER = shutil.which("cc") or shutil.which("gcc")
FLAGS = ("-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")


@pytest.fixture(autouse=True, scope="module")
def _compiler() -> None:
    if COMPILER is None:
        lacking("C compiler", "apt-get install gcc libc6-dev")


APP = """
@app:name('custom')
define stream Trades (symbol string, price double, volume double);
partition with (symbol of Trades) begin
    @info(name='q') from Trades#window.custom:lastRows(3)
    select symbol, sum(price) as total, count() as n, custom:plus(price, volume) as both
    insert all events into Out;
end;
"""


def compiled(folder: Path, text: str, name: str = "custom") -> Path:
    source, library = folder / f"{name}.c", folder / f"{name}.so"
    source.write_text(text, "utf-8")
    assert COMPILER is not None
    command = [COMPILER, *FLAGS, f"-I{eventflux.get_include()}", str(source), "-o", str(library)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return library


@pytest.fixture(scope="module", params=["small", "batched"])
def library(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    source = EXAMPLE / "custom.c" if request.param == "small" else Path(__file__).with_name("batched_window.c")
    return compiled(tmp_path_factory.mktemp("native"), source.read_text("utf-8"))


def rows(count: int, seed: int = 1) -> list[tuple[object, ...]]:
    source = random.Random(seed)
    names = ["A", "B", "a symbol that does not fit into twelve bytes"]
    return [
        (source.choice(names), source.choice([None, float(source.randrange(100))]), float(source.randrange(10)))
        for _ in range(count)
    ]


def outputs(extension: Path | None, app: str, data: list[tuple[object, ...]], *, slice_rows: int = 0) -> list[object]:
    def setup(manager: EventFluxManager) -> None:
        if extension is not None:
            manager.set_extension("custom", extension)

    with AppRunner(app, "Out", setup=setup, config={"engine": {"slice_rows": slice_rows}}) as runner:
        runner.send_many("Trades", data[: len(data) // 2], list(range(len(data) // 2)))
        runner.restart()
        runner.send_many("Trades", data[len(data) // 2 :], list(range(len(data) // 2, len(data))))
        return runner.events("Out")


@pytest.mark.parametrize("slice_rows", [1, 7, 0])
def test_a_window_in_c_is_that_in_python_and_the_built_in(library: Path, slice_rows: int) -> None:
    data = rows(400)
    in_c = outputs(library, APP, data, slice_rows=slice_rows)
    assert len(in_c) > 400
    assert in_c == outputs(EXAMPLE / "custom.py", APP, data, slice_rows=slice_rows)
    built_in = APP.replace("custom:lastRows", "length").replace("custom:plus(price, volume)", "price + volume")
    assert in_c == outputs(None, built_in, data, slice_rows=slice_rows)


def test_what_it_brings_is_declared(library: Path) -> None:
    with EventFluxManager(plugins=False) as manager:
        infos = manager.set_extension("custom", library)
        assert [(info.kind.value, info.namespace, info.name) for info in infos] == [
            ("window", "custom", "lastRows"),
            ("function", "custom", "plus"),
        ]
        assert manager.set_extension("custom", library) == infos
        (wrong,) = manager.validate(
            "define stream S (a int); from S#window.custom:lastRows('x') select a insert into O;"
        )
        assert "INT" in str(wrong)
        (wrong,) = manager.validate("define stream S (a string); from S select custom:plus(a, 1.0) as b insert into O;")
        assert "custom:plus" in str(wrong)
        runtime = manager.create_eventflux_app_runtime(APP)
        assert re.search(r"plugin:custom\.so(\(\d+\))?:custom:lastRows", runtime.explain())
        manager.remove_extension("custom")
        assert manager.validate(APP) != []


def test_a_wrong_argument_is_refused_by_the_library(tmp_path: Path) -> None:
    library = compiled(tmp_path, (EXAMPLE / "custom.c").read_text("utf-8"))
    with EventFluxManager(plugins=False) as manager:
        manager.set_extension("custom", library)
        with pytest.raises(eventflux.ValidationError) as caught:
            manager.create_eventflux_app_runtime(
                "define stream S (a int); from S#window.custom:lastRows(0) select a insert into O;"
            )
        assert "custom:lastRows needs a number of rows, 1 or more" in str(caught.value)
        assert caught.value.column == 40


def test_a_directory_of_extensions_is_loaded(library: Path, tmp_path: Path) -> None:
    shutil.copy2(library, tmp_path / "custom.so")
    (tmp_path / "more.py").write_text(
        "from eventflux.extension import scalar_function\n"
        "@scalar_function('twice', returns='INT', description='x')\n"
        "def twice(a): return 2 * a\n"
        "def eventflux_register_functions(registry): registry.register(twice)\n",
        "utf-8",
    )
    with EventFluxManager({"extensions": {"directories": [str(tmp_path)]}}, plugins=False) as manager:
        names = {info.name for info in manager.extensions()}
    assert {"lastRows", "plus", "twice"} <= names


HEAD = '#include "eventflux.h"\n#include <string.h>\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("int nothing(void); int nothing(void) { return 0; }", r"exports no register_\* callback"),
        (
            "EFX_EXPORT const uint32_t efx_abi_version = EF_ABI_VERSION + 1;"
            "EFX_EXPORT int32_t register_windows(const efx_registry *r) { (void)r; return 0; }",
            r"was built for the extension ABI 2, this engine has 1",
        ),
        (
            'EFX_EXPORT int32_t register_sinks(const efx_registry *r) { r->set_error(r, "no luck"); return 1; }',
            r"register_sinks failed: no luck",
        ),
        (
            "EFX_EXPORT int32_t register_extension(const efx_registry *r) { (void)r; return 7; }",
            r"register_extension failed: it returned 7 and gave no reason",
        ),
        (
            'static const efx_function f = {.abi_version = 9, .name = "f"};'
            "EFX_EXPORT int32_t register_functions(const efx_registry *r) { return r->add_function(r, &f); }",
            r"function 'f' was built for the extension ABI 9, this engine has 1",
        ),
        (
            'static const efx_function f = {.abi_version = EF_ABI_VERSION, .namespace_name = "", .name = "f",'
            '.description = "", .returns = EF_INT};'
            "EFX_EXPORT int32_t register_functions(const efx_registry *r) { return r->add_function(r, &f); }",
            r"function 'f' has no call or no type of result",
        ),
        (
            'static const ef_operator_class c = {.abi_version = EF_ABI_VERSION, .struct_size = sizeof c, .name = "w"};'
            'static const efx_window w = {.abi_version = EF_ABI_VERSION, .namespace_name = "", .name = "w",'
            '.description = "", .operator_class = &c};'
            "EFX_EXPORT int32_t register_windows(const efx_registry *r) { return r->add_window(r, &w); }",
            r"window 'w' lacks create, destroy, process, next_due or size",
        ),
    ],
)
def test_a_broken_library_is_named_and_nothing_of_it_stays(tmp_path: Path, text: str, message: str) -> None:
    library = compiled(tmp_path, HEAD + text, "broken")
    with EventFluxManager(plugins=False) as manager:
        before = manager.extensions()
        with pytest.raises(ExtensionError, match=message) as caught:
            manager.set_extension("broken", library)
        assert str(library) in str(caught.value)
        assert manager.extensions() == before


def test_what_is_no_library(tmp_path: Path) -> None:
    (tmp_path / "fake.so").write_text("no library", "utf-8")
    with EventFluxManager(plugins=False) as manager:
        with pytest.raises(ExtensionError, match=r"fake.so: the library cannot be opened"):
            manager.set_extension("fake", tmp_path / "fake.so")
        with pytest.raises(ExtensionError, match=r"does not exist"):
            manager.set_extension("missing", tmp_path / "missing.so")


FAILS = (
    HEAD
    + """
EFX_PLUGIN;
static ef_status half(uint32_t rows, uint32_t count, const ef_column *arguments, ef_column *result, uint8_t *failed,
                      ef_arena *arena, ef_error *error) {
    const int32_t *a = arguments[0].values;
    int32_t *r = result->values;
    (void)count; (void)arena; (void)error;
    for (uint32_t i = 0; i < rows; i++) {
        r[i] = a[i] / 2;
        failed[i] = a[i] % 2 != 0;
    }
    return EF_OK;
}
static const ef_type types[] = {EF_INT};
static const efx_function f = {EF_ABI_VERSION, "", "half", "Half of an even number.", types, 1, EF_INT, half};
EFX_EXPORT int32_t register_functions(const efx_registry *r) { return r->add_function(r, &f); }
"""
)


def test_a_row_that_fails_takes_no_other_along(tmp_path: Path) -> None:
    library = compiled(tmp_path, FAILS, "half")
    failures: list[str] = []
    seen: list[object] = []
    with EventFluxManager(plugins=False) as manager:
        manager.set_extension("half", library)
        runtime = manager.create_eventflux_app_runtime(
            "define stream S (a int); from S select half(a) as h insert into O;"
        )
        runtime.on_exception(lambda failure: failures.append(failure.message))
        runtime.add_callback("O", lambda events: seen.extend(event.data[0] for event in events))
        runtime.start()
        runtime.input_handler("S").send_many([(2,), (3,), (8,)])
    assert seen == [1, 4]
    assert failures == ["the function failed"]


def test_a_damaged_state_is_refused(library: Path) -> None:
    with EventFluxManager(plugins=False) as manager:
        manager.set_extension("custom", library)
        runtime = manager.create_eventflux_app_runtime(
            "@app:name('x') define stream Trades (a string); "
            "from Trades#window.custom:lastRows(4) select a insert into O;",
            playback=True,
        )
        runtime.start()
        runtime.input_handler("Trades").send_many([("a text that is longer than twelve bytes",)] * 3, [1, 2, 3])
        state = runtime.snapshot()
        runtime.restore(state)
        refused = 0
        for place in range(len(state)):
            damaged = bytearray(state)
            damaged[place] ^= 0x41
            try:
                runtime.restore(bytes(damaged))
            except eventflux.EventFluxError:
                refused += 1
        assert refused == len(state)
