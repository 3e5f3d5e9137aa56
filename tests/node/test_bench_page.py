"""The page of a bench's report, made by `fairlead bench --render` out of a report that lies here, and looked at by a
headless browser: what stands in it is what the report says, and it asks nobody for anything."""
from __future__ import annotations

import copy
import json
from itertools import zip_longest
from pathlib import Path

import pytest

from support.agent import BIN
from support.chromium import Chromium, installed
from support.processes import run

REPORT = json.loads((Path(__file__).parent / "bench_report.json").read_text())
# What docs/report-json.md had in version 1 from the beginning.
FIRST_ROW_FIELDS = {"path", "placement", "load", "us_per_request", "us_interval", "ratio_to_direct", "ratio_interval",
                    "added_us", "spread", "p50_us", "p99_us", "requests", "cpu_us_per_request", "rounds"}
FIRST_FIELDS = {"version", "machine", "method", "rows", "memory", "not_measured"}
CHARTS = {"overhead", "added", "percentiles", "ladder-p50", "ladder-p99", "saturation", "cpu", "memory", "memory-pods",
          "memory-connections", "event-mode-switch", "event-proxy-killed", "event-proxy-upgraded"}
SECTIONS = "[...document.querySelectorAll('section')].map((one) => one.id)"
WORDS = "document.body.innerText"


@pytest.fixture(scope="module")
def browser():
    if not installed():
        pytest.skip("chromium is not installed: scripts/setup test installs it")
    with Chromium() as chromium:
        yield chromium


def page_of(folder: Path, report: object) -> Path:
    (folder / "report.json").write_text(json.dumps(report))
    run(BIN / "fairlead", "bench", "--render", folder / "report.json", "--out", folder)
    return folder / "page.html"


@pytest.fixture(scope="module")
def full(tmp_path_factory) -> Path:
    return page_of(tmp_path_factory.mktemp("full"), REPORT)


@pytest.fixture
def opened(browser, full):
    """The full report, as wide as a desktop's window."""
    browser.open(full)
    return browser


def at_first() -> dict:
    """The report as it was before fields were added."""
    report = {key: copy.deepcopy(value) for key, value in REPORT.items() if key in FIRST_FIELDS}
    report["rows"] = [{key: value for key, value in row.items() if key in FIRST_ROW_FIELDS}
                      for row in report["rows"] if not row["load"].endswith("-r5000")]
    return report


def rows_of(load: str) -> list[dict]:
    return [row for row in REPORT["rows"] if row["load"] == load]


def choose(browser, section: str, words: str) -> None:
    browser.value(f"[...document.querySelectorAll('#{section} .choice label')]"
                  f".find((one) => one.textContent === {json.dumps(words)}).click()")


def data(browser, chart: str, of: str = "data") -> list:
    return browser.value(f"fairleadCharts['{chart}'].data.datasets.map((one) => one.{of})")


def flat(row: dict) -> dict:
    """The figures of a row by the names that the table's cells have."""
    found = {}
    for key, value in row.items():
        if key in ("rounds", "curve", "path", "placement", "load"):
            continue
        for name, one in value.items() if isinstance(value, dict) else [(None, value)]:
            parts = one.items() if isinstance(one, dict) else [(None, one)]
            found |= {".".join(filter(None, (key, name, part))): figure for part, figure in parts}
    return found


def test_every_figure_of_every_row_stands_in_the_table(opened):
    cells = opened.value("""[...document.querySelectorAll('td[data-field]')].filter((one) => one.dataset.value)
        .map(({dataset, textContent}) => [dataset.path, dataset.load, dataset.field, dataset.value, textContent])""")
    shown = {(path, load, field): (value, text) for path, load, field, value, text in cells}
    for row in REPORT["rows"]:
        for field, figure in flat(row).items():
            value, text = shown[row["path"], row["load"], field]
            assert json.loads(value) == figure, (row["path"], row["load"], field)
            if isinstance(figure, (int, float)) and field != "spread":
                decimals = len(text.partition(".")[2])
                assert float(text.replace(",", "")) == pytest.approx(figure, abs=0.51 * 10 ** -decimals)


def test_each_chart_is_there_and_says_in_words_what_it_shows(opened):
    assert set(opened.value("Object.keys(fairleadCharts)")) == CHARTS
    canvases = opened.value("[...document.querySelectorAll('canvas')].map((one) => [one.getAttribute('role'), "
                            "one.getAttribute('aria-label'), one.closest('figure').querySelector('h3').textContent])")
    assert len(canvases) == len(CHARTS)
    for role, words, title in canvases:
        assert role == "img" and any(letter.isdigit() for letter in words) and title


def test_the_overhead_of_each_load_is_that_of_its_rows(opened):
    loads = {"http-c1": "HTTP, 1 connection", "http-c64": "HTTP, 64 connections", "tcp-rr-64": "TCP round trip of 64 bytes",
             "http-c64-r5000": "HTTP, 64 connections, 5,000/s offered"}
    for load, words in loads.items():
        choose(opened, "overhead", words)
        rows = rows_of(load)
        assert opened.value("fairleadCharts.overhead.data.labels") == [row["path"] for row in rows]
        assert data(opened, "overhead") == [[row["ratio_to_direct"] for row in rows]]
        assert data(opened, "overhead", "intervals") == \
            [[None if row["path"] == "direct" else row["ratio_interval"] for row in rows]]
        assert data(opened, "added") == [[row["added_us"] for row in rows]]
        for row, interval in zip(rows, data(opened, "added", "intervals")[0], strict=True):
            assert row["path"] == "direct" or interval[0] <= row["added_us"] <= interval[1]


def test_latency_cpu_and_memory_are_drawn_as_the_report_has_them(opened):
    curves = data(opened, "percentiles")  # the open loop's first
    for row, points in zip(rows_of("http-c64-r5000"), curves, strict=True):
        assert [[point["q"], point["y"]] for point in points] == [point for point in row["curve"] if point[0] < 1]
    for climb, points in zip(REPORT["ladder"], data(opened, "ladder-p99"), strict=True):
        assert [(point["x"], point["y"]) for point in points] == \
            [(step["offered_per_s"], step["p99_us"]) for step in climb["steps"]]
    assert data(opened, "saturation") == [[climb["saturated_per_s"] for climb in REPORT["ladder"]]]
    for at, row in enumerate(rows_of("http-c1")):
        drawn = sum(values[at] or 0 for values in data(opened, "cpu"))
        assert drawn == pytest.approx(sum(one["user_us"] + one["system_us"] for one in row["cpu"].values()))
    names = opened.value("fairleadCharts.memory.data.labels")
    assert data(opened, "memory") == [[REPORT["memory"][name][when]["pss_kib"] / 1024 for name in names]
                                      for when in ("idle", "under_load")]
    killed = next(event for event in REPORT["events"] if event["scenario"] == "proxy-killed")
    assert [point["y"] for point in data(opened, "event-proxy-killed")[0]] == [one["p50_us"] for one in killed["bins"]]
    assert opened.value("fairleadCharts['event-proxy-killed'].options.plugins.marks.at.map((one) => one.x)") == \
        [mark["t_ms"] / 1000 for mark in killed["marks"]]


def test_the_headline_and_what_is_not_told_apart_are_said_in_words(opened):
    added = {row["path"]: row["added_us"] for row in rows_of("http-c1")}
    assert opened.value("document.querySelector('h1').textContent") == (
        f"The node proxy adds {added['node-http']:.1f} µs to a request; "
        f"a sidecar pair adds {added['sidecar-pair']:.1f} µs.")
    words = opened.value(WORDS)
    assert "node-kernel and direct are not told apart by this run." in words
    assert "37 of 11,807 requests lost, longest gap without an answer 212 ms" in words
    for cell in REPORT["not_measured"]:
        assert cell["reason"] in words


def test_it_asks_for_nothing_and_may_not(opened):
    assert opened.requests() == []
    assert opened.complaints() == []
    for asking in ("fetch('data:,x')", "import('data:text/javascript,')"):
        assert opened.value(f"{asking}.then(() => 'let through', () => 'refused')") == "refused"


@pytest.mark.parametrize("width", [360, 800, 1280])
def test_no_width_makes_the_page_scroll_sideways(browser, full, width):
    browser.open(full, width)
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value("[...document.querySelectorAll('canvas, .scroll, .tiles, .choice')]"
                         ".every((one) => one.getBoundingClientRect().right <= innerWidth)")


def test_dark_and_light_follow_the_reader_without_loading_again(browser, full):
    look = ("[getComputedStyle(document.body).backgroundColor, "
            "fairleadCharts.overhead.data.datasets[0].backgroundColor[0]]")
    browser.open(full, dark=True)
    dark = browser.value(look)
    browser.set_dark(False)
    browser.settle()
    light = browser.value(look)
    assert all(one != other for one, other in zip(dark, light))
    assert browser.complaints() == []


def test_paper_gets_the_charts_and_the_screen_has_its_own_back(opened):
    before = opened.value("fairleadCharts.overhead.width")
    assert opened.pdf().startswith(b"%PDF")
    opened.settle()
    assert opened.value("[fairleadCharts.overhead.width, document.documentElement.className]") == [before, ""]
    assert opened.complaints() == []


def test_headings_are_in_order(opened):
    levels = opened.value("[...document.querySelectorAll('h1, h2, h3, h4')].map((one) => Number(one.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in zip(levels, levels[1:]))


def test_what_a_report_lacks_gets_no_section(browser, tmp_path):
    browser.open(page_of(tmp_path, {"version": 1}))
    assert browser.value(SECTIONS) == []
    assert browser.value("Object.keys(fairleadCharts)") == []
    assert "The report has no figures." in browser.value(WORDS)
    browser.open(page_of(tmp_path, at_first()))
    assert browser.value(SECTIONS) == ["overhead", "cpu", "memory", "figures", "machine", "not-measured"]
    assert set(browser.value("Object.keys(fairleadCharts)")) == {"overhead", "added", "cpu", "memory"}
    assert browser.complaints() == []


def test_any_field_may_be_absent_or_null(browser, full, tmp_path):
    """Not through the command each time: what differs is the embedded report."""
    head, _, rest = full.read_text().partition('<script type="application/json" id="report">')
    _, _, tail = rest.partition("</script>")
    page = tmp_path / "page.html"
    lists = [key for key in REPORT if isinstance(REPORT[key], list)]
    fields = [sorted({(key, name) for one in REPORT[key] for name in one}) for key in lists]
    # One of each list at a time: they are drawn apart from each other.
    lacking = [[(None, key)] for key in REPORT] + [list(filter(None, some)) for some in zip_longest(*fields)]
    for some in lacking:
        for is_absent in (False, True):
            report = copy.deepcopy(REPORT)
            for key, field in some:
                for where in report[key] if key else [report]:
                    where[field] = None
                    if is_absent:
                        del where[field]
            page.write_text(f'{head}<script type="application/json" id="report">{json.dumps(report)}</script>{tail}')
            browser.open(page)
            assert browser.complaints() == [], some
            words = browser.value(WORDS)
            assert not any(one in words for one in ("undefined", "NaN", "[object", "Infinity")), some


def own_report() -> dict:
    """Of `--from POD --to URL --toggle`."""
    row = next(one for one in REPORT["rows"] if one["path"] == "node-http")
    modes = [{"mode": mode, "path": path, "us_per_request": us, "us_interval": [us - 2, us + 3], "ratio_to_current": us / 60,
              "ratio_interval": [us / 61, us / 59], "latency_us": row["latency_us"], "curve": row["curve"], "rounds": []}
             for mode, path, us in (("node", "node-proxy", 60.0), ("sidecar", "sidecar", 120.0), ("off", "untouched", 30.0))]
    return {"version": 1, "machine": REPORT["machine"], "method": {}, "rows": [], "not_measured": [],
            "own_pods": {"from": "pod/shop/client", "to": "http://reviews.shop:9080/", "address": "10.0.0.7", "modes": modes}}


def test_a_users_own_pods_are_shown_by_mode(browser, tmp_path):
    browser.open(page_of(tmp_path, own_report()))
    assert browser.value(SECTIONS) == ["own-pods", "machine"]
    assert browser.value("document.querySelector('#own-pods h2').textContent") == "pod/shop/client to http://reviews.shop:9080/"
    assert data(browser, "own-time") == [[60, 120, 30]]
    assert browser.value("fairleadCharts['own-time'].data.labels") == ["node", "sidecar", "off"]
    assert len(data(browser, "own-percentiles")) == 3
    assert "sidecar mode takes 2.00× that; off mode takes 0.50× that" in browser.value(WORDS)
    cells = browser.value("[...document.querySelectorAll('#own-pods td[data-field=us_per_request]')]"
                          ".map((one) => JSON.parse(one.dataset.value))")
    assert cells == [60, 120, 30]
    assert browser.complaints() == [] and browser.requests() == []
    assert "no figures" not in browser.value(WORDS)


def test_an_interrupted_run_is_said_to_be_one(browser, tmp_path):
    browser.open(page_of(tmp_path, {**REPORT, "partial": True}))
    banners = browser.value("[...document.querySelectorAll('.banner')].map((one) => one.textContent)")
    assert banners[0].startswith("Partial report") and banners[1].startswith("1 cell failed")


def test_markup_in_the_report_is_text(browser, tmp_path):
    evil = "</script><script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\">"
    report = copy.deepcopy(REPORT)
    report["machine"]["cpu"] = report["not_measured"][0]["reason"] = report["events"][0]["marks"][0]["what"] = evil
    report["rows"][2]["path"] = report["rows"][2]["load"] = evil
    browser.open(page_of(tmp_path, report))
    assert browser.value("document.title") == "Fairlead: latency benchmark"
    assert browser.value("document.querySelectorAll('img').length") == 0
    assert evil in browser.value("document.body.textContent")
    assert browser.complaints() == []


@pytest.mark.parametrize("text, words", [(None, "No such file or directory"), ("{", "not JSON"),
                                         ("[]", "not a report of version 1"),
                                         ('{"version": 2}', "not a report of version 1")])
def test_a_file_that_is_no_report_is_one_line(tmp_path, text, words):
    file = tmp_path / "report.json"
    if text is not None:
        file.write_text(text)
    done = run(BIN / "fairlead", "bench", "--render", file, "--out", tmp_path, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"fairlead: bench: {file}: {words}\n"
    assert not (tmp_path / "page.html").exists()
