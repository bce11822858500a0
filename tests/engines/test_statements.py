"""The SQL of the PostgreSQL engine stays inside what databases that speak its protocol share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pglast import ast as nodes
from pglast import enums, parse_sql
from pglast.visitors import Visitor

from chatmarks.engines import statements

# Untyped: in a tree of this library nearly everything may be None.
ast: Any = nodes

STATEMENTS = {name: value for name, value in vars(statements).items() if name.isupper()}

KEYS = {
    "account": "owner",
    "conversation": "owner",
    "membership": "owner",
    "recent": "owner",
    "sent": "owner",
    "chat_group": "id",
    "app": "sdkappid",
    "probe": "id",
    "property": "name",
    "event": "sdkappid",
    "untold": "owner",
}
"""Whose row it is: what a database would split the table by."""

ACROSS_OWNERS = {
    "APPS",
    "HOLDERS",
    "FORGET_UNTOLD",
    "IS_UNTOLD",
    "NUMBER_EVENTS",
    "PROPERTIES",
    "MEMBERS",
    "COUNT_ACCOUNTS",
    "COUNT_ALL_CHAT_GROUPS",
    "COUNT_CHAT_GROUPS",
    "LIST_CHAT_GROUPS",
    "PAGE_OF_ACCOUNTS",
    "PAGE_OF_CHAT_GROUPS",
    "PAGE_OF_CONVERSATIONS",
    "PAGE_OF_MEMBERSHIPS",
    "PAGE_OF_RECENTS",
}
"""Questions about many owners, which a split database asks of all its parts: lists, and the moving of
whole stores."""

FUNCTIONS = {
    "count",
    "has_table_privilege",
    "left",
    "length",
    "max",
    "min",
    "row_number",
    "unnest",
}
FORMS = (ast.SelectStmt, ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt)


class Reading(Visitor):
    """Gathers what a statement uses."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Any] = []
        self.functions: set[str] = set()
        self.locks: list[Any] = []
        self.named: set[str] = set()

    def __call__(self, node: Any) -> Any:
        super().__call__(node)
        return self

    def visit_FuncCall(self, _: Any, node: Any) -> None:
        self.functions.add(node.funcname[-1].sval)

    def visit_CommonTableExpr(self, _: Any, node: Any) -> None:
        self.named.add(node.ctename)

    def visit_LockingClause(self, _: Any, node: Any) -> None:
        self.locks.append(node.strength)

    def visit_SelectStmt(self, _: Any, node: Any) -> None:
        self.forms.append(node)

    visit_InsertStmt = visit_UpdateStmt = visit_DeleteStmt = visit_SelectStmt


def parsed(name: str) -> Any:
    (found,) = parse_sql(STATEMENTS[name])
    return found.stmt


def tables_of(form: Any) -> list[str]:
    """The tables that one statement, without those inside of it, reads or changes."""
    places = form.fromClause or () if isinstance(form, ast.SelectStmt) else (form.relation,)
    return [place.relname for place in places if isinstance(place, ast.RangeVar)]


def first_column(condition: Any) -> str:
    """The column of the first comparison of a WHERE, which must be for equality."""
    while isinstance(condition, ast.BoolExpr):
        assert condition.boolop == enums.BoolExprType.AND_EXPR
        condition = condition.args[0]
    assert condition.kind in (enums.A_Expr_Kind.AEXPR_OP, enums.A_Expr_Kind.AEXPR_OP_ANY)
    assert condition.name[-1].sval == "="
    column: str = condition.lexpr.fields[-1].sval
    return column


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_uses_only_forms_and_functions_that_are_shared(name: str) -> None:
    statement = parsed(name)
    if name == "DURABILITY":
        assert isinstance(statement, ast.VariableShowStmt)
        return
    reading = Reading()(statement)
    assert isinstance(statement, FORMS)
    assert reading.functions <= FUNCTIONS
    assert all(lock == enums.LockClauseStrength.LCS_FORSHARE for lock in reading.locks)


@pytest.mark.parametrize("name", sorted(STATEMENTS.keys() - ACROSS_OWNERS - {"DURABILITY", "SCHEMA"}))
def test_a_statement_names_the_owner_of_its_rows_first(name: str) -> None:
    reading = Reading()(parsed(name))
    for form in reading.forms:
        for table in set(tables_of(form)) - reading.named:
            if isinstance(form, ast.InsertStmt):
                assert form.cols[0].name == KEYS[table]
                conflict = form.onConflictClause
                assert not conflict or conflict.infer.indexElems[0].name == KEYS[table]
            else:
                assert first_column(form.whereClause) == KEYS[table]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT pg_advisory_lock(1)",
        "SELECT nextval('numbers')",
        "LISTEN news",
        "CALL procedure()",
        "SELECT owner FROM account WHERE owner = $1 FOR UPDATE SKIP LOCKED",
    ],
)
def test_what_is_not_shared_would_be_found(statement: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STATEMENTS, "NEW", statement)
    with pytest.raises(AssertionError):
        test_a_statement_uses_only_forms_and_functions_that_are_shared("NEW")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 FROM account",
        "SELECT 1 FROM account WHERE version = $1 AND owner = $2",
        "SELECT 1 FROM account WHERE owner = $1 OR version = $2",
        "DELETE FROM conversation WHERE peer_id = $1",
        "WITH a AS (DELETE FROM conversation WHERE peer_id = $1) SELECT 1",
        "INSERT INTO account (version, owner) VALUES (1, 'x') ON CONFLICT (owner) DO NOTHING",
    ],
)
def test_a_statement_without_its_owner_would_be_found(
    statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STATEMENTS, "NEW", statement)
    with pytest.raises((AssertionError, AttributeError)):
        test_a_statement_names_the_owner_of_its_rows_first("NEW")


def test_every_statement_of_the_engine_stands_where_these_tests_read() -> None:
    folder = Path(statements.__file__).parent
    for module in ("postgres.py", "postgres_lists.py", "postgres_whole.py", "connections.py"):
        source = (folder / module).read_text()
        for word in ("SELECT ", "INSERT ", "UPDATE ", "DELETE FROM", "SHOW "):
            assert f'"{word}' not in source
