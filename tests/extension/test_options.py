import pytest

from eventflux.extension import Extension, ExtensionKind, OptionProblemKind, Parameter, parse_options
from eventflux.extension.options import parse_boolean, parse_size

SINK = Extension(
    name="web",
    kind=ExtensionKind.SINK,
    parameters=(
        Parameter("url", ("STRING",), "Where to.", dynamic=True),
        Parameter("timeout.ms", ("LONG",), default=30_000, unit="ms", minimum=1, aliases=("timeout",)),
        Parameter("retries", ("INT",), default=3, minimum=0, maximum=10),
        Parameter("factor", ("DOUBLE",), default=2.0),
        Parameter("compress", ("BOOL",), default=False),
        Parameter("method", ("STRING",), default="POST", choices=("POST", "PUT")),
        Parameter("body", ("LONG",), default=1024, unit="bytes"),
        Parameter("password", ("STRING",), optional=True, secret=True),
        Parameter("headers.", ("STRING",), optional=True, is_prefix=True),
    ),
)


def good(**given):
    options, problems = parse_options(SINK, {key.replace("__", "."): value for key, value in given.items()})
    assert not problems
    return options


def test_texts_become_values_and_defaults_come_in():
    options = good(url="u", timeout__ms="1.5s", retries="5", factor="0.5", compress="YES", method="put", body="64KiB")
    assert options.text("url") == "u"
    assert (options.integer("timeout.ms"), options.integer("retries"), options.integer("body")) == (1500, 5, 65_536)
    assert (options.number("factor"), options.flag("compress"), options.text("method")) == (0.5, True, "PUT")
    assert options.optional_text("password") is None
    assert options.given == {"url", "timeout.ms", "retries", "factor", "compress", "method", "body"}
    assert good(url="u").integer("timeout.ms") == 30_000


def test_aliases_families_and_templates():
    options = good(url="http://{{host}}/", timeout="250", headers__Accept="x", headers__Y="y")
    assert options.integer("timeout.ms") == 250
    assert options.family("headers.") == {"Accept": "x", "Y": "y"}
    assert options.dynamic == {"url"}


VALUE = OptionProblemKind.VALUE


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({}, OptionProblemKind.MISSING, "sink web needs the option 'url'"),
        ({"retires": "1"}, OptionProblemKind.UNKNOWN, "sink web has no option 'retires'"),
        ({"retries": "x"}, VALUE, "option 'retries' of sink web must be a whole number, got 'x'"),
        ({"retries": "11"}, VALUE, "option 'retries' of sink web must be at most 10, got '11'"),
        ({"factor": "x"}, VALUE, "option 'factor' of sink web must be a number, got 'x'"),
        ({"compress": "x"}, VALUE, "option 'compress' of sink web must be true or false, got 'x'"),
        ({"method": "GET"}, VALUE, "option 'method' of sink web must be one of POST, PUT, got 'GET'"),
        (
            {"timeout": "1", "timeout.ms": "2"},
            OptionProblemKind.TWICE,
            "option 'timeout.ms' of sink web is the same as 'timeout', which is given too",
        ),
    ],
)
def test_problems_are_told_in_words(given, kind, message):
    _, problems = parse_options(SINK, ({"url": "u"} if given else {}) | given)
    assert [(problem.kind, problem.message) for problem in problems] == [(kind, message)]


def test_the_nearest_option_is_suggested():
    _, problems = parse_options(SINK, {"url": "u", "retires": "1"})
    assert problems[0].hint.startswith("did you mean 'retries'?")


def test_secrets_are_not_shown():
    options = good(url="u", password="hunter2")
    assert "hunter2" not in repr(options)
    assert options.text("password") == "hunter2"
    secret = Extension(
        name="x", kind=ExtensionKind.SINK, parameters=(Parameter("pin", ("INT",), secret=True, optional=True),)
    )
    _, problems = parse_options(secret, {"pin": "hunter2"})
    assert "hunter2" not in problems[0].message


def test_a_value_of_another_kind_is_a_bug():
    options = good(url="u")
    for read in (options.integer, options.number, options.flag):
        with pytest.raises(TypeError):
            read("url")
    with pytest.raises(TypeError):
        options.text("retries")


@pytest.mark.parametrize(
    ("text", "size"), [("5", 5), ("64KB", 64_000), ("64 KiB", 65_536), ("1.5MB", 1_500_000), ("2gib", 2**31), ("7b", 7)]
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "KB", "5XB", "1.2.3MB", "-5", "5 5"])
def test_what_is_no_size(text):
    with pytest.raises(ValueError, match="must be a size"):
        parse_size(text)


def test_booleans():
    assert parse_boolean(" True ")
    assert not parse_boolean("0")
    with pytest.raises(ValueError, match="must be true or false"):
        parse_boolean("2")
