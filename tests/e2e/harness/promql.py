# SPDX-License-Identifier: Apache-2.0
"""The names in an expression of PromQL: metrics with their label matchers, and labels that are grouped by.

No parser: whether an expression is well-formed, promtool says. What looks like a name and is neither a
function nor a keyword is taken for a metric, so that a misspelt one is never passed over.
"""

import re

TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<number>0x[0-9a-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?:ms|[smhdwy])?(?:\d+(?:ms|[smhdwy]))*)
    |(?P<name>[a-zA-Z_:$][a-zA-Z0-9_:]*)
    |(?P<mark>=~|!~|!=|==|<=|>=|[-+*/%^=<>(){}\[\],@])""",
    re.X,
)
GROUPING = {"by", "without", "on", "ignoring", "group_left", "group_right"}
WORDS = {"and", "or", "unless", "atan2", "bool", "offset", "inf", "nan", "start", "end"}
MATCHERS = {"=", "!=", "=~", "!~"}


class Names:
    """`metrics` is a list of (name, [(label, operator, value)]), `labels` a set of what is grouped by."""

    def __init__(self, expression):
        self.tokens = list(tokens(expression))
        self.metrics, self.labels = [], set()
        at = 0
        while at < len(self.tokens):
            at = self._take(at)

    def _is(self, at, mark):
        return at < len(self.tokens) and self.tokens[at] == ("mark", mark)

    def _take(self, at):
        kind, text = self.tokens[at]
        if (kind, text) == ("mark", "["):
            return self._end(at, "]")
        if (kind, text) == ("mark", "{"):
            raise ValueError("a selector without a metric's name")
        if kind != "name":
            return at + 1
        if text.lower() in GROUPING:
            return self._grouping(at + 1)
        follows = self.tokens[at + 1][1] if at + 1 < len(self.tokens) else ""
        if text.lower() in WORDS or follows == "(" or follows in ("by", "without"):
            return at + 1
        matchers, after = self._matchers(at + 1)
        self.metrics.append((text, matchers))
        return after

    def _end(self, at, mark):
        while not self._is(at, mark):
            at += 1
        return at + 1

    def _grouping(self, at):
        """group_left may stand alone."""
        if not self._is(at, "("):
            return at
        end = self._end(at, ")")
        self.labels |= {text for kind, text in self.tokens[at:end] if kind == "name"}
        return end

    def _matchers(self, at):
        if not self._is(at, "{"):
            return [], at
        end = self._end(at, "}")
        found = [token for token in self.tokens[at + 1:end - 1] if token != ("mark", ",")]
        if len(found) % 3:
            raise ValueError(f"label matchers not understood: {found}")
        triples = [found[index:index + 3] for index in range(0, len(found), 3)]
        for (label, _), (_, operator), (text, _) in triples:
            if label != "name" or operator not in MATCHERS or text != "text":
                raise ValueError(f"label matchers not understood: {found}")
        return [(label[1], operator[1], value[1][1:-1]) for label, operator, value in triples], end


def tokens(expression):
    at = 0
    while at < len(expression):
        found = TOKEN.match(expression, at)
        if not found:
            raise ValueError(f"not PromQL at {expression[at:at + 20]!r}")
        at = found.end()
        if found.lastgroup != "space":
            yield found.lastgroup, found.group()


def alternatives(operator, value):
    """The values that a matcher names one by one; none when it is a pattern."""
    if operator in ("=", "!="):
        return [value] if value else []
    plain = value.split("|")
    return plain if all(re.fullmatch(r"[A-Za-z0-9_.-]+", each) and each != ".*" for each in plain) else []
