import pytest

from eventflux.extension import Extension, ExtensionKind, ExtensionRegistry, extension
from eventflux.types.errors import ExtensionError, ExtensionNotFoundError


def window(name, **more):
    return Extension(name=name, kind=ExtensionKind.WINDOW, native="x", **more)


def sink(name):
    return Extension(name=name, kind=ExtensionKind.SINK)


def registry(*declarations):
    made = ExtensionRegistry()
    made.register(*declarations)
    return made


@pytest.mark.parametrize("name", ["lengthBatch", "LENGTHBATCH", "length_batch", "LENGTH_BATCH"])
def test_a_window_is_found_in_any_case_and_without_underscores(name):
    assert registry(window("lengthBatch")).get("window", name).name == "lengthBatch"


def test_an_alias_leads_to_the_declaration():
    assert registry(window("timeBatch", aliases=("tumbling",))).get("window", "Tumbling").name == "timeBatch"


def test_a_connector_is_found_exactly_or_in_any_case_if_only_one_fits():
    both = registry(sink("inMemory"), sink("log"), sink("Log"))
    assert both.get("sink", "inmemory").name == "inMemory"
    assert both.get("sink", "Log").name == "Log"
    assert both.find("sink", "LOG") is None


def test_a_qualified_name_is_taken_apart():
    assert registry(window("top", namespace="stats")).get("window", "stats:TOP").namespace == "stats"


def test_a_missing_name_lists_what_there_is_nearest_first():
    with pytest.raises(ExtensionNotFoundError) as caught:
        registry(window("time"), window("lengthBatch"), window("length")).get("window", "lenght")
    assert caught.value.available == ("length", "lengthBatch", "time")


def test_a_missing_connector_says_what_to_install():
    with pytest.raises(ExtensionNotFoundError, match="pip install 'eventflux-kafka'"):
        registry().get("source", "kafka")


def test_a_name_taken_names_both_distributions():
    taken = registry(window("top"))
    taken.distribution = "eventflux-stats"
    with pytest.raises(ExtensionError, match="'TOP' of eventflux-stats is already registered by eventflux-core"):
        taken.register(window("TOP", description="another"))


def test_the_same_declaration_again_is_no_conflict():
    again = registry(window("top"))
    again.register(window("top"))
    assert len(again) == 1


def test_replacing_takes_the_aliases_of_the_old_one_away():
    replaced = registry(window("top", aliases=("best",)))
    replaced.register(window("top", description="new"), replace=True)
    assert replaced.get("window", "top").description == "new"
    assert replaced.find("window", "best") is None


def test_a_refused_call_registers_nothing_of_it():
    half = registry(window("top"))
    with pytest.raises(ExtensionError):
        half.register(window("bottom"), window("top", description="other"))
    assert half.find("window", "bottom") is None


def test_a_copy_is_independent():
    original = registry(window("top"))
    copied = original.copy()
    copied.register(window("bottom"))
    assert original.find("window", "bottom") is None
    assert copied.remove("window", "TOP")
    assert original.find("window", "top") is not None


def test_a_decorated_class_carries_its_declaration():
    @extension(name="half", namespace="m", kind="function", returns="DOUBLE")
    class Half:
        """Halves.

        More words.
        """

    found = registry(Half).get("function", "m:half")
    assert found.factory is Half
    assert found.description == "Halves."


def test_something_undeclared_is_refused():
    with pytest.raises(ExtensionError, match="has no declaration"):
        registry(object())
