"""SQL's forms with keywords inside: CASE, CAST, EXTRACT, SUBSTRING, TRIM, POSITION, INTERVAL, TIMESTAMP; type names."""

from __future__ import annotations

from eventflux.language.ast import (
    Argument,
    Case,
    CaseBranch,
    Cast,
    CastMode,
    DateTimeLiteral,
    Expression,
    FunctionCall,
    Literal,
    Parameter,
    StructField,
    TypeName,
)
from eventflux.language.grammar import ParseNode
from eventflux.language.literals import LiteralError, name_value, string_value, timestamp_value
from eventflux.language.visitors.durations import DurationVisitor
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode
from eventflux.types.source_text import Span


class SpecialFormVisitor(DurationVisitor):
    """Reads special forms and type names. Expressions inside are read by the visitor that derives from it."""

    def special_form(self, node: ParseNode) -> Expression:
        match node.expr_name:
            case "case":
                return self._case(node)
            case "cast":
                return self._cast(node)
            case "extract":
                return self._extract(node)
            case "substring" | "position":
                name = "substring" if node.expr_name == "substring" else "position"
                operands = [self.expression(part) for part in self.parts(node).all("additive", "expression")]
                return self._call(name, operands, self.span(node))
            case "trim":
                return self._trim(node)
            case "exists":
                return self.exists(node)
            case "interval":
                return self.interval(node)
            case _:
                return self._datetime(node)

    @staticmethod
    def _call(name: str, operands: list[Expression], span: Span) -> FunctionCall:
        arguments = tuple(Argument(value=operand, span=operand.span) for operand in operands)
        return FunctionCall(name=name, arguments=arguments, span=span)

    def _case(self, node: ParseNode) -> Case:
        parts = self.parts(node)
        operand = parts.get("expression")
        otherwise = parts.get("case_else")
        branches: list[CaseBranch] = []
        for child in parts.all("case_branch"):
            when, then = self.parts(child).all("expression")
            branches.append(CaseBranch(when=self.expression(when), then=self.expression(then), span=self.span(child)))
        return Case(
            operand=None if operand is None else self.expression(operand),
            branches=tuple(branches),
            otherwise=None if otherwise is None else self.expression(self.parts(otherwise).one("expression")),
            span=self.span(node),
        )

    def _cast(self, node: ParseNode) -> Cast:
        parts = self.parts(node)
        return Cast(
            operand=self.expression(parts.one("expression")),
            type=self.type_name(parts.one("type_name")),
            mode=CastMode(self.text(parts.one("cast_word")).upper()),
            span=self.span(node),
        )

    def cast_to(self, operand: Expression, node: ParseNode, span: Span) -> Cast:
        """`operand::type`."""
        return Cast(operand=operand, type=self.type_name(node), span=span)

    def _extract(self, node: ParseNode) -> FunctionCall:
        parts = self.parts(node)
        word = parts.one("word")
        field = Literal(value=name_value(self.text(word))[0], type=AttributeType.STRING, span=self.span(word))
        return self._call("extract", [field, self.expression(parts.one("expression"))], self.span(node))

    def _trim(self, node: ParseNode) -> FunctionCall:
        parts = self.parts(node)
        side = parts.get("trim_side")
        *characters, operand = (self.expression(part) for part in parts.all("expression"))
        name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(
            self.text(side).upper() if side is not None else "", "trim"
        )
        return self._call(name, [operand, *characters], self.span(node))

    def _datetime(self, node: ParseNode) -> DateTimeLiteral:
        parts = self.parts(node)
        is_date = self.text(parts.one("datetime_word")).upper() == "DATE"
        text = string_value(self.text(parts.one("string")), self.dialect)
        try:
            milliseconds = timestamp_value(text, date_only=is_date)
        except LiteralError as error:
            self.error(self.span(node), ErrorCode.SYNTAX, str(error), hint="write 'YYYY-MM-DD hh:mm:ss'")
            milliseconds = 0
        return DateTimeLiteral(milliseconds=milliseconds, is_date=is_date, text=text, span=self.span(node))

    def parameter(self, node: ParseNode) -> Parameter:
        token = self.only(node)
        if not self.on_demand:
            self.error(
                self.span(node), ErrorCode.SYNTAX, "parameters are only allowed in on-demand queries", "use ${NAME}"
            )
        if token.expr_name == "named_parameter":
            return Parameter(name=self.text(token)[1:], span=self.span(node))
        self.parameter_count += 1
        return Parameter(index=self.parameter_count - 1, span=self.span(node))

    # -- types

    def type_name(self, node: ParseNode) -> TypeName:
        parts = self.parts(node)
        span = self.span(node)
        found = self._base_type(self.only(parts.one("base_type")))
        for _ in parts.all("array_mark"):
            found = TypeName(name="ARRAY", elements=(found,), span=span)
        return found

    def _base_type(self, node: ParseNode) -> TypeName:
        span = self.span(node)
        if node.expr_name == "struct_type":
            inner = self.only(node)
            fields = tuple(self._struct_field(part) for part in self.parts(inner).all("struct_field"))
            return TypeName(name="STRUCT" if inner.expr_name == "struct_angle" else "ROW", fields=fields, span=span)
        parts = self.parts(node)
        if node.expr_name == "collection_type":
            elements = tuple(self.type_name(part) for part in parts.all("type_name"))
            name = self.text(parts.one("collection_word")).upper()
            wanted = 2 if name == "MAP" else 1
            if len(elements) != wanted:
                self.error(
                    span, ErrorCode.SYNTAX, f"{name} takes {wanted} type{'s' * (wanted - 1)}, got {len(elements)}"
                )
            return TypeName(name=name, elements=elements, span=span)
        lengths = tuple(self.whole_number(part) for part in parts.all("whole_number"))
        name = " ".join(self.text(parts.one("type_word")).upper().split())
        return TypeName(name=name, lengths=lengths, span=span)

    def _struct_field(self, node: ParseNode) -> StructField:
        parts = self.parts(node)
        name = self.identifier(parts.one("column_name"))
        return StructField(name=name, type=self.type_name(parts.one("type_name")), span=self.span(node))
