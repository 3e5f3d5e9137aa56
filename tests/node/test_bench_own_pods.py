"""`fairlead bench --from POD --to URL`: a user's own pods under their own agent. Figures are only looked at for being there."""
from __future__ import annotations

import json
import signal
import time

import pytest

from support import apps, manifests
from support.agent import BIN
from support.processes import Process, eventually, run

SHORT = ["--rounds", "2", "--duration", "100ms"]


@pytest.fixture(scope="module")
def site(bare_node):
    return Site(bare_node)


class Site:
    """shop/client, and Apache in shop/httpd behind the service shop/httpd."""

    def __init__(self, node):
        self.node = node
        node.write(manifests.namespace("shop"))
        node.pod("shop/client", account="client")
        httpd = node.pod("shop/httpd", labels={"app": "httpd"}, ports={"http": 8080})
        node.app(apps.Apache, httpd, node.folder_for("httpd"), 8080, {"index.html": b"welcome\n"})
        self.vip, self.vip6 = node.service("shop/httpd", [{"name": "http", "port": 80, "targetPort": 8080}], {"app": "httpd"})
        node.agent.start()

    def bench(self, folder, *arguments):
        # One at a time on a machine.
        for _ in range(240):
            done = run(BIN / "fairlead", "--run-dir", self.node.agent.run_dir, "bench", "--out", folder, *arguments, check=False)
            if "another bench runs" not in done.stderr:
                break
            time.sleep(1)
        return done

    def status(self):
        return self.node.agent.cli.json("status")

    def client(self):
        return next(pod for pod in self.status()["pods"] if pod["pod"] == "shop/client")


def test_the_way_that_traffic_takes_now_is_measured_and_the_pods_are_left_alone(site, tmp_path):
    before = site.client()
    done = site.bench(tmp_path, "--from", "pod/shop/client", "--to", "http://httpd.shop/", *SHORT)
    assert done.returncode == 0, done.stderr
    own = json.loads((tmp_path / "report.json").read_text())["own_pods"]
    assert (own["from"], own["to"], own["address"]) == ("pod/shop/client", "http://httpd.shop/", site.vip)
    assert [(one["mode"], one["path"], one["ratio_to_current"]) for one in own["modes"]] == [("node", "node-proxy", 1)]
    assert own["modes"][0]["latency_us"]["count"] == sum(one["requests"] for one in own["modes"][0]["rounds"]) > 0
    assert site.client() == before
    assert "| node | node-proxy |" in (tmp_path / "report.md").read_text()
    assert "pod/shop/client" in (tmp_path / "page.html").read_text()


def test_every_mode_is_measured_on_request_and_the_mode_restored(site, tmp_path):
    done = site.bench(tmp_path, "--from", "pod/shop/client", "--to", f"http://[{site.vip6}]:80/index.html", "--toggle", *SHORT)
    assert done.returncode == 0, done.stderr
    own = json.loads((tmp_path / "report.json").read_text())["own_pods"]
    assert [(one["mode"], one["path"]) for one in own["modes"]] == [
        ("node", "node-proxy"), ("sidecar", "sidecar"), ("off", "untouched")]
    assert "shop/client" not in str(site.status()["mode_overrides"])
    assert (site.client()["mode"], site.client()["wanted_mode"]) == ("node", "node")


def test_an_override_of_the_users_own_is_given_back(site, tmp_path):
    site.node.agent.cli("mode", "pod/shop/client", "sidecar")
    try:
        done = site.bench(tmp_path, "--from", "pod/shop/client", "--to", "http://httpd.shop", "--toggle", *SHORT)
        assert done.returncode == 0, done.stderr
        assert site.status()["mode_overrides"] == {"pod/shop/client": "sidecar"}
    finally:
        site.node.agent.cli("mode", "pod/shop/client", "default")


def test_the_mode_is_restored_when_it_is_interrupted(site, tmp_path):
    log = tmp_path / "log"
    site.bench(tmp_path, "--from", "pod/shop/client", "--to", "http://httpd.shop/", *SHORT)  # no other runs now
    bench = Process([BIN / "fairlead", "--run-dir", site.node.agent.run_dir, "bench", "--out", tmp_path, "--from", "pod/shop/client",
                     "--to", "http://httpd.shop/", "--toggle", "--rounds", "1000", "--duration", "200ms"], log)
    try:
        eventually("an override", lambda: site.status()["mode_overrides"])
        time.sleep(0.3)
    finally:
        bench.signal(signal.SIGINT)
    assert bench.wait() == 1
    assert bench.text().splitlines()[-1].startswith("fairlead: bench: ") and "interrupted" in bench.text()
    assert site.status()["mode_overrides"] == {}


@pytest.mark.parametrize("source, to, reason", [
    ("pod/shop/nobody", "http://httpd.shop/", "pod/shop/nobody: no such pod on this node"),
    ("pod/shop/client", "http://httpd.shop/absent", "a request failed: an answer other than 2xx or 3xx"),
    ("pod/shop/client", "http://nowhere.shop/", "nowhere.shop"),
    ("pod/shop/client", "https://httpd.shop/", "https is not measured"),
    ("pod/shop/client", "httpd.shop", "no http URL; write http://HOST[:PORT][/PATH]"),
])
def test_what_cannot_be_measured_is_one_line_and_changes_nothing(site, tmp_path, source, to, reason):
    done = site.bench(tmp_path / "out", "--from", source, "--to", to, "--toggle", *SHORT)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
    assert done.stderr.startswith("fairlead: bench: ") and reason in done.stderr
    assert site.status()["mode_overrides"] == {}
    assert not (tmp_path / "out").exists()


def test_from_and_to_belong_together(tmp_path):
    done = run(BIN / "fairlead", "bench", "--out", tmp_path, "--from", "pod/shop/client", check=False)
    assert done.returncode == 2 and "--to" in done.stderr
