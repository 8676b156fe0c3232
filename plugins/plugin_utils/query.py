# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A question to the fleet document as a JMESPath expression, evaluated by the library jmespath.

The library is optional, so it is imported only where there is a question.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any


class QueryError(Exception):
    """Why an expression cannot be evaluated, in words for people."""


def check(expression: str) -> None:
    """Find out, without a document, what can be wrong with an expression.

    That is its syntax, the names of functions and how many arguments they take, but not what these are.
    Raises QueryError, also where the library is missing.
    """
    jmespath = _import_jmespath()
    functions = jmespath.functions.Functions()
    try:
        for name, arguments in _function_calls(jmespath.compile(expression).parsed):
            try:
                functions.call_function(name, [None] * arguments)
            except jmespath.exceptions.JMESPathTypeError:
                pass
    except (jmespath.exceptions.JMESPathError, RecursionError) as error:
        raise QueryError(f"ascend_query is not a valid JMESPath expression: {expression}: {_error_text(error)}")


def evaluate(expression: str, document: Any) -> str:
    """Return what an expression gives for a document of plain JSON values, as indented JSON.

    Raises QueryError, also where the library is missing.
    """
    jmespath = _import_jmespath()
    try:
        found = jmespath.search(expression, document)
    # The functions of the library raise more than its own errors, for values that they were not made for.
    except (
        jmespath.exceptions.JMESPathError,
        ArithmeticError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise QueryError(f"ascend_query cannot be evaluated: {expression}: {_error_text(error)}")
    try:
        return json.dumps(found, indent=1, allow_nan=False)
    except (TypeError, ValueError):
        # &expression on its own, or a number that is none.
        raise QueryError(f"ascend_query cannot be evaluated: {expression}: its result is not a value of JSON")


def _import_jmespath() -> Any:
    try:
        import jmespath
    except ImportError:
        raise QueryError(
            f"ascend_query needs the Python library jmespath, which {sys.executable}, the Python that runs Ansible here, "
            f"does not have. Install it there: {sys.executable} -m pip install jmespath"
        )
    return jmespath


def _function_calls(node: Any) -> Iterator[tuple[str, int]]:
    """Give the name of each function that is called in a parsed expression, with the number of its arguments."""
    if isinstance(node, dict):
        children = node["children"]
        if node["type"] == "function_expression":
            yield node["value"], len(children)
        for child in children:
            yield from _function_calls(child)


def _error_text(error: Exception) -> str:
    """Return what an error says, in one line, without the expression and without a value, which may be all hosts."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if hasattr(error, "expected_types"):
        return f"{error.function_name}() takes {' or '.join(error.expected_types)}, not {error.actual_type}"
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return re.sub(r"^(Invalid|Bad) jmespath expression: |(, for expression)?:$", "", first, flags=re.IGNORECASE)
