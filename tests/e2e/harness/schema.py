# SPDX-License-Identifier: Apache-2.0
"""As much of JSON Schema as OpenAPI documents use; a keyword it does not know is a fault, not a pass."""

import re

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
IGNORED = {"description", "title", "example", "examples", "default", "format", "deprecated", "readOnly", "writeOnly",
           "nullable", "$comment", "externalDocs", "discriminator", "contentMediaType", "contentSchema"}


class Schema:
    """A schema within a document, against which values are held."""

    def __init__(self, document, schema):
        self.document, self.schema = document, schema

    def faults(self, value):
        """What is wrong with `value`, as texts; empty when it is valid."""
        return list(self._walk(self.schema, value, "$"))

    def _walk(self, schema, value, at):
        if schema is True or schema == {}:
            return
        schema = resolve(self.document, schema)
        if value is None and schema.get("nullable"):
            return
        for keyword, rule in schema.items():
            if keyword in IGNORED or keyword.startswith("x-"):
                continue
            check = getattr(self, "_" + keyword, None)
            if check is None:
                raise AssertionError(f"schema keyword {keyword!r} is not known here")
            yield from check(rule, value, at, schema)

    def _type(self, rule, value, at, _):
        if not any(is_type(value, each) for each in ([rule] if isinstance(rule, str) else rule)):
            yield f"{at}: {value!r} is not {rule}"

    def _properties(self, rule, value, at, _):
        if isinstance(value, dict):
            for name, schema in rule.items():
                if name in value:
                    yield from self._walk(schema, value[name], f"{at}.{name}")

    def _required(self, rule, value, at, _):
        if isinstance(value, dict):
            for name in rule:
                if name not in value:
                    yield f"{at}: {name} is missing"

    def _additionalProperties(self, rule, value, at, schema):
        if isinstance(value, dict):
            for name in set(value) - set(schema.get("properties", {})):
                if rule is False:
                    yield f"{at}: {name} is not allowed"
                elif rule is not True:
                    yield from self._walk(rule, value[name], f"{at}.{name}")

    def _items(self, rule, value, at, schema):
        if isinstance(value, list):
            for number, each in enumerate(value[len(schema.get("prefixItems", ())):]):
                yield from self._walk(rule, each, f"{at}[{number}]")

    def _prefixItems(self, rule, value, at, _):
        if isinstance(value, list):
            for number, (schema, each) in enumerate(zip(rule, value)):
                yield from self._walk(schema, each, f"{at}[{number}]")

    def _enum(self, rule, value, at, _):
        if value not in rule:
            yield f"{at}: {value!r} is none of {rule}"

    def _const(self, rule, value, at, _):
        if value != rule:
            yield f"{at}: {value!r} is not {rule!r}"

    def _pattern(self, rule, value, at, _):
        if isinstance(value, str) and not re.search(rule, value):
            yield f"{at}: {value!r} does not match {rule}"

    def _minimum(self, rule, value, at, _):
        if is_type(value, "number") and value < rule:
            yield f"{at}: {value} < {rule}"

    def _maximum(self, rule, value, at, _):
        if is_type(value, "number") and value > rule:
            yield f"{at}: {value} > {rule}"

    def _minItems(self, rule, value, at, _):
        if isinstance(value, list) and len(value) < rule:
            yield f"{at}: fewer than {rule}"

    def _maxItems(self, rule, value, at, _):
        if isinstance(value, list) and len(value) > rule:
            yield f"{at}: more than {rule}"

    def _uniqueItems(self, rule, value, at, _):
        if rule and isinstance(value, list) and len({repr(each) for each in value}) < len(value):
            yield f"{at}: not unique"

    def _minLength(self, rule, value, at, _):
        if isinstance(value, str) and len(value) < rule:
            yield f"{at}: shorter than {rule}"

    def _maxLength(self, rule, value, at, _):
        if isinstance(value, str) and len(value) > rule:
            yield f"{at}: longer than {rule}"

    def _minProperties(self, rule, value, at, _):
        if isinstance(value, dict) and len(value) < rule:
            yield f"{at}: fewer than {rule} members"

    def _maxProperties(self, rule, value, at, _):
        if isinstance(value, dict) and len(value) > rule:
            yield f"{at}: more than {rule} members"

    def _allOf(self, rule, value, at, _):
        for schema in rule:
            yield from self._walk(schema, value, at)

    def _matching(self, rule, value, at):
        return [schema for schema in rule if not list(self._walk(schema, value, at))]

    def _anyOf(self, rule, value, at, _):
        if not self._matching(rule, value, at):
            yield f"{at}: matches none of anyOf"

    def _oneOf(self, rule, value, at, _):
        count = len(self._matching(rule, value, at))
        if count != 1:
            yield f"{at}: matches {count} of oneOf"

    def _not(self, rule, value, at, _):
        if not list(self._walk(rule, value, at)):
            yield f"{at}: matches what it must not"


def is_type(value, name):
    if name in ("integer", "number"):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and (name == "number" or float(value).is_integer())
    return isinstance(value, TYPES[name])


def resolve(document, node):
    """Follows a $ref within the document; what stands beside it is kept."""
    while isinstance(node, dict) and "$ref" in node:
        path = node["$ref"]
        assert path.startswith("#/"), f"only references within the document: {path}"
        found = document
        for part in path[2:].split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        beside = {key: value for key, value in node.items() if key != "$ref"}
        node = {**found, **beside} if beside else found
    return node
