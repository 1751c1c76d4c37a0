# SPDX-License-Identifier: Apache-2.0
"""The Prometheus text format 0.0.4, read strictly: what a scraper would refuse, this refuses too."""

import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"^({NAME})(?:\{{(.*)\}})? (\S+)$")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')


class Metrics:
    """Samples by name and labels, with each name's type and help."""

    def __init__(self, text):
        self.types = {}
        self.help = {}
        self.samples = {}
        self.family = {}  # the name in TYPE of each sample's name
        assert text.endswith("\n"), "the last line must end with a newline"
        current = None
        for line in text[:-1].split("\n"):
            if line.startswith("# HELP "):
                name, _, words = line[7:].partition(" ")
                assert name not in self.help, f"second HELP of {name}"
                assert words, f"empty HELP of {name}"
                self.help[name] = words
            elif line.startswith("# TYPE "):
                name, kind = line[7:].split(" ")
                assert name not in self.types, f"second TYPE of {name}"
                assert kind in ("counter", "gauge", "histogram", "summary", "untyped"), line
                self.types[name] = kind
                current = name
            elif not line.startswith("#"):
                self._sample(line, current)

    def _sample(self, line, current):
        match = SAMPLE.match(line)
        assert match, f"not a sample: {line!r}"
        name, labels, value = match.groups()
        histogram = self.types.get(current) == "histogram" and name.removeprefix(current)
        assert name == current or histogram in ("_bucket", "_sum", "_count"), f"{name} is outside its TYPE group"
        self.family[name] = current
        pairs = LABEL.findall(labels or "")
        assert ",".join(f'{k}="{v}"' for k, v in pairs) == (labels or ""), f"bad labels: {line!r}"
        key = (name, tuple(sorted(pairs)))
        assert key not in self.samples, f"sample twice: {line!r}"
        self.samples[key] = float(value)

    def names(self):
        """Of what is announced; a histogram is one name. A family that counts by names has no sample without one."""
        return set(self.types)

    def get(self, name, **labels):
        """One sample's value; KeyError when it is not there."""
        return self.samples[(name, tuple(sorted(labels.items())))]

    def total(self, name, **labels):
        """The sum of the samples of this name that carry these labels (0 when there is none)."""
        wanted = set(labels.items())
        return sum(value for (n, pairs), value in self.samples.items() if n == name and wanted <= set(pairs))
