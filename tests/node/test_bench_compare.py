"""`fairlead bench --compare`: exit codes, and what goes where. What it finds is for tests/unit/bench/compare_test.cpp."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.agent import BIN
from support.processes import run


def report(**ratios: float) -> dict:
    """A report with one row per path, of six rounds with a little noise."""
    def row(path: str, ratio: float) -> dict:
        return {"path": path, "placement": "one-core", "load": "http-c1", "rounds": [
            {"us_per_request": 10 * ratio * (1 + wobble / 1000), "direct_us": 10} for wobble in range(6)]}
    return {"version": 1, "machine": {}, "method": {}, "memory": {}, "not_measured": [],
            "rows": [row("direct", 1), *(row(path.replace("_", "-"), ratio) for path, ratio in ratios.items())]}


def written(folder: Path, name: str, content: dict | str) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def compare(*arguments):
    return run(BIN / "fairlead", "bench", "--compare", *arguments, check=False)


@pytest.mark.parametrize("ratio, code, summary", [
    (2.0, 0, "0 slower, 0 faster, 2 with no difference seen"),
    (1.6, 0, "0 slower, 1 faster, 1 with no difference seen"),
    (2.4, 1, "1 slower, 0 faster, 1 with no difference seen")])
def test_the_exit_code_says_whether_something_got_slower(tmp_path, ratio, code, summary):
    done = compare(written(tmp_path, "old.json", report(node_http=2.0, sidecar_pair=3.0)),
                   written(tmp_path, "new.json", report(node_http=ratio, sidecar_pair=3.0)))
    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout.splitlines()[-1] == summary
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.json", "old.json"]


def test_a_row_that_fails_now_is_a_regression(tmp_path):
    new = report(sidecar_pair=3.0)
    new["not_measured"] = [{"path": "node-http", "placement": "one-core", "load": "http-c1", "why": "failed",
                            "reason": "2 answers of 503"}]
    done = compare(written(tmp_path, "old.json", report(node_http=2.0, sidecar_pair=3.0)),
                   written(tmp_path, "new.json", new))
    assert done.returncode == 1
    assert "node-http one-core http-c1: 2 answers of 503" in done.stdout


@pytest.mark.parametrize("content, what", [
    (None, "No such file or directory"), ("", "not JSON"), ('{"version": 1, "ro', "not JSON"),
    ("[]", "not a report of fairlead bench"), ('{"version": 1}', "not a report of fairlead bench"),
    ('{"version": 2, "rows": []}', "a report of version 2, this program reads version 1"),
    ('{"version": 1, "rows": [{}]}', "not a report: a row has no path, placement or load")])
def test_a_file_that_is_no_report_is_named_in_one_line(tmp_path, content, what):
    good, bad = written(tmp_path, "good.json", report(node_http=2.0)), tmp_path / "bad.json"
    if content is not None:
        bad.write_text(content)
    for files in ((good, bad), (bad, good)):
        done = compare(*files)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", f"fairlead: bench: {bad}: {what}\n")


def test_reports_with_nothing_to_compare_are_an_error(tmp_path):
    done = compare(written(tmp_path, "old.json", report(node_http=2.0)),
                   written(tmp_path, "new.json", report(sidecar_pair=3.0)))
    assert done.returncode == 1
    assert done.stderr == "fairlead: bench: nothing compared: no row with enough rounds is in both reports\n"


@pytest.mark.parametrize("arguments", [[], ["a"], ["a", "b", "c"], ["a", "b", "--quick"], ["a", "b", "--rounds", "3"],
                                       ["a", "b", "--modes", "direct"], ["a", "b", "--out", "c"],
                                       ["a", "b", "--compare", "c", "d"]])
def test_bad_arguments_are_usage_errors(arguments):
    done = compare(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip()
