# SPDX-License-Identifier: Apache-2.0
"""deploy/monitoring: every metric, label and value that the dashboard and the alerts ask for is printed by daemons that run."""

import json
import re
import shutil
import subprocess

import pytest
import yaml

from harness.build import ROOT
from harness.cluster import Cluster
from harness.metrics import Metrics
from harness.promql import Names, alternatives
from harness.redis_server import RedisServer
from harness.tokens import Tokens, bearer
from harness.waiting import wait_until

MONITORING = ROOT / "deploy" / "monitoring"
DASHBOARD, RULES = MONITORING / "fanfare-dashboard.json", MONITORING / "fanfare-alerts.yaml"
RULES_TEST = MONITORING / "fanfare-alerts_test.yaml"
CALLER = "a-token-of-the-shop"
PROMETHEUS = {"up", "ALERTS"}  # Prometheus's own
TARGET = {"job", "instance", "cluster", "namespace", "pod", "le"}  # labels that Prometheus gives, or that all histograms have
UNITS = {"short", "none", "ops", "reqps", "s", "d", "bytes", "Bps", "percentunit"}


# What is asked for.


def rules():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def alerts():
    return [rule for rule in rules() if "alert" in rule]


def dashboard():
    return json.loads(DASHBOARD.read_text())


def panels():
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def prometheus_form(expression):
    """What Grafana makes of it."""
    expression = expression.replace("$__rate_interval", "5m").replace("$__range", "1h")
    return expression.replace('"$job"', '".*"').replace('"$instance"', '".*"')


def dashboard_expressions():
    asked = [target["expr"] for panel in panels() for target in panel["targets"]]
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()
            asked.append(f"sum by ({label}) ({selector})")
    return [prometheus_form(expression) for expression in asked]


# What is there.


def jobs():
    """As deploy/compose calls them; tests/deploy/k8s holds the chart to the same."""
    scraped = yaml.safe_load((ROOT / "deploy" / "compose" / "prometheus.yml").read_text())
    return {each["job_name"] for each in scraped["scrape_configs"]}


class Printed:
    """Metrics of running daemons: which labels and values each sample's name has."""

    def __init__(self, texts):
        self.values = {}
        for text in texts:
            for name, labels in Metrics(text).samples:
                known = self.values.setdefault(name, {})
                for label, value in labels:
                    known.setdefault(label, set()).add(value)
        self.labels = {label for known in self.values.values() for label in known}

    def faults(self, expression, recorded=()):
        """What an expression asks for that is not there."""
        names = Names(expression)
        for label in sorted(names.labels - self.labels - TARGET):
            yield f"no metric has the label {label}"
        for metric, matchers in names.metrics:
            if metric not in self.values and metric not in PROMETHEUS and metric not in recorded:
                yield f"no metric {metric}"
                continue
            for label, operator, value in matchers:
                yield from self._matcher(metric, label, alternatives(operator, value))

    def _matcher(self, metric, label, wanted):
        known = jobs() if label == "job" else self.values.get(metric, {}).get(label, set())
        if label not in TARGET and not known:
            yield f"{metric} has no label {label}"
        elif wanted and not set(wanted) <= known:
            yield f"{metric} has no {label} {', '.join(sorted(set(wanted) - known))}"


@pytest.fixture(scope="module")
def printed(certs, tmp_path_factory):
    """A cluster with all there is: TLS for clients, the registry, the bus beside the links, and a caller with a name."""
    directory = tmp_path_factory.mktemp("monitored")
    redis = RedisServer(directory)
    tls = {"ws.cert": certs.path("gateway.pem"), "ws.key": certs.path("gateway.key"), "bus.listen": True}
    cluster = Cluster(directory, certs, redis=redis, gateway=tls, headers=bearer(CALLER),
                      logic={**Tokens(directory, f"{CALLER} name=shop").option, "bus.mode": "mirror", "canary.intervalSeconds": 1})
    try:
        wait_until(lambda: cluster.logic_metrics().total("fanfare_logic_canaries_total"), what="a canary")
        texts = []
        for caller in (cluster.admin(), cluster.caller()):
            with caller:
                texts.append(caller.get("/metrics").body.decode())
        yield Printed(texts)
    finally:
        faults = cluster.finish()
        redis.finish()
    assert faults == []


def test_the_alerts_ask_for_what_is_there(printed):
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    faults = {f"{rule.get('alert', rule.get('record'))}: {fault}" for rule in rules() for fault in printed.faults(rule["expr"], recorded)}
    assert not faults, "\n".join(sorted(faults))


def test_the_dashboard_asks_for_what_is_there(printed):
    faults = {fault for expression in dashboard_expressions() for fault in printed.faults(expression)}
    assert not faults, "\n".join(sorted(faults))


BROKEN = [
    ('sum(rate(fanfare_gateway_clients_opend_total{job=~".*"}[5m]))', "no metric fanfare_gateway_clients_opend_total"),
    ("histogram_quantile(0.99, rate(fanfare_gateway_canary_seconds_buckets[5m]))", "no metric fanfare_gateway_canary_seconds_buckets"),
    ("fanfare_gateway_clients_bucket > 1", "no metric fanfare_gateway_clients_bucket"),
    ("process_cpu_seconds > 1 and process_open_fds", "no metric process_cpu_seconds"),
    ('fanfare_logic_links{state="uo"} == 0', "fanfare_logic_links has no state uo"),
    ('fanfare_logic_links{state!="downn"}', "fanfare_logic_links has no state downn"),
    ('fanfare_logic_links{state=~"connecting|waitng"}', "fanfare_logic_links has no state waitng"),
    ('fanfare_logic_links{stat="up"} == 0', "fanfare_logic_links has no label stat"),
    ("sum by (instance, rason) (fanfare_logic_links)", "no metric has the label rason"),
    ("fanfare_logic_links unless ignoring (stat) fanfare_logic_draining", "no metric has the label stat"),
    ('up{job="fanfare-gatewy"} == 0', "up has no job fanfare-gatewy"),
]


@pytest.mark.parametrize("expression, fault", BROKEN)
def test_what_is_misspelt_is_found(printed, expression, fault):
    assert list(printed.faults(expression)) == [fault]


def test_a_misspelt_name_is_found_wherever_it_stands(printed):
    """Each metric of each expression, with one letter changed, in its place."""
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    checked = 0
    for expression in dashboard_expressions() + [rule["expr"] for rule in rules()]:
        for name in {name for name, _ in Names(expression).metrics}:
            wrong = re.sub(rf"(?<![\w:]){name}(?![\w:])", f"{name[:-1]}X", expression)
            assert f"no metric {name[:-1]}X" in printed.faults(wrong, recorded), wrong
            checked += 1
    assert checked > 150


# Rules.


def promtool(*args, cwd=None):
    return subprocess.run(["promtool", *map(str, args)], capture_output=True, text=True, cwd=cwd, timeout=120)


def test_the_rules_are_valid():
    done = promtool("check", "rules", "--lint-fatal", RULES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_do_what_they_should():
    done = promtool("test", "rules", RULES_TEST)
    assert done.returncode == 0, done.stdout + done.stderr


def cases():
    return yaml.safe_load(RULES_TEST.read_text())["tests"]


def firing(case):
    """Names of alerts that are to fire in it."""
    samples = [sample["labels"] for test in case["promql_expr_test"] for sample in test["exp_samples"]]
    return {name for labels in samples for name in re.findall(r'alertname="(\w+)"', labels)}


def test_every_alert_is_tested_both_ways():
    names = {alert["alert"] for alert in alerts()}
    fires = {name for case in cases() for name in firing(case)}
    silent = {test["alertname"] for case in cases() for test in case.get("alert_rule_test", ()) if not test.get("exp_alerts")}
    assert fires == silent == names
    critical = {alert["alert"] for alert in alerts() if alert["labels"]["severity"] == "critical"}
    assert len(critical) > 5


def metrics_of(rule):
    """Of an alert, those behind recording rules included."""
    recorded = {each["record"]: each["expr"] for each in rules() if "record" in each}
    names = {name for name, _ in Names(rule["expr"]).metrics}
    return {name for each in names for name, _ in (Names(recorded[each]).metrics if each in recorded else [(each, ())])}


def test_an_alert_that_is_silent_has_something_to_look_at():
    """A case without an alert's metrics says nothing about it."""
    for case in cases():
        given = {series["series"].partition("{")[0] for series in case["input_series"]}
        for test in case.get("alert_rule_test", ()):
            for alert in alerts():
                if alert["alert"] == test["alertname"]:
                    assert metrics_of(alert) & given, f"{case['name']}: {alert['alert']}"


def changed(tmp_path, **parts):
    """promtool's answer to the tests, after parts of the first alert FanfareLinkDown were changed."""
    groups = yaml.safe_load(RULES.read_text())
    (alert,) = [rule for group in groups["groups"] for rule in group["rules"] if rule.get("alert") == "FanfareLinkDown"]
    alert.update(parts)
    (tmp_path / RULES.name).write_text(yaml.safe_dump(groups))
    shutil.copy(RULES_TEST, tmp_path)
    return promtool("test", "rules", RULES_TEST.name, cwd=tmp_path)


@pytest.mark.parametrize("parts", [{"expr": "vector(0) > 1"}, {"for": "0s"}, {"expr": "vector(1)", "for": "0s"}], ids=str)
def test_the_tests_of_rules_can_fail(tmp_path, parts):
    assert changed(tmp_path).returncode == 0
    done = changed(tmp_path, **parts)
    assert done.returncode != 0 and "FAILED" in done.stdout + done.stderr


# For how many minutes each of them is pending before it fires.
WAITS = {
    ("FanfareNoGateway", "critical"): 2, ("FanfareGatewayDown", "warning"): 3,
    ("FanfareNoLogic", "critical"): 2, ("FanfareLogicDown", "warning"): 3,
    ("FanfareRestartLoop", "warning"): 1, ("FanfareVersionsMixed", "warning"): 180,
    ("FanfareLogicHasNoGateway", "critical"): 1, ("FanfareLinkDown", "warning"): 5,
    ("FanfareLinkErrors", "warning"): 10, ("FanfareLookupsFail", "warning"): 5,
    ("FanfareQueueFilling", "warning"): 2, ("FanfareGatewayBehind", "warning"): 5,
    ("FanfarePushesRefused", "critical"): 2, ("FanfareCallersUnauthorized", "warning"): 10,
    ("FanfarePushesDropped", "warning"): 10, ("FanfareItemsDropped", "critical"): 1,
    ("FanfareBusGaps", "warning"): 5, ("FanfareCanaryFailing", "critical"): 1,
    ("FanfarePushToSocketSlow", "warning"): 10, ("FanfarePushToSocketSlow", "critical"): 5,
    ("FanfareSlowClients", "warning"): 10, ("FanfareClientsRefused", "warning"): 10,
    ("FanfareIssuerWithoutKeys", "critical"): 2, ("FanfareIssuerKeysStale", "warning"): 10,
    ("FanfareKeyFileBad", "warning"): 1, ("FanfareHookFailing", "critical"): 2, ("FanfareHookSlow", "warning"): 10,
    ("FanfareClientsUnauthorized", "warning"): 10, ("FanfareProxyHeadersRefused", "warning"): 5,
    ("FanfareCallersRefused", "warning"): 10, ("FanfareQueriesIncomplete", "warning"): 10, ("FanfareBansNotKept", "warning"): 1,
    ("FanfareCommandsDropped", "critical"): 1,
    ("FanfareRedisDown", "warning"): 3, ("FanfareNotInRegistry", "warning"): 2,
    ("FanfareDescriptorsNearLimit", "warning"): 5, ("FanfareReloadFailed", "warning"): 1,
    ("FanfareCertificateExpiring", "warning"): 60, ("FanfareCertificateExpiring", "critical"): 5,
}


def pending_minutes(tmp_path, groups):
    """How long alerts are pending in the cases in which they fire; tests that expect nothing make promtool show it."""
    tests = []
    for case in cases():
        for test in case["promql_expr_test"]:
            names = "|".join(re.findall(r'alertname="(\w+)"', str(test["exp_samples"])))
            shown = f'max by (alertname, severity) (count_over_time(ALERTS{{alertstate="pending",alertname=~"{names}"}}[1d]))'
            tests.append({**case, "alert_rule_test": [], "promql_expr_test": [
                {"expr": shown, "eval_time": test["eval_time"], "exp_samples": []}]})
    (tmp_path / RULES.name).write_text(yaml.safe_dump({"groups": groups}))
    path = tmp_path / "pending.yaml"
    path.write_text(yaml.safe_dump({"rule_files": [RULES.name], "evaluation_interval": "1m", "tests": tests}))
    done = promtool("test", "rules", path)
    shown = re.findall(r'alertname="(\w+)", severity="(\w+)"\} ([\d.E+]+)', done.stdout + done.stderr)
    return {(name, severity): float(minutes) for name, severity, minutes in shown}


def test_every_alert_waits_before_it_fires(tmp_path):
    groups = yaml.safe_load(RULES.read_text())["groups"]
    assert pending_minutes(tmp_path, groups) == WAITS
    for rule in (rule for group in groups for rule in group["rules"] if "alert" in rule):
        rule["for"] = "0s"
    assert pending_minutes(tmp_path, groups) == {}


def headings(page):
    return set(re.findall(r"^#+ (.*)$", (ROOT / page).read_text(), re.M))


def test_every_alert_says_what_to_do():
    for alert in alerts():
        words = alert["annotations"]
        assert alert["labels"].keys() == {"severity"} and alert["labels"]["severity"] in ("warning", "critical")
        assert re.fullmatch(r"\d+[mh]", alert["for"])
        assert alert["alert"].startswith("Fanfare") and words.keys() == {"summary", "description", "see"}
        assert len(words["description"]) > 80 and words["description"].endswith(".")
        page, heading = re.fullmatch(r'(docs/\w+\.md), "(.*)"', words["see"]).groups()
        assert heading in headings(page), f"{alert['alert']}: {page} has no heading {heading!r}"


def rendered_alerts():
    """Tests that expect nothing where alerts fire: promtool then shows them, their annotations made."""
    groups = [{"name": case["name"], "interval": case["interval"], "input_series": case["input_series"],
               "alert_rule_test": [{"alertname": name, "eval_time": test["eval_time"]}
                                   for test in case["promql_expr_test"] for name in re.findall(r'alertname="(\w+)"', str(test))]}
              for case in cases() if firing(case)]
    return {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": groups}


def test_annotations_name_labels_that_the_alert_has(tmp_path):
    """A label that is not there leaves a hole in the text."""
    path = tmp_path / "shown.yaml"
    path.write_text(yaml.safe_dump(rendered_alerts()))
    done = promtool("test", "rules", path)
    shown = re.sub(r"\s+", " ", done.stdout + done.stderr)
    found = {}
    for labels in re.findall(r"Labels:(\{alertname=[^}]*\})", shown):
        pairs = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        found.setdefault(pairs["alertname"], []).append(pairs)
    assert "<no value>" not in shown and "error calling" not in shown
    for alert in alerts():
        used = set(re.findall(r"\$labels\.(\w+)", str(alert["annotations"])))
        assert found[alert["alert"]], f"{alert['alert']} was not shown"
        for labels in found[alert["alert"]]:
            assert used <= labels.keys(), f"{alert['alert']}: {used - labels.keys()}"


def test_alerts_are_documented():
    page = (ROOT / "docs" / "operations.md").read_text()
    table = set(re.findall(r"^\| `(Fanfare\w+)` \|", page, re.M))
    assert table == {alert["alert"] for alert in alerts()}


# The dashboard.


def test_the_dashboard_is_up_to_date():
    done = subprocess.run([MONITORING / "make-dashboard", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_dashboards_expressions_are_valid(tmp_path):
    """As rules, since promtool reads no dashboards."""
    made = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(dashboard_expressions())]
    path = tmp_path / "panels.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": made}]}))
    done = promtool("check", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr
    made[0]["expr"] += ")"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": made}]}))
    assert promtool("check", "rules", path).returncode != 0


def test_panels_are_well_formed():
    board = dashboard()
    assert board["schemaVersion"] == 38 and board["uid"] == "fanfare"
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(numbers) == len(set(numbers)) > 50
    rows = [panel["title"] for panel in board["panels"] if panel["type"] == "row"]
    assert rows == ["Overview", "Delivery", "Logic", "Connections", "Identity", "Reach", "Redis and bus", "Process"]
    for panel in panels():
        assert panel["title"] and len(panel["description"]) > 5, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        letters = [target["refId"] for target in panel["targets"]]
        assert letters and len(letters) == len(set(letters))


def test_panels_do_not_overlap():
    taken = {}
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        assert at["x"] >= 0 and at["x"] + at["w"] <= 24 and at["h"] > 0 and at["w"] > 0
        for cell in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
            assert cell not in taken, f"{panel['title']} lies on {taken[cell]}"
            taken[cell] = panel["title"]


def test_every_panel_obeys_the_variables():
    board = dashboard()
    assert [variable["name"] for variable in board["templating"]["list"]] == ["datasource", "job", "instance"]
    for panel in panels():
        assert panel["datasource"]["uid"] == "${datasource}"
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}"
            for name, matchers in Names(prometheus_form(target["expr"])).metrics:
                assert {"job", "instance"} <= {label for label, _, _ in matchers}, f"{panel['title']}: {name}"


def test_legends_name_labels_that_the_expression_keeps():
    for panel in panels():
        for target in panel["targets"]:
            used = set(re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")))
            kept = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", target["expr"]))))
            assert used <= kept, f"{panel['title']}: {used - kept}"


def documented_losses():
    """Counters of something that did not arrive, with their labels, from docs/metrics.md."""
    rows = re.findall(r"^\| `(fanfare_\w+_total)` \| counter \| ([^|]*)\|", (ROOT / "docs" / "metrics.md").read_text(), re.M)
    return {name: labels for name, labels in rows if re.search(r"dropped|refused|gap_pushes|no_audience|failures|unauthorized", name)}


def test_every_drop_is_on_the_dashboard_by_reason():
    losses = documented_losses()
    assert len(losses) >= 12
    shown = {}
    for expression in dashboard_expressions():
        names = Names(expression)
        for name, _ in names.metrics:
            shown.setdefault(name, set()).update(names.labels)
    for name, labels in losses.items():
        assert name in shown, f"{name} is not on the dashboard"
        assert "`reason`" not in labels or "reason" in shown[name], f"{name} is not shown by reason"


def test_every_metric_of_the_daemons_is_on_the_dashboard_or_is_left_out_by_intent(printed):
    shown = {name for expression in dashboard_expressions() for name, _ in Names(expression).metrics}
    missing = {re.sub(r"_(bucket|sum|count)$", "", name) for name in printed.values if name not in shown}
    missing = {name for name in missing if not {f"{name}_bucket", f"{name}_sum", f"{name}_count"} & shown}
    assert missing == set()
