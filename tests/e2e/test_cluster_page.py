# SPDX-License-Identifier: Apache-2.0
"""The page of the cluster in a real browser. What it shows of answers that are hard to bring about comes from a stand-in
that serves logic's own page, with its headers, and says as /cluster what the test wants."""

import copy
import http.server
import json
import re
import threading

import pytest
from selenium.webdriver.common.by import By

from harness.build import BUILD
from harness.cluster import Cluster
from harness.http import Caller
from harness.tokens import Tokens, bearer
from harness.waiting import wait_until
from test_chromium import PHONE, browser  # noqa: F401 (a fixture)

NODE = {"clients": 118, "rooms": 7, "users": 90, "uptime": 7300, "version": "0.1.0", "draining": False, "itemsPerSecond": 12.5,
        "framesPerSecond": 1475.0, "bytesPerSecond": 2500000.0, "jobs": 2, "framesQueued": 31}
GATEWAY = {"address": "10.0.0.1:7788", "id": "g1", "source": "redis", "listed": True, "state": "up",
           "queue": {"pushes": 5, "bytes": 700}, "rttMs": 0.31, "canary": {"state": "passing", "ms": 0.42}, "clients": 118,
           "version": "0.1.0", "limits": None, "limitsBelow": None, "lastError": None, "node": NODE}
DOWN = {**GATEWAY, "address": "10.0.0.3:7788", "id": None, "state": "down", "rttMs": None, "clients": None, "version": None,
        "canary": {"state": "unknown", "ms": None}, "lastError": {"text": "connection refused", "secondsAgo": 75}, "node": None}
ANSWER = {
    "logic": {"instance": "9f86d081884c7d65", "version": "0.1.0", "uptime": 90, "pushesPerSecond": 12.5, "links": 3},
    "gateways": [GATEWAY, {**GATEWAY, "address": "10.0.0.2:7788", "id": "g2", "canary": {"state": "failing", "ms": None}}, DOWN],
    "clients": 236,
    "rooms": [{"room": "default", "connections": 200}, {"room": "news", "connections": 50}],
    "errors": [{"from": "10.0.0.1:7788", "secondsAgo": 130, "level": "warn", "text": "canaries fail, the gateway is not ready"},
               {"from": "logic", "secondsAgo": 4, "level": "error", "text": "gateway link not up"}],
    "answers": {"known": 3, "asked": 2, "answered": 2, "notAsked": ["10.0.0.3:7788"]},
}


@pytest.fixture(scope="module")
def served(certs, tmp_path_factory):
    """The page and its headers, as a logic serves them."""
    from conftest import finish

    cluster = Cluster(tmp_path_factory.mktemp("page"), certs, gateways=0, logic={"page.enabled": True, "gatewayList": []})
    with cluster.caller() as caller:
        yield caller.get("/")
    finish([cluster])


class StandIn:
    """Serves logic's page, and as /cluster `answer` with `status`."""

    def __init__(self, page):
        self.page, self.status, self.answer, self.asked = page, 200, copy.deepcopy(ANSWER), 0
        self.port = 0
        self.start()

    def start(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path == "/":
                    body, status, headers = outer.page.body, 200, outer.page.headers
                else:
                    outer.asked += 1
                    body, status, headers = json.dumps(outer.answer).encode(), outer.status, {"content-type": "application/json"}
                self.send_response(status)
                for name, value in headers.items():
                    if name not in ("date", "content-length", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def stand_in(served):
    made = StandIn(served)
    yield made
    made.stop()


class Page:
    """The page as its reader sees it."""

    def __init__(self, driver, port):
        self.driver, self.port = driver, port
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        driver.get("about:blank")
        self.complaints(), self.requests()
        driver.get(f"http://127.0.0.1:{port}/")

    def one(self, name):
        return self.driver.find_element(By.ID, name)

    def text(self, name):
        return self.one(name).text

    def state(self):
        return self.text("state")

    def is_live(self):
        wait_until(lambda: self.state() == "Live", 20, "the page to have an answer")
        return self

    def rows(self):
        """The cells of each gateway, as text, in one go."""
        return self.driver.execute_script("""return [...document.querySelectorAll('#gateways tr')].map(row =>
            [...row.cells].map(cell => [...cell.childNodes].map(part => part.textContent).filter(Boolean).join('|')))""")

    def listed(self, name):
        script = "return [...document.querySelectorAll(arguments[0] + ' li')].map(row => row.textContent)"
        return self.driver.execute_script(script, f"#{name}")

    def complaints(self):
        return [entry for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def requests(self):
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]

    def asks_nobody_else(self, refused=False):
        """It has spoken to its own logic alone, and broken no rule of its policy; with `refused` that logic said no."""
        outside = [url for url in self.requests() if not url.startswith((f"http://127.0.0.1:{self.port}/", "data:", "about:"))]
        assert outside == []
        assert [each for each in self.complaints() if not (refused and each["source"] == "network")] == []

    def shows_token(self, token):
        field = self.one("token")
        field.clear()
        field.send_keys(token)
        self.driver.find_element(By.CSS_SELECTOR, "#token-form button").click()

    def screenshot(self, name):
        self.driver.save_screenshot(str(BUILD / f"cluster-page-{name}.png"))


@pytest.fixture
def page(browser, stand_in):  # noqa: F811
    page = Page(browser, stand_in.port).is_live()
    yield page
    browser.execute_script("try { sessionStorage.clear() } catch {}")
    browser.get("about:blank")
    page.complaints()


def test_it_shows_what_the_answer_says(page):
    assert [page.text(each) for each in ("clients", "answered", "pushes", "items", "frames", "bytes")] == \
        ["236", "2 of 3", "13", "13", "2,950", "5.0 MB"]
    one, failing, down = page.rows()
    assert one == ["g1|10.0.0.1:7788 · version 0.1.0 · up for 2 h", "up", "118", "7", "90", "13", "1,475", "2.5 MB", "5", "2", "31",
                   "0.3 ms"]
    assert failing[1] == "up|canary fails"
    assert down[:3] == ["10.0.0.3:7788", "down|connection refused, 75 s ago", "–"]
    assert page.listed("rooms") == ["default200", "news50"]
    assert page.listed("errors") == ["errorgateway link not uplogic4 s ago",
                                     "warncanaries fail, the gateway is not ready10.0.0.1:77882 min ago"]
    assert "Not asked" in page.text("trouble") and "10.0.0.3:7788" in page.text("trouble") and "2 of 3" in page.text("trouble")
    assert "9f86d081884c7d65" in page.text("logic")
    page.screenshot("light")
    page.asks_nobody_else()


def test_it_asks_again_and_shows_what_has_changed(page, stand_in):
    stand_in.answer["gateways"] = stand_in.answer["gateways"][1:]
    stand_in.answer["rooms"] = [{"room": "news", "connections": 60}, {"room": "default", "connections": 20}]
    stand_in.answer["errors"] = []
    stand_in.answer["answers"] = {"known": 2, "asked": 2, "answered": 1, "late": ["10.0.0.2:7788"]}
    wait_until(lambda: page.listed("rooms") == ["news60", "default20"], 20, "the new answer")
    assert [row[0].split("|")[0] for row in page.rows()] == ["g2", "10.0.0.3:7788"]
    assert page.rows()[0][1].startswith("late"), "who does not answer is marked"
    assert page.listed("errors") == [] and page.one("no-errors").is_displayed()
    assert "late: 10.0.0.2:7788" in page.text("trouble")


@pytest.mark.parametrize("answer", [
    {"gateways": [], "rooms": [], "errors": [], "clients": 0, "answers": {"known": 0, "asked": 0, "answered": 0}},
    {"gateways": [{"address": "g:1", "state": "up", "surprise": []}]},
])
def test_what_is_missing_or_new_breaks_nothing(browser, stand_in, answer):  # noqa: F811
    stand_in.answer = {"logic": {"version": "0.1.0"}, "later": {"a": 1}, **answer}
    page = Page(browser, stand_in.port).is_live()
    assert page.one("no-rooms").is_displayed() and page.one("no-gateways").is_displayed() == (answer["gateways"] == [])
    assert "NaN" not in page.text("main") and "undefined" not in page.driver.find_element(By.TAG_NAME, "body").text
    page.asks_nobody_else()


HOSTILE = "<script>document.title='owned'</script><img src=http://127.0.0.1:9/x onerror=document.title='owned'>"


def test_whatever_comes_is_text(browser, stand_in):  # noqa: F811
    gateway = stand_in.answer["gateways"][0]
    gateway.update(id=HOSTILE, version=HOSTILE, state=HOSTILE, lastError={"text": HOSTILE, "secondsAgo": 1})
    stand_in.answer["gateways"] = [gateway]
    stand_in.answer["rooms"] = [{"room": HOSTILE, "connections": 3}, {"room": "\u202eevil", "connections": 1}]
    stand_in.answer["errors"] = [{"from": HOSTILE, "secondsAgo": 1, "level": HOSTILE, "text": HOSTILE}]
    stand_in.answer["answers"]["late"] = [HOSTILE]
    stand_in.answer["logic"]["instance"] = HOSTILE
    page = Page(browser, stand_in.port).is_live()
    assert page.listed("rooms")[0] == HOSTILE + "3"
    assert HOSTILE in page.rows()[0][0] and HOSTILE in page.listed("errors")[0] and HOSTILE in page.text("trouble")
    assert page.driver.title == "Fanfare cluster"
    assert page.driver.execute_script("return document.querySelectorAll('script, img').length") == 1
    page.asks_nobody_else()


def test_a_logic_that_goes_away_and_comes_back(page, stand_in):
    stand_in.stop()
    wait_until(lambda: page.state().startswith("No answer for"), 20, "the page to notice")
    assert page.one("state").get_attribute("data-state") == "gone"
    assert "does not answer" in page.text("trouble")
    assert page.text("clients") == "236", "what was last said stays"
    page.screenshot("gone")
    stand_in.start()
    page.is_live()
    page.complaints()


def test_a_refusal_is_told_and_asked_through(page, stand_in):
    stand_in.status = 503
    stand_in.answer = {"error": {"code": "too_many_queries", "message": "32 queries are under way"}}
    wait_until(lambda: "503 too_many_queries: 32 queries" in page.text("trouble"), 20, "the refusal")
    stand_in.status, stand_in.answer = 200, ANSWER
    page.is_live()
    page.complaints()


def test_paused_it_asks_nothing(page, stand_in):
    page.one("pause").click()
    wait_until(lambda: page.state() == "Paused", what="the page to be paused")
    asked = stand_in.asked
    page.driver.execute_async_script("setTimeout(arguments[0], 4500)")
    assert stand_in.asked == asked
    page.one("pause").click()
    page.is_live()
    assert stand_in.asked > asked


def test_dark_colours(page):
    features = [{"name": "prefers-color-scheme", "value": "dark"}]
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    background = page.driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", background)[:3])) < 80, background
    page.screenshot("dark")


def test_on_a_phone_everything_fits_and_can_be_hit(page, stand_in):
    stand_in.answer["rooms"].append({"room": "a-room-with-a-very-long-name-" * 5, "connections": 7})
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    page.driver.refresh()
    page.is_live()
    wide = page.driver.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1], f"the page is {wide[0]} px wide on a phone of {wide[1]}"
    small = page.driver.execute_script("""return [...document.querySelectorAll('button, input')]
        .filter(each => each.checkVisibility() && each.getBoundingClientRect().height < 36).map(each => each.id)""")
    assert small == [], f"too small for a thumb: {small}"
    height = page.driver.execute_script("return document.documentElement.scrollHeight")
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {**PHONE, "height": height})
    page.screenshot("phone")


def test_every_control_has_a_name(page):
    nameless = page.driver.execute_script("""return [...document.querySelectorAll('button, input')].filter(each =>
        !each.labels?.length && !each.getAttribute('aria-label') && !each.textContent.trim()).map(each => each.id)""")
    assert nameless == []


def test_it_is_off_unless_asked_for_and_opens_nothing_else(make_cluster, tmp_path):
    """GET / needs no token where the page is; all else does, and without page.enabled that too."""
    guard = Tokens(tmp_path, "sesame").option
    on = make_cluster(gateways=0, logic={"gatewayList": [], "page.enabled": True, **guard})
    with on.caller() as caller:
        answer = caller.get("/")
        assert answer.status == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.body.startswith(b"<!doctype html>")
        assert {caller.get(path).status for path in ("/gateways", "/index.html", "//", "/cluster")} == {401}
    with on.caller() as caller:
        assert caller.request("POST", "/", "{}").status == 405
    off = make_cluster(gateways=0, logic={"gatewayList": [], **guard}, headers=bearer("sesame"))
    with off.caller() as caller:
        assert caller.get("/").status == 404
    with Caller(*off.api()) as nobody:
        assert nobody.get("/").status == 401


# ---- With a cluster behind it

SCRIPT = "<script>document.title='owned'</script>"


@pytest.fixture
def guarded(make_cluster, tmp_path):
    """Two logics with the page and tokens, three gateways."""
    tokens = Tokens(tmp_path, "sesame", "blind name=blind rights=push")
    return make_cluster(gateways=3, logics=2, logic={"page.enabled": True, **tokens.option}, headers=bearer("sesame"))


def test_a_cluster_of_which_a_gateway_is_stopped(browser, guarded):  # noqa: F811
    clients = [guarded.client(SCRIPT, gateway=gateway) for gateway in (0, 1)]
    page = Page(browser, guarded.api(1)[1])
    wait_until(lambda: page.state() == "Token needed", 20, "the page to ask for a token")
    assert not page.one("main").is_displayed()
    for wrong, why in (("two words", "no space"), ("wrong", "not a valid one"), ("blind", "lacks the right query")):
        page.shows_token(wrong)
        wait_until(lambda: why in page.text("token-answer"), what=why)
    page.shows_token("sesame")
    page.is_live()
    assert not page.one("token-card").is_displayed() and page.one("forget").is_displayed()
    wait_until(lambda: page.text("answered") == "3 of 3", 20, "all gateways to answer")
    assert page.text("clients") == "2"
    assert page.listed("rooms")[0] == SCRIPT + "2" and page.driver.title == "Fanfare cluster"
    guarded.push(SCRIPT, *range(50), wait=True)
    assert all(each.push() for each in clients)
    wait_until(lambda: page.text("frames") not in ("0", "–"), 20, "the frames to be counted")
    page.asks_nobody_else(refused=True)

    stopped = guarded.gateways[2]
    stopped.stop_the_clock()
    address = "%s:%d" % stopped.address("rpc")
    wait_until(lambda: page.text("answered") == "2 of 3", 20, "the page to say that one is missing")
    assert address in page.text("trouble") and page.state() == "Live"
    page.screenshot("stopped")
    stopped.go_on()
    wait_until(lambda: page.text("answered") == "3 of 3", 30, "all gateways to answer again")

    guarded.logics[1].terminate()
    wait_until(lambda: page.state().startswith("No answer"), 20, "the page to notice")
    guarded.restart_logic(1)
    page.is_live()
    wait_until(lambda: page.text("answered") == "3 of 3", 30, "the new logic's links")
    page.one("forget").click()
    wait_until(lambda: page.state() == "Token needed", 20, "the page to have forgotten the token")
    page.asks_nobody_else(refused=True)
    browser.execute_script("sessionStorage.clear()")
    browser.get("about:blank")
