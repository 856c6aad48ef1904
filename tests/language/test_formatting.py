"""Laying out texts: nothing but white space and the case of keywords changes, and only once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eventflux.language import parse
from eventflux.language.formatting import format_app
from eventflux.types.errors import ParseError

ROOT = Path(__file__).resolve().parents[2]
TEXTS = sorted(
    path
    for folder in ("examples", "benchmarks/queries", "tests/fixtures/language", "tests/fixtures/plans")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".sql", ".eventfluxql"} and path.stem != "accepted"
)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_corpus_keeps_its_meaning_and_is_laid_out_once(path: Path) -> None:
    text = path.read_text("utf-8")
    formatted = format_app(text)
    assert format_app(formatted) == formatted
    variables = dict.fromkeys(re.findall(r"\$\{(\w+)", text), "1")
    assert parse(formatted, variables=variables) == parse(text, variables=variables)


def test_a_long_statement_is_broken_at_its_clauses() -> None:
    text = (
        "insert into LongNameOfAStream select a.symbol as symbol, a.price as price_of_a, b.price as price_of_b, "
        "a.volume + b.volume as volume from A as a left outer join B window length(10) as b on a.symbol=b.symbol "
        "and a.price < b.price where a.price > 100 and b.price<2000 group by a.symbol;"
    )
    assert format_app(text) == (
        "INSERT INTO LongNameOfAStream\n"
        "SELECT a.symbol AS symbol, a.price AS price_of_a, b.price AS price_of_b,\n"
        "    a.volume + b.volume AS volume\n"
        "FROM A AS a\n"
        "LEFT OUTER JOIN B WINDOW length(10) AS b ON a.symbol = b.symbol AND a.price < b.price\n"
        "WHERE a.price > 100 AND b.price<2000\n"
        "GROUP BY a.symbol;\n"
    )


def test_what_on_timeout_inserts_into_stands_beside_it() -> None:
    text = (
        "from every e1=A -> e2=A[k == e1.k] within 10 sec on timeout insert into Missed "
        "select e1.k as k, e1.v as first_value, e2.v as second_value insert into O;"
    )
    assert format_app(text) == (
        "from every e1 = A -> e2 = A[k == e1.k]\n"
        "within 10 sec on timeout insert into Missed\n"
        "select e1.k as k, e1.v as first_value, e2.v as second_value\n"
        "insert into O;\n"
    )


def test_comments_stay_where_they_are() -> None:
    text = """\
-- head


/* a block
   of two */
create stream A(a int,b string) -- trailing
 ;create stream B (a int) ; -- after
insert into O select a , b -- the a
   from A
   where a>1 -- cond
;
-- foot
"""
    assert (
        format_app(text)
        == """\
-- head

/* a block
   of two */
CREATE STREAM A(a int, b string);  -- trailing
CREATE STREAM B (a int);  -- after
INSERT INTO O SELECT a, b  -- the a
FROM A
WHERE a>1;  -- cond
-- foot
"""
    )


def test_a_partition_indents_its_statements() -> None:
    text = "partition with (k of S) begin  insert into O select k from S ; /* end */ end;"
    assert format_app("CREATE STREAM S (k STRING);" + text) == (
        "CREATE STREAM S (k STRING);\n"
        "PARTITION WITH (k of S) BEGIN\n    INSERT INTO O SELECT k FROM S;  /* end */\nEND;\n"
    )


def test_long_annotations_are_broken() -> None:
    text = (
        "@source(type='http', receiver.url='http://0.0.0.0:8080/some/long/path', basic.auth.enabled='false', "
        "@map(type='json', @attributes(a='$.a', b='$.b'))) define stream Q (a int, b string);"
    )
    assert format_app(text) == (
        "@source(type = 'http', receiver.url = 'http://0.0.0.0:8080/some/long/path',\n"
        "    basic.auth.enabled = 'false', @map(type = 'json', @attributes(a = '$.a', b = '$.b')))\n"
        "define stream Q (a int, b string);\n"
    )


def test_strings_scripts_and_variables_are_never_touched() -> None:
    text = (
        "define   function f[python] return int {\n  return  data[0]  # a }\n};\n"
        "CREATE STREAM S (a   STRING) "
        "WITH ('type'='source', 'extension'='file', 'format'='json', 'file.path'='${P:a  b}');\n"
        "insert into O select a   from S where a = 'x   ,y' and a <>  '${Q}';\n"
    )
    formatted = format_app(text)
    assert "{\n  return  data[0]  # a }\n}" in formatted
    assert "'${P:a  b}'" in formatted
    assert "'x   ,y'" in formatted
    assert "'${Q}'" in formatted


def test_a_wrong_text_is_told() -> None:
    with pytest.raises(ParseError):
        format_app("SELEC a FROM b;")
