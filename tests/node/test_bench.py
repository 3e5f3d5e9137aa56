"""`fairlead bench`: a very short run on this machine. What its figures are is not looked at, only that they are there,
that each path was really taken (the bench refuses otherwise), and that nothing stays behind, however it ends."""
from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest

from support import hdr
from support.agent import BIN, PINS, cgroup_root
from support.processes import Process, eventually, run

PATHS = ["direct", "node-kernel", "node-kernel-accelerated", "node-http", "node-http-accelerated", "sidecar-pair",
         "sidecar-pair-accelerated", "node-to-sidecar", "sidecar-to-node", "relay", "nginx-hop", "haproxy-hop", "nginx-pair",
         "haproxy-pair"]
TCP_PATHS = ["direct", "node-kernel", "node-kernel-accelerated", "sidecar-pair", "sidecar-pair-accelerated",
             "node-to-sidecar", "sidecar-to-node"]
# A long run, for what is ended in the middle.
LONG = ["--modes", "node-http,haproxy-pair", "--rounds", "1000", "--duration", "200ms"]
PATIENCE = 240


def start(folder: Path, *arguments: str) -> Process:
    """A bench, once no other runs on this machine (there is a lock)."""
    deadline = time.monotonic() + PATIENCE
    while True:
        log = folder / "bench.log"
        log.write_text("")
        bench = Process([BIN / "fairlead", "bench", "--out", folder, *arguments], log)
        while bench.alive() and "warming up" not in bench.text():
            time.sleep(0.05)
        if bench.alive() or "another bench runs" not in bench.text() or time.monotonic() > deadline:
            return bench
        time.sleep(1)


def remains(pid: int) -> list[str]:
    """What the bench with this pid has left: names that carry it, processes that name its folder, its agent's pins."""
    left = [str(path) for place, pattern in (("/run/netns", f"flbench-{pid}-*"), ("/sys/class/net", f"flb{pid}*"),
                                             ("/tmp", f"flbench-{pid}")) for path in Path(place).glob(pattern)]
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if re.search(rf"flbench-{pid}\b", command):
            left.append(f"process {entry.name}: {command}")
    for entry in Path("/run/fairlead-agents").glob("*"):
        try:
            if f"/tmp/flbench-{pid}/" in entry.read_text():
                left.append(str(entry))
        except OSError:
            continue
    return left


def places_of_agent(pid: int) -> list[Path]:
    """Pins and cgroup of the agent of the bench with this pid."""
    for entry in Path("/run/fairlead-agents").glob("*"):
        if f"/tmp/flbench-{pid}/" in entry.read_text():
            return [PINS / entry.name, cgroup_root() / f"fairlead-{entry.name}"]
    raise AssertionError("the bench's agent is not in the index")


def assert_nothing_remains(pid: int, *places: Path) -> None:
    eventually("nothing to remain", lambda: not remains(pid) and not any(path.exists() for path in places))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A whole run: its folder, its pid, and what it wrote."""
    folder = tmp_path_factory.mktemp("bench")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ENVOY", "/nowhere")
        environment.setenv("ZTUNNEL", "/nowhere")
        bench = start(folder, "--rounds", "2", "--duration", "200ms")
    code = bench.wait(PATIENCE)
    assert code == 0, bench.text()
    return folder, bench.pid, bench.text()


def test_the_report_has_every_path_and_load_with_figures_of_both_rounds(finished):
    folder, _, text = finished
    report = json.loads((folder / "report.json").read_text())
    assert report["version"] == 1
    assert {(cell["path"], cell["why"], cell["reason"]) for cell in report["not_measured"]} == {
        *((path, "missing", "envoy is not on this machine (ENVOY=/path/to/envoy, or scripts/bench --with-envoy)")
          for path in ("envoy-hop", "envoy-pair")),
        ("ztunnel-pair", "missing", "ztunnel is not on this machine (ZTUNNEL=/path/to/ztunnel)"),
        *((path, "missing", "the mesh has no mTLS yet")
          for path in ("node-http-mtls", "sidecar-pair-mtls", "ztunnel-pair-mtls"))}
    assert {(row["path"], row["load"]) for row in report["rows"]} == {
        *((path, load) for path in PATHS for load in ("http-c1", "http-c64")),
        *((path, "tcp-rr-64") for path in TCP_PATHS)}
    for row in report["rows"]:
        assert row["placement"] == "one-core"
        assert row["us_per_request"] > 0
        assert row["ratio_interval"][0] <= row["ratio_to_direct"] <= row["ratio_interval"][1]
        assert len(row["rounds"]) == 2
        assert all(one["us_per_request"] > 0 and one["direct_us"] > 0 and one["requests"] > 0 for one in row["rounds"])
        assert row["path"] in text and row["load"] in text
    assert {"agent", "node-proxy", "client-sidecar", "server-sidecar"} == set(report["memory"])
    for memory in report["memory"].values():
        assert 0 < memory["idle"]["pss_kib"] <= memory["idle"]["rss_kib"]
        assert memory["under_load"]["rss_kib"] > 0
    assert report["machine"]["cpu"] and report["machine"]["kernel"] and report["machine"]["versions"]["wrk"]


@pytest.mark.parametrize("name", ["envoy", "ztunnel"])
def test_a_stock_proxy_that_is_on_the_machine_is_measured(tmp_path, name):
    if not os.environ.get(name.upper()):
        pytest.skip(f"{name.upper()} names no program")
    bench = start(tmp_path, "--modes", f"{name}-pair", "--loads", "http-c1,http-c8-new", "--rounds", "2", "--duration", "200ms")
    assert bench.wait(PATIENCE) == 0, bench.text()
    report = json.loads((tmp_path / "report.json").read_text())
    row = next(row for row in report["rows"] if row["path"] == f"{name}-pair")
    assert row["cpu_us_per_request"]["client-sidecar"] > 1 and row["cpu_us_per_request"]["server-sidecar"] > 1
    assert report["machine"]["versions"][name]


def test_direct_is_in_every_round_and_each_ratio_is_taken_within_a_round(finished):
    rows = json.loads((finished[0] / "report.json").read_text())["rows"]
    direct = {row["load"]: [one["us_per_request"] for one in row["rounds"]] for row in rows if row["path"] == "direct"}
    for row in rows:
        assert [one["direct_us"] for one in row["rounds"]] == direct[row["load"]]
        ratios = sorted(one["us_per_request"] / one["direct_us"] for one in row["rounds"])
        assert row["ratio_to_direct"] == pytest.approx(sum(ratios) / 2, abs=1e-3)


def test_the_work_is_done_by_the_processes_of_the_path(finished):
    """CPU time per process, counted by the kernel: a second witness besides the product's own counters."""
    working = {"node-http": {"node-proxy"}, "sidecar-pair": {"client-sidecar", "server-sidecar"},
               "node-to-sidecar": {"node-proxy", "server-sidecar"}, "sidecar-to-node": {"client-sidecar", "node-proxy"},
               "node-kernel": set(), "direct": set(), "relay": {"relay"}}
    for row in json.loads((finished[0] / "report.json").read_text())["rows"]:
        if row["load"] == "http-c1" and row["path"] in working:
            used = {name for name, us in row["cpu_us_per_request"].items()
                    if us > 1 and name not in ("client", "server", "agent")}
            assert used == working[row["path"]], row["path"]


def test_a_whole_run_leaves_nothing_but_its_report(finished):
    folder, pid, _ = finished
    assert_nothing_remains(pid)
    assert sorted(path.name for path in folder.iterdir()) == ["bench.log", "latency.hlog", "page.html", "report.json",
                                                             "report.md"]


def test_the_histogram_log_has_the_latencies_of_the_report(finished):
    rows = {f"{row['path']}/{row['load']}": row["latency_us"]
            for row in json.loads((finished[0] / "report.json").read_text())["rows"]}
    logged = hdr.read_log(finished[0] / "latency.hlog")
    assert set(logged) == set(rows)
    for tag, latency in rows.items():
        assert sum(logged[tag].values()) == latency["count"], tag
        for quantile, name in ((0.5, "p50"), (0.99, "p99")):
            assert hdr.value_at(logged[tag], quantile) / 1000 == pytest.approx(latency[name], rel=0.002), (tag, name)


def test_rates_rise_until_a_path_carries_no_more(tmp_path):
    bench = start(tmp_path, "--modes", "node-http", "--loads", "http-c1", "--parts", "ladder", "--duration", "100ms")
    assert bench.wait(PATIENCE) == 0, bench.text()
    ladders = {one["path"]: one for one in json.loads((tmp_path / "report.json").read_text())["ladder"]}
    assert set(ladders) == {"direct", "node-http"}
    for ladder in ladders.values():
        rates = [step["offered_per_s"] for step in ladder["steps"]]
        assert rates == sorted(set(rates))
        assert not ladder["steps"][-1]["carried"]
        assert ladder["saturated_per_s"] == max((step["offered_per_s"] for step in ladder["steps"] if step["carried"]),
                                                default=0)
        for step in ladder["steps"]:
            assert step["p50_us"] <= step["p90_us"] <= step["p99_us"] <= step["p999_us"] <= step["max_us"]


def test_a_switch_of_modes_and_a_new_agent_under_load_lose_no_request(tmp_path):
    bench = start(tmp_path, "--modes", "node-http", "--loads", "http-c1", "--parts", "events")
    assert bench.wait(PATIENCE) == 0, bench.text()
    events = {one["scenario"]: one for one in json.loads((tmp_path / "report.json").read_text())["events"]}
    assert set(events) == {"mode-switch", "proxy-killed", "proxy-upgraded"}
    for event in events.values():
        assert sum(one["count"] for one in event["bins"]) == event["rate_per_s"] * (
            4.5 if event["scenario"] == "mode-switch" else 2.5)
        assert sum(one["failed"] for one in event["bins"]) == event["lost"]
    assert (events["mode-switch"]["lost"], events["proxy-upgraded"]["lost"]) == (0, 0)
    assert [mark["what"] for mark in events["mode-switch"]["marks"]] == [
        "client: node -> sidecar", "client: node -> sidecar: in force",
        "client: sidecar -> node", "client: sidecar -> node: in force"]


def test_memory_is_told_by_pods_and_by_connections(tmp_path):
    bench = start(tmp_path, "--modes", "node-http,sidecar-pair", "--loads", "http-c1", "--parts", "memory")
    assert bench.wait(PATIENCE) == 0, bench.text()
    report = json.loads((tmp_path / "report.json").read_text())
    pods = {(one["mode"], one["pods"]): one for one in report["memory_by_pods"]}
    assert set(pods) == {(mode, count) for mode in ("node", "sidecar") for count in (2, 12, 27, 52)}
    assert all(one["agent_kib"] > 0 and one["proxies_kib"] > 0 for one in pods.values())
    # 50 more processes are more than 50 more tables in one.
    assert pods["sidecar", 52]["proxies_kib"] > pods["node", 52]["proxies_kib"] > 0
    held = {(one["path"], one["connections"]): one for one in report["memory_by_connections"]}
    assert set(held) == {(path, count) for path in ("direct", "node-http", "sidecar-pair") for count in (0, 100, 1000)}
    assert held["direct", 1000]["proxies_kib"] == 0
    # Two sockets a connection at the least, more than a KiB each.
    assert all(held[path, 1000]["socket_kib"] > 2000 for path in ("direct", "node-http", "sidecar-pair"))
    assert_nothing_remains(bench.pid)


def test_prometheus_reads_the_requests_that_were_sent(tmp_path):
    bench = start(tmp_path, "--modes", "node-http", "--loads", "http-c1", "--parts", "prometheus")
    assert bench.wait(PATIENCE) == 0, bench.text()
    told = json.loads((tmp_path / "report.json").read_text())["prometheus"]
    assert told["sent"] == told["scraped_source"] == told["scraped_destination"] == 5000
    assert told["scrapes"] > 1
    assert_nothing_remains(bench.pid)


@pytest.fixture
def full_disk(tmp_path):
    """A folder with room for a report and none for the page."""
    folder = tmp_path / "small"
    folder.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder)
    yield folder
    run("umount", folder)


def test_a_full_disk_is_one_clear_line_and_nothing_remains(full_disk, tmp_path):
    bench = Process([BIN / "fairlead", "bench", "--out", full_disk, "--modes", "direct", "--loads", "tcp-rr-64", "--rounds", "1",
                     "--duration", "100ms"], tmp_path / "bench.log")
    deadline = time.monotonic() + PATIENCE
    while bench.wait(PATIENCE) == 1 and "another bench runs" in bench.text() and time.monotonic() < deadline:
        bench = Process([BIN / "fairlead", "bench", "--out", full_disk, "--modes", "direct", "--loads", "tcp-rr-64", "--rounds",
                         "1", "--duration", "100ms"], tmp_path / "again.log")
    assert bench.wait(PATIENCE) == 1
    assert bench.text().splitlines()[-1] == f"fairlead: bench: {full_disk}/page.html: No space left on device"
    assert [path.name for path in full_disk.iterdir() if path.name.startswith((".", "page"))] == []
    assert_nothing_remains(bench.pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_one_line_and_nothing_left(tmp_path, number):
    bench = start(tmp_path, *LONG)
    places = places_of_agent(bench.pid)
    assert all(path.exists() for path in places) and remains(bench.pid)
    bench.signal(number)
    assert bench.wait() == 1
    assert bench.text().splitlines()[-1] == f"fairlead: bench: interrupted; {tmp_path}/report.json has what was measured"
    assert_nothing_remains(bench.pid, *places)
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["version"], report["partial"]) == (1, True)
    assert "what it had until then" in (tmp_path / "report.md").read_text()


def test_a_second_bench_is_refused_and_what_a_killed_one_left_goes_with_the_next(tmp_path):
    bench = start(tmp_path, *LONG)
    places = places_of_agent(bench.pid)
    second = run(BIN / "fairlead", "bench", "--quick", "--out", tmp_path, check=False)
    assert (second.returncode, len(second.stderr.splitlines())) == (1, 1)
    assert f"another bench runs on this machine (pid {bench.pid})" in second.stderr
    bench.kill()
    assert Path(f"/run/netns/flbench-{bench.pid}-client").exists()
    next_one = start(tmp_path, "--modes", "direct", "--loads", "tcp-rr-64", "--rounds", "1", "--duration", "100ms")
    assert next_one.wait(PATIENCE) == 0, next_one.text()
    assert_nothing_remains(bench.pid, *places)
    assert_nothing_remains(next_one.pid)


def test_an_agent_that_dies_under_it_is_an_error_and_the_report_is_a_partial_one(tmp_path):
    bench = start(tmp_path, *LONG)
    places = places_of_agent(bench.pid)
    for pid in map(int, (places[1] / "cgroup.procs").read_text().split()):
        os.kill(pid, signal.SIGKILL)
    assert bench.wait(PATIENCE) == 1
    assert bench.text().splitlines()[-1].startswith("fairlead: bench: ")
    assert_nothing_remains(bench.pid, *places)
    assert json.loads((tmp_path / "report.json").read_text())["partial"] is True


@pytest.mark.parametrize("arguments", [["--modes", "fastest"], ["--rounds", "0"], ["--duration", "soon"],
                                       ["--duration", "0s"], ["--placement", "three-cores"], ["--connections", "0"]])
def test_bad_arguments_are_usage_errors(arguments):
    done = run(BIN / "fairlead", "bench", *arguments, check=False)
    assert done.returncode == 2
    assert done.stderr.strip()
