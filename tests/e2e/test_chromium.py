# SPDX-License-Identifier: Apache-2.0
"""The demo page in a real browser: it connects, joins, pushes, shows what arrives, and comes back by itself."""

import json
import re
import signal
import subprocess
import urllib.request
from urllib.parse import quote

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from harness.build import BUILD, binary
from harness.cluster import Cluster
from harness.daemon import clean_environment
from harness.http import Caller
from harness.proxy import Proxy
from harness.waiting import patient, wait_until
from test_run_local import free_base

PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}


@pytest.fixture(scope="module")
def shared_cluster(certs, tmp_path_factory):
    """A gateway whose page knows logic's address, although logic starts later: a proxy stands in for it."""
    from conftest import finish

    api = Proxy(None)
    cluster = Cluster(tmp_path_factory.mktemp("page"), certs,
                      gateway={"page.apiUrl": f"http://127.0.0.1:{api.port}", "drainSeconds": 1},
                      logic={"cors.origins": ["*"]})
    api.target = cluster.api()
    cluster.outside = api.port
    yield cluster
    api.stop()
    finish([cluster])


class DevIssuer:
    """The issuer of `make run`, with tokens of so many seconds; `restart` is for pages of a cluster."""

    def __init__(self, directory):
        self.key, self.port = directory / "issuer.key", free_base()
        self.jwks = directory / "issuer.jwks"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.key], check=True, capture_output=True)
        made = subprocess.run([binary("fanfare"), "token", "jwks", "--key-file", self.key], check=True,
                              capture_output=True, env=clean_environment())
        self.jwks.write_bytes(made.stdout)
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def options(self):
        """Of a gateway, as deploy/run-local sets them."""
        rooms = ["*", "!private.*"]
        issuer = {"iss": self.url, "aud": ["fanfare"], "jwks": str(self.jwks)}
        return {"auth.mode": "verify", "auth.required": False, "auth.rooms": rooms, "auth.anonymousRooms": rooms,
                "auth.issuers": [issuer], "auth.leewaySeconds": 0, "page.tokenUrl": f"{self.url}/token"}

    def token(self, user):
        with urllib.request.urlopen(f"{self.url}/token?user={user}", timeout=patient(10)) as answer:
            return json.loads(answer.read())["token"]

    def restart(self, cluster, seconds):
        self.stop()
        self.process = subprocess.Popen(
            [binary("fanfare-dev-issuer"), "--key", self.key, "--port", str(self.port), "--iss", self.url,
             "--aud", "fanfare", "--seconds", str(seconds), f"--origin=http://127.0.0.1:{cluster.ws()[1]}"],
            stderr=subprocess.PIPE, env=clean_environment())
        assert b"listening" in self.process.stderr.readline()

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(patient(10))


@pytest.fixture(scope="module")
def login(certs, tmp_path_factory):
    """The cluster and the issuer of pages that log in."""
    from conftest import finish

    directory = tmp_path_factory.mktemp("login")
    issuer, api = DevIssuer(directory), Proxy(None)
    gateway = {"page.apiUrl": f"http://127.0.0.1:{api.port}", **issuer.options()}
    cluster = Cluster(directory, certs, gateway=gateway, logic={"cors.origins": ["*"]})
    api.target = cluster.api()
    yield cluster, issuer
    issuer.stop()
    api.stop()
    finish([cluster])


@pytest.fixture
def login_page(browser, login):
    """The page where one may log in, without a user, with tokens of ten minutes."""
    cluster, issuer = login
    issuer.restart(cluster, 600)
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    page = Page(browser, cluster).open()
    yield page
    browser.execute_script("try { sessionStorage.clear() } catch {}")
    browser.get("about:blank")
    page.complaints()


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                     "--disable-background-networking", "--window-size=1280,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    yield driver
    driver.quit()


class Page:
    """The page as a user sees it."""

    def __init__(self, driver, cluster):
        self.driver, self.cluster = driver, cluster

    def open(self):
        self.driver.get("http://127.0.0.1:%d/" % self.cluster.ws()[1])
        self.connected()
        self.joined("default")
        return self

    def one(self, name):
        return self.driver.find_element(By.ID, name)

    def text(self, name):
        return self.one(name).text

    def state(self):
        return self.one("state").get_attribute("data-state")

    def connected(self):
        wait_until(lambda: self.state() == "open", 15, "the page to be connected")

    def rooms(self):
        """The state of each room that is shown, read in one go: rows come and go."""
        script = """return Object.fromEntries([...document.querySelectorAll('#rooms li')].map(row =>
            [row.querySelector('.name').textContent, row.dataset.state]))"""
        return self.driver.execute_script(script)

    def joined(self, room):
        wait_until(lambda: self.rooms().get(room) == "joined", what=f"the page to have joined {room}")

    def log_in(self, user):
        self.fill("user", user)
        self.one("log-in").click()
        shown = user if len(user) <= 24 else user[:23] + "…"
        wait_until(lambda: self.text("state") == f"Connected as {shown}", 15, f"the page to be {user}'s")
        self.joined("default")

    def refused(self, room):
        """Asks for the room, which must not be given."""
        self.join(room)
        wait_until(lambda: f"“{room}”: forbidden" in self.text("room-answer"), what=f"{room} to be refused")
        assert room not in self.rooms()

    def fill(self, name, text):
        field = self.one(name)
        field.clear()
        field.send_keys(text)

    def join(self, room):
        self.fill("room", room)
        self.one("join").click()

    def items(self):
        """Room, item, time and message of what is shown, newest first; "" where an item has no message."""
        script = """return [...document.querySelectorAll('#items li')].map(row =>
            ['room', 'whole', 'when', 'msg'].map(name => row.querySelector('.' + name)?.textContent ?? ''))"""
        return self.driver.execute_script(script)

    def shows(self, text):
        """The row whose message, or whose item, reads so."""
        return wait_until(lambda: next((row for row in self.items() if text in (row[1], row[3])), None),
                          what=f"item {text!r}")

    def bars(self):
        """The bars' heights, read in one go: they move on every second."""
        script = "return [...document.querySelectorAll('#rate-chart rect')].map(bar => bar.height.baseVal.value)"
        return self.driver.execute_script(script)

    def screenshot(self, name):
        self.driver.save_screenshot(str(BUILD / f"page-{name}.png"))

    def complaints(self):
        return [entry for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def requests(self):
        """Every address that the browser asked for since this was last called."""
        asked = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                asked.append(message["params"]["request"]["url"])
            elif message["method"] == "Network.webSocketCreated":
                asked.append(message["params"]["url"])
        return asked


@pytest.fixture
def page(browser, cluster):
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.get("about:blank")
    page = Page(browser, cluster)
    page.complaints(), page.requests()
    page.open()
    browser.execute_script("try { localStorage.clear(); sessionStorage.clear() } catch {}")
    yield page
    browser.get("about:blank")


def test_connect_push_and_see_the_item_with_its_latency(page):
    page.fill("push-text", "hello from the test")
    page.one("push-send").click()
    room, _, when, _ = page.shows("hello from the test")
    assert room == "default"
    assert re.search(r"\d+(\.\d+)? (ms|µs|s)", when), f"no latency in {when!r}"
    wait_until(lambda: page.one("push-answer").get_attribute("data-kind") == "good", what="the answer to be shown")
    assert "200" in page.text("push-answer") and "1 client" in page.text("push-answer")
    assert page.text("item-count") == page.text("frame-count") == "1"
    wait_until(lambda: max(page.bars()) > 0, what="a bar in the chart")
    page.screenshot("desktop")


def test_latency_of_a_lone_push_is_small(page):
    page.one("push-send").click()
    wait_until(lambda: re.search(r"\d", page.text("latency")), what="the median latency")
    number, unit = re.match(r"([\d.]+)\s*(µs|ms|s)", page.text("latency")).groups()
    assert unit != "s" and float(number) < 500, "leading edge: no merge window before a lone push"


def test_an_item_is_shown_whole_as_it_arrived(page, cluster):
    item = '{"msg":"hi", "big":12345678901234567890,"deep":{"z":[1.50],"a":null}}'
    with cluster.caller() as caller:
        assert caller.form("/push/room", "room=default&items=" + quote(f"[{item}]")).status == 200
    assert page.shows("hi")[1] == item, "byte for byte, with what stands beside the message"
    page.one("push-send").click()
    whole = json.loads(page.shows("Hello from the demo page")[1])
    assert set(whole) == {"msg", "from", "at"}


def test_latency_says_whose_it_is(page):
    label = page.driver.execute_script("return document.getElementById('latency').parentElement.textContent")
    assert "median latency of own pushes" in label


def test_the_end_of_a_connection_takes_its_figures_along(page):
    wait_until(lambda: "round trip" in page.text("address"), what="the round trip")
    page.join("news")
    wait_until(lambda: "ACK" in page.text("room-answer"), what="the ACK")
    page.one("toggle").click()
    wait_until(lambda: page.state() == "closed", what="the page to be disconnected")
    assert "round trip" not in page.text("address") and page.text("room-answer") == ""
    page.one("toggle").click()
    page.connected()
    page.driver.find_element(By.CSS_SELECTOR, '#rooms button[aria-label="Leave room news"]').click()


def test_a_token_is_shown_and_stays_in_the_tab(browser, make_cluster, tmp_path):
    token = "s3cret-of-this-test"
    (tmp_path / "tokens").write_text(token + "\n")
    cluster = make_cluster(logic={"api.tokensFile": str(tmp_path / "tokens"), "cors.origins": ["*"]},
                           headers={"Authorization": f"Bearer {token}"})
    browser.get("about:blank")
    page = Page(browser, cluster).open()
    details = page.one("more")
    details.find_element(By.TAG_NAME, "summary").click()
    page.fill("api-url", "http://127.0.0.1:%d" % cluster.api()[1])
    details.find_element(By.TAG_NAME, "summary").click()
    page.one("push-send").click()
    wait_until(lambda: "401" in page.text("push-answer"), what="the refusal")
    assert details.get_attribute("open"), "the field for a token is shown to whoever needs it"
    page.fill("api-token", "with a space")
    page.one("push-send").click()
    wait_until(lambda: "no space" in page.text("push-answer"), what="the reason")
    page.fill("api-token", token)
    page.one("push-send").click()
    wait_until(lambda: "200" in page.text("push-answer"), what="the push")
    page.shows("Hello from the demo page")
    assert token not in page.text("curl") and "Bearer $TOKEN" in page.text("curl")
    assert page.one("api-token").get_attribute("type") == "password"
    browser.refresh()
    page.connected()
    assert page.one("api-token").get_attribute("value") == token
    assert browser.execute_script("return [localStorage.length, document.cookie]") == [0, ""]
    browser.execute_script("sessionStorage.clear()")
    browser.get("about:blank")
    page.complaints()


def test_who_logs_in_may_join_a_room_of_the_own_name_and_no_others(login_page):
    assert login_page.text("who") == "nobody: no private rooms"
    login_page.refused("private.alice")
    login_page.log_in("alice")
    assert login_page.text("who") == "alice"
    login_page.join("private.alice")
    login_page.joined("private.alice")
    login_page.refused("private.bob")
    login_page.cluster.push("private.alice", {"msg": "between us"}, wait=True)
    assert login_page.shows("between us")[0] == "private.alice"
    login_page.screenshot("login")


def test_a_push_to_a_user_is_sent_from_the_page_and_shown_as_such(login_page):
    login_page.log_in("alice")
    Select(login_page.one("push-target")).select_by_value("user")
    assert login_page.one("push-user").is_displayed() and not login_page.one("push-room").is_displayed()
    login_page.fill("push-user", "alice")
    assert "/push/user" in login_page.text("curl") or not login_page.one("curl").is_displayed()
    login_page.fill("push-text", "to her")
    login_page.one("push-send").click()
    assert login_page.shows("to her")[0] == "to alice"
    login_page.fill("push-user", "carol")
    login_page.one("push-send").click()
    wait_until(lambda: "offline: carol" in login_page.text("push-answer"), what="who is not there")


def users_of(page):
    """The users that the page shows in the chosen room, with what it says of each."""
    script = "return [...document.querySelectorAll('#users li')].map(row => [...row.children].map(part => part.textContent))"
    return page.driver.execute_script(script)


def test_the_page_knows_its_connection_and_who_is_in_its_room_and_can_kick(login_page, login):
    cluster, issuer = login
    bob = cluster.client("default", extra_headers={"Authorization": f"Bearer {issuer.token('bob')}"})
    login_page.log_in("alice")
    wait_until(lambda: login_page.text("connection").startswith("connection "), what="the WELCOME")
    wait_until(lambda: users_of(login_page) == [["alice", "", "Kick"], ["bob", "", "Kick"]], 20, "alice and bob")
    assert login_page.text("present-count") == "2 connections, 2 users"
    with cluster.caller() as caller:
        connection, = caller.get("/users/alice").json["connections"]
    assert login_page.text("connection") == f"connection {connection['connection']}"
    login_page.screenshot("present")
    login_page.driver.find_element(By.CSS_SELECTOR, '#users button[aria-label="Kick bob"]').click()
    assert bob.ended() == 4003
    wait_until(lambda: "1 connection of bob closed" in login_page.text("present-answer"), what="the answer")
    wait_until(lambda: users_of(login_page) == [["alice", "", "Kick"]], 20, "bob to be gone")
    login_page.driver.find_element(By.CSS_SELECTOR, '#users button[aria-label="Kick alice"]').click()
    wait_until(lambda: "4003 kicked" in login_page.text("close"), what="the page to be kicked itself")
    assert login_page.state() == "closed", "it does not come back by itself"


def test_who_may_not_ask_or_kick_is_told_so(browser, make_cluster, tmp_path):
    (tmp_path / "tokens").write_text("asks name=asks rights=push,query\n" + "pushes name=pushes rights=push\n")
    issuer = DevIssuer(tmp_path)
    cluster = make_cluster(gateway=issuer.options(), logic={"api.tokensFile": str(tmp_path / "tokens"), "cors.origins": ["*"]},
                           headers={"Authorization": "Bearer asks"})
    issuer.restart(cluster, 600)
    cluster.client("default", extra_headers={"Authorization": f"Bearer {issuer.token('bob')}"})
    page = Page(browser, cluster).open()
    page.one("more").find_element(By.TAG_NAME, "summary").click()
    page.fill("api-url", "http://127.0.0.1:%d" % cluster.api()[1])
    wait_until(lambda: page.text("present-count") == "unauthorized", what="the refusal")
    page.fill("api-token", "pushes")
    wait_until(lambda: page.text("present-count") == "forbidden", what="the refusal")
    page.fill("api-token", "asks")
    wait_until(lambda: users_of(page) == [["bob", "", "Kick"]], 20, "bob")
    assert page.text("present-count") == "2 connections, 1 user"
    page.driver.find_element(By.CSS_SELECTOR, "#users button").click()
    wait_until(lambda: "403" in page.text("present-answer") and "kick" in page.text("present-answer"), what="the refusal")
    wait_until(lambda: users_of(page) == [["bob", ""]], 20, "the button to be gone")
    issuer.stop()
    browser.execute_script("sessionStorage.clear()")
    browser.get("about:blank")
    page.complaints()


def test_the_page_renews_its_token_on_the_open_connection(login_page, login):
    cluster, issuer = login
    seconds = int(patient(3))
    issuer.restart(cluster, seconds)
    login_page.log_in("alice")
    login_page.requests()
    asked = []

    def renewed():
        asked.extend(login_page.requests())
        return len([url for url in asked if "/token?user=alice" in url]) >= 3

    wait_until(renewed, 6 * seconds, "the page to renew its token three times, two of which have ended then")
    assert not any(url.startswith("ws") for url in asked), "the connection is still the first"
    assert not login_page.one("close").is_displayed() and login_page.text("login-answer") == ""
    assert cluster.push_users("alice", {"msg": "still here"})["clients"] == 1
    login_page.shows("still here")


def test_who_logs_out_is_nobody_and_out_of_the_private_room(login_page, login):
    cluster, _ = login
    login_page.log_in("alice")
    login_page.join("private.alice")
    login_page.joined("private.alice")
    login_page.one("log-out").click()
    wait_until(lambda: login_page.text("who") == "nobody: no private rooms", what="the page to be nobody's")
    login_page.connected()
    login_page.joined("default")
    wait_until(lambda: "private.alice" not in login_page.rooms(), what="the private room to be left")
    answer = cluster.push_users("alice", {"msg": "gone"})
    assert (answer["clients"], answer["offline"]) == (0, ["alice"])
    assert not login_page.one("log-out").is_enabled()


def test_without_the_issuer_the_page_says_so_and_gets_in_once_it_is_there(login_page, login):
    cluster, issuer = login
    issuer.stop()
    login_page.fill("user", "alice")
    login_page.one("log-in").click()
    wait_until(lambda: "Nothing answers at" in login_page.text("login-answer"), what="the reason")
    assert login_page.state() != "open"
    issuer.restart(cluster, 600)
    wait_until(lambda: login_page.text("state") == "Connected as alice", 40, "the page to log in")
    assert login_page.text("login-answer") == ""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_card_for_logging_in_fits_a_phone(login_page, scheme):
    login_page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    login_page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
        {"name": "prefers-color-scheme", "value": scheme}]})
    login_page.log_in("a" + "-long-name" * 12)
    width = login_page.driver.execute_script("return document.documentElement.scrollWidth")
    assert width <= PHONE["width"], f"the page scrolls sideways: {width}"
    assert login_page.one("state").size["height"] < 70, "a long name is cut there; the card has it whole"
    login_page.screenshot(f"login-phone-{scheme}")
    login_page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_what_others_push_arrives_newest_first(page, cluster):
    for n in range(5):
        cluster.push("default", {"n": n}, wait=True)
    cluster.push(None, "to everybody")
    page.shows('"to everybody"')
    wait_until(lambda: len(page.items()) == 6, what="all items")
    assert [row[1] for row in page.items() if row[0] == "default"] == ['{"n": %d}' % n for n in (4, 3, 2, 1, 0)]
    assert page.shows('"to everybody"')[0] == "everyone"


def test_join_and_leave_rooms(page, cluster):
    page.join("news")
    page.joined("news")
    assert cluster.push("news", {"msg": "fresh"}, wait=True)["clients"] == 1
    assert page.shows("fresh")[0] == "news"
    page.driver.find_element(By.CSS_SELECTOR, '#rooms button[aria-label="Leave room news"]').click()
    wait_until(lambda: "news" not in page.rooms(), what="the room to be left")
    assert cluster.push("news", {"msg": "stale"}, wait=True)["clients"] == 0


def test_a_bad_room_is_explained_and_the_connection_stays(page):
    page.join("x" * 200)
    wait_until(lambda: page.one("room-answer").get_attribute("data-kind") == "bad", what="the error to be shown")
    assert "invalid_room" in page.text("room-answer")
    assert page.state() == "open" and set(page.rooms()) == {"default"}


def test_a_refused_push_is_explained(page):
    page.one("push-raw").click()
    page.fill("push-text", "[01]")
    page.one("push-send").click()
    wait_until(lambda: page.one("push-answer").get_attribute("data-kind") == "bad", what="the error to be shown")
    assert "400" in page.text("push-answer") and "invalid_json" in page.text("push-answer")
    page.one("push-raw").click()
    assert [entry for entry in page.complaints() if "400" not in entry["message"]] == []


def test_items_are_text_never_markup(page, cluster):
    evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    cluster.push("default", {"msg": evil}, evil, {"<b>": "</script>"})
    page.shows(evil)
    wait_until(lambda: len(page.items()) == 3, what="all items")
    assert page.driver.title == "Fanfare"
    assert page.driver.find_elements(By.CSS_SELECTOR, "#items img, #items script, #items .what * *") == []


def test_the_rate_shows_in_the_chart(page, cluster):
    for n in range(10):
        cluster.push("default", *range(n * 20, n * 20 + 20))
    wait_until(lambda: page.text("item-count") == "200", what="all items to be counted")
    peak = lambda: re.search(r"[1-9]\d* at the peak", page.one("rate-chart").get_attribute("aria-label"))
    wait_until(peak, what="the peak to be told")
    bars = page.bars()
    assert len(bars) == 60 and 1 <= sum(1 for bar in bars if bar > 0) <= 10, "a bar for each second that had some"

    def rate():
        cluster.push("default", "one more")
        return re.match(r"[1-9]", page.text("rate"))

    wait_until(rate, what="the rate")


def test_a_flood_does_not_grow_the_page(page, cluster):
    for n in range(10):
        cluster.push("default", *range(n * 100, n * 100 + 100))
    wait_until(lambda: page.text("item-count") == "1,000", what="all items to be counted")
    assert len(page.items()) <= 200
    assert page.items()[0][1] == "999"


def test_disconnect_and_connect(page, cluster):
    page.one("toggle").click()
    wait_until(lambda: page.state() == "closed", what="the page to be disconnected")
    assert cluster.push("default", 1, wait=True)["clients"] == 0
    page.one("toggle").click()
    page.connected()
    page.joined("default")
    assert cluster.push("default", {"msg": "again"}, wait=True)["clients"] == 1
    page.shows("again")


def test_it_comes_back_by_itself_when_the_gateway_restarts(page, cluster):
    cluster.gateways[0].signal(signal.SIGTERM)
    try:
        wait_until(lambda: "1001 going_away" in page.text("close"), what="the close code to be explained")
        assert page.state() != "open"
    finally:
        cluster.gateways[0].wait(10)
        cluster.restart_gateway()
    page.connected()
    page.joined("default")
    wait_until(lambda: "connecting" not in cluster.push("default", {"msg": "back"})["gateways"], what="logic to be back")
    page.shows("back")
    page.complaints()


def test_a_phones_screen(page, cluster):
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    page.driver.refresh()
    page.connected()
    cluster.push("default", {"msg": "as long as messages to phones tend to be " * 5}, {"k": "v" * 300})
    wait_until(lambda: len(page.items()) == 2, what="the items")
    width = page.driver.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= PHONE["width"], f"the page scrolls sideways: {width}"
    small = page.driver.execute_script("""
        return [...document.querySelectorAll('button, input:not([type=checkbox]), select, textarea')]
            .filter(each => each.checkVisibility() && each.getBoundingClientRect().height < 36).map(each => each.id)""")
    assert small == [], f"too small for a thumb: {small}"
    page.screenshot("phone")


def test_on_a_phone_what_arrives_stands_right_under_send(page, cluster):
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    page.driver.refresh()
    page.connected()
    page.joined("default")
    page.one("push-send").click()
    page.shows("Hello from the demo page")
    boxes = page.driver.execute_script("""
        return Object.fromEntries(['push-send', 'items', 'rate-chart', 'latency', 'more'].map(id =>
            [id, document.getElementById(id).getBoundingClientRect()]))""")
    gap = boxes["items"]["top"] - boxes["push-send"]["bottom"]
    assert 0 < gap < 170, f"{gap} px between Send and what arrives"
    for below in ("rate-chart", "latency", "more"):
        assert boxes[below]["top"] >= boxes["items"]["bottom"], below
    page.driver.execute_script("document.getElementById('push-send').scrollIntoView({block: 'center'})")
    page.screenshot("phone-send")


def test_dark_colours(page, cluster):
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
        {"name": "prefers-color-scheme", "value": "dark"}]})
    cluster.push("default", {"msg": "in the dark"})
    page.shows("in the dark")
    background = page.driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", background)[:3])) < 80, background
    page.screenshot("dark")
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_every_control_has_a_name(page):
    nameless = page.driver.execute_script("""
        return [...document.querySelectorAll('button, input, select, textarea')].filter(each =>
            !each.labels?.length && !each.getAttribute('aria-label') && !each.textContent.trim())
            .map(each => each.id)""")
    assert nameless == []


def test_no_console_errors_and_no_request_to_anywhere_else(page, cluster):
    page.one("push-send").click()
    wait_until(lambda: page.items(), what="an item")
    assert page.complaints() == []
    own = {cluster.ws()[1], cluster.outside}
    asked = page.requests()
    assert any(url.startswith("ws://") for url in asked) and any("/push/" in url for url in asked)
    for url in asked:
        if not url.startswith(("data:", "about:")):
            host, port = re.match(r"(?:http|ws)://([^:/]+):(\d+)/", url).groups()
            assert (host, int(port)) in {("127.0.0.1", each) for each in own}, f"the page asked for {url}"


def test_the_page_is_served_as_html_and_can_be_switched_off(cluster, make_cluster):
    with Caller(*cluster.ws()) as caller:
        answer = caller.get("/")
        assert answer.status == 200 and answer.headers["content-type"].startswith("text/html")
        assert answer.body.lower().startswith(b"<!doctype html>")
    with Caller(*cluster.ws()) as caller:
        assert caller.get("/index.html").status == 404
    without = make_cluster(gateway={"page.enabled": False}, logics=0)
    with Caller(*without.ws()) as caller:
        assert caller.get("/").status == 404
    without.client().expect_nothing()
