"""Expressions of both dialects. What a name refers to is the binder's business."""

from __future__ import annotations

import enum
from dataclasses import field
from typing import TYPE_CHECKING, TypeAlias

from eventflux.language.ast.node import Identifier, Node
from eventflux.language.ast.type_names import TypeName
from eventflux.types.attribute_type import AttributeType
from eventflux.types.duration import TimeUnit
from eventflux.types.record import record

if TYPE_CHECKING:
    from eventflux.language.ast.queries import Query


class RelationKind(enum.Enum):
    """Which name space of relations: ordinary, `#Inner` of a partition, `!Fault` of a stream."""

    NORMAL = ""
    INNER = "#"
    FAULT = "!"


@record(frozen=True, slots=True, kw_only=True)
class RelationName(Node):
    """Name of a stream, table, window, trigger or aggregation."""

    name: Identifier
    kind: RelationKind = RelationKind.NORMAL

    def __str__(self) -> str:
        return f"{self.kind.value}{self.name.name}"


@record(frozen=True, slots=True, kw_only=True)
class Literal(Node):
    """A constant. `type` is None for NULL only.

    In both dialects an integer without suffix is INT; in SQL it is LONG where it does not fit 32 bits.
    FLOAT values are kept as written (a double); the binder rounds them.
    """

    value: bool | int | float | str | None
    type: AttributeType | None


@record(frozen=True, slots=True, kw_only=True)
class DurationTerm(Node):
    """`5 sec`: an amount (a decimal only in SQL) of a unit."""

    amount: int | float
    unit: TimeUnit


@record(frozen=True, slots=True, kw_only=True)
class DurationLiteral(Node):
    """A length of time, LONG milliseconds: `1 hour 30 min`, `INTERVAL '5' SECOND`.

    A bare number where a duration is due has no terms. As an expression it is a LONG constant.
    """

    milliseconds: int
    terms: tuple[DurationTerm, ...] = field(default=(), compare=False)


@record(frozen=True, slots=True, kw_only=True)
class DateTimeLiteral(Node):
    """`TIMESTAMP '...'` or `DATE '...'`: LONG epoch milliseconds."""

    milliseconds: int
    is_date: bool = field(default=False, compare=False)
    text: str = field(default="", compare=False)


@record(frozen=True, slots=True, kw_only=True)
class Parameter(Node):
    """`?` (index from 0) or `:name` in an on-demand query; bound by value."""

    index: int | None = None
    name: str | None = None


@record(frozen=True, slots=True, kw_only=True)
class EventIndex(Node):
    """Index of an event of a pattern element: `[2]`, `[last]` (offset 0 from last), `[last - 1]`."""

    offset: int
    from_last: bool = False


@record(frozen=True, slots=True, kw_only=True)
class AttributeReference(Node):
    """`a`, `S.a`, `#Inner.a`, `e1.a`, `e1[last - 1].a`.

    A reference without qualifier and index may turn out to name a stream or pattern element (`e1 is null`,
    `count(e1)`); one with qualifier may turn out to be a field of a struct attribute, and `x[0].a` a field
    of an array's element. SQL's `a.b.c` is FieldAccess(AttributeReference(a, b), c).
    """

    qualifier: RelationName | None = None
    index: EventIndex | None = None
    name: Identifier


@record(frozen=True, slots=True, kw_only=True)
class FieldAccess(Node):
    """`operand.name` of a struct."""

    operand: Expression
    name: Identifier


@record(frozen=True, slots=True, kw_only=True)
class IndexAccess(Node):
    """`operand[index]`: an element of an array or map, or (operand an unqualified reference) an event of an element."""

    operand: Expression
    index: Expression | EventIndex


class UnaryOperator(enum.Enum):
    NOT = "not"
    NEGATE = "-"
    PLUS = "+"


class BinaryOperator(enum.Enum):
    """Operators by their EventFluxQL spelling (CONCAT exists in SQL only)."""

    OR = "or"
    AND = "and"
    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    ADD = "+"
    SUBTRACT = "-"
    CONCAT = "||"
    MULTIPLY = "*"
    DIVIDE = "/"
    MODULO = "%"


@record(frozen=True, slots=True, kw_only=True)
class Unary(Node):
    operator: UnaryOperator
    operand: Expression


@record(frozen=True, slots=True, kw_only=True)
class Binary(Node):
    operator: BinaryOperator
    left: Expression
    right: Expression


@record(frozen=True, slots=True, kw_only=True)
class IsNull(Node):
    """`x IS [NOT] NULL`; x may be a stream or pattern element."""

    operand: Expression
    negated: bool = False


@record(frozen=True, slots=True, kw_only=True)
class IsBoolean(Node):
    """`x IS [NOT] TRUE|FALSE`."""

    operand: Expression
    value: bool
    negated: bool = False


@record(frozen=True, slots=True, kw_only=True)
class IsDistinct(Node):
    """`x IS [NOT] DISTINCT FROM y`: null-safe inequality."""

    left: Expression
    right: Expression
    negated: bool = False


@record(frozen=True, slots=True, kw_only=True)
class Between(Node):
    operand: Expression
    low: Expression
    high: Expression
    negated: bool = False


@record(frozen=True, slots=True, kw_only=True)
class InList(Node):
    """`x [NOT] IN (a, b, ...)`."""

    operand: Expression
    items: tuple[Expression, ...]
    negated: bool = False


@record(frozen=True, slots=True, kw_only=True)
class ConditionInTable(Node):
    """EventFluxQL's `condition in T`: some row of T satisfies the condition."""

    condition: Expression
    table: RelationName


@record(frozen=True, slots=True, kw_only=True)
class KeyInTable(Node):
    """SQL's `x [NOT] IN T`: T has a row whose primary key is x (a RowExpression for a key of several columns)."""

    operand: Expression
    table: RelationName
    negated: bool = False


@record(frozen=True, slots=True, kw_only=True)
class InSubquery(Node):
    """`x [NOT] IN (SELECT c FROM T WHERE ...)`."""

    operand: Expression
    query: Query
    negated: bool = False


@record(frozen=True, slots=True, kw_only=True)
class Exists(Node):
    """`EXISTS (SELECT ... FROM T WHERE ...)`."""

    query: Query


@record(frozen=True, slots=True, kw_only=True)
class Like(Node):
    """`x [NOT] LIKE p [ESCAPE 'c']`, ILIKE (ignores case)."""

    operand: Expression
    pattern: Expression
    escape: Expression | None = None
    ignore_case: bool = False
    negated: bool = False


@record(frozen=True, slots=True, kw_only=True)
class RegexpMatch(Node):
    """`x [NOT] REGEXP p`: p is found anywhere in x."""

    operand: Expression
    pattern: Expression
    negated: bool = False


@record(frozen=True, slots=True, kw_only=True)
class CaseBranch(Node):
    """`WHEN condition THEN result`; the condition of a simple CASE is the value to compare with."""

    when: Expression
    then: Expression


@record(frozen=True, slots=True, kw_only=True)
class Case(Node):
    """CASE, simple if `operand` is given. Without ELSE: null."""

    operand: Expression | None = None
    branches: tuple[CaseBranch, ...]
    otherwise: Expression | None = None


class CastMode(enum.Enum):
    """What a failed conversion does: null (CAST, TRY_CAST, `::`) or a faulty row (STRICT_CAST)."""

    CAST = "CAST"
    TRY = "TRY_CAST"
    STRICT = "STRICT_CAST"


@record(frozen=True, slots=True, kw_only=True)
class Cast(Node):
    """`CAST(x AS type)`, `x::type`. EventFluxQL's `cast(x, 'int')` is a FunctionCall with another meaning."""

    operand: Expression
    type: TypeName
    mode: CastMode = CastMode.CAST


@record(frozen=True, slots=True, kw_only=True)
class RowExpression(Node):
    """`(a, b)`: left side of IN with a key of several columns."""

    items: tuple[Expression, ...]


@record(frozen=True, slots=True, kw_only=True)
class Argument(Node):
    """Argument of a call, named in `f(x => 1)`, `ROW(1 AS x)` and `TUMBLING (SIZE 5 SECONDS)`."""

    name: Identifier | None = None
    value: Expression


@record(frozen=True, slots=True, kw_only=True)
class FunctionCall(Node):
    """Call of a scalar function or aggregator: `ns:f(a, b)`, `COUNT(*)`, `SUM(DISTINCT x) FILTER (WHERE c)`.

    SQL's special forms arrive here with plain arguments: EXTRACT(f FROM x) as extract('f', x), SUBSTRING(s FROM
    a FOR b) as substring(s, a, b), POSITION(a IN s) as position(a, s), TRIM(BOTH c FROM s) as trim(s, c)
    (LEADING: ltrim, TRAILING: rtrim), CURRENT_TIMESTAMP without arguments. Names are as written; SQL looks them up in
    any case.
    """

    namespace: str | None = None
    name: str
    arguments: tuple[Argument, ...] = ()
    star: bool = False
    """`f(*)`: all attributes; `COUNT(*)`: rows."""
    distinct: bool = False
    filter: Expression | None = None
    final: bool | None = None
    """In MEASURES: `FINAL LAST(x)` is about the whole match, `RUNNING LAST(x)` about its rows so far."""

    @property
    def qualified_name(self) -> str:
        return self.name if self.namespace is None else f"{self.namespace}:{self.name}"


Expression: TypeAlias = (
    Literal
    | DurationLiteral
    | DateTimeLiteral
    | Parameter
    | AttributeReference
    | FieldAccess
    | IndexAccess
    | Unary
    | Binary
    | IsNull
    | IsBoolean
    | IsDistinct
    | Between
    | InList
    | ConditionInTable
    | KeyInTable
    | InSubquery
    | Exists
    | Like
    | RegexpMatch
    | Case
    | Cast
    | RowExpression
    | FunctionCall
)
