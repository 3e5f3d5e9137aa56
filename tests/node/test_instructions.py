"""scripts/instructions without valgrind: what it reads of callgrind's files, and what it says to which count."""
from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

from support.processes import run

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "instructions"
FILE = """\
# callgrind format
version: 1
creator: callgrind-3.19.0
pid: 767
cmd:  /tmp/measured/fairlead-proxy --channels 3 --telemetry 4 --name node --mode node --log-level info
part: 1

desc: I1 cache:
desc: Timerange: Basic block 0 - 2468
desc: Trigger: Program termination

positions: line
events: Ir
summary: 163594012

fl=(1) ???
fn=(1) main
0 12
totals: 163594013
"""


@pytest.fixture(scope="module")
def script():
    loader = SourceFileLoader("instructions", str(SCRIPT))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    sys.modules[loader.name] = module
    loader.exec_module(module)
    yield module
    del sys.modules[loader.name]


@pytest.fixture
def counted(script, monkeypatch, tmp_path):
    """Runs main() where `counts` are measured and `budget` is checked in; its exit code."""
    def counted(counts, budget, *arguments: str) -> int:
        (tmp_path / "budget.txt").write_text(budget)
        (tmp_path / "bin").mkdir()
        for name in script.PROGRAMS:
            (tmp_path / "bin" / name).touch()
        monkeypatch.setattr(script, "BUDGET", tmp_path / "budget.txt")
        monkeypatch.setattr(script, "measure", lambda _build, cases, _keep: {case: counts[case] for case in cases})
        monkeypatch.setattr(script.signal, "signal", lambda *_: None)
        monkeypatch.setattr(script.shutil, "which", lambda name: name)
        monkeypatch.setattr(sys, "argv", ["instructions", "--build", str(tmp_path), *arguments])
        return script.main()
    return counted


def test_the_totals_of_a_file_are_its_instructions_and_the_command_tells_whose(script):
    command, count = script.parse(FILE)
    assert count == 163594013
    assert "--name node --mode node " in command


@pytest.mark.parametrize("missing", ["totals: 163594013\n", "events: Ir\n"])
def test_a_file_that_is_cut_off_is_no_measurement(script, missing):
    with pytest.raises(script.NotMeasurable):
        script.parse(FILE.replace(missing, ""))


def test_other_events_are_not_taken_for_instructions(script):
    with pytest.raises(script.NotMeasurable):
        script.parse(FILE.replace("events: Ir", "events: Bc Ir"))


def test_each_case_has_its_own_proxy(script):
    subjects = {1: "node --mode node", 2: "shop/client --mode sidecar", 3: "shop/server --mode sidecar"}
    files = [FILE.replace("node --mode node", subject).replace("163594013", str(count))
             for count, subject in subjects.items()]
    _, sidecar, _ = script.LOADS
    assert script.counts_of(sidecar, files) == {"sidecar-outbound": 2, "sidecar-inbound": 3}


@pytest.mark.parametrize("files", [[], [FILE, FILE]])
def test_a_proxy_that_is_missing_or_was_started_twice_is_not_measurable(script, files):
    with pytest.raises(script.NotMeasurable):
        script.counts_of(script.LOADS[0], files)


def test_what_both_runs_have_in_common_does_not_count(script):
    def run_of(requests):
        return 27_000_000 + 13_632 * requests
    assert script.per_request(run_of(script.FEW), run_of(script.MANY)) == 13_632


def test_a_proxy_that_no_request_passed_is_not_measurable(script):
    with pytest.raises(script.NotMeasurable):
        script.per_request(27_000_000, 27_000_000)


@pytest.mark.parametrize("have, want, good, words", [
    (10_300, 10_000, True, "ok"), (10_301, 10_000, False, "ABOVE BUDGET"),
    (9_700, 10_000, True, "ok"), (9_699, 10_000, True, "ok: lower the budget"),
    (None, 10_000, False, "not measured"), (10_000, None, False, "not in userspace-proxy/budget.txt")])
def test_the_verdict_has_three_percent_on_both_sides(script, have, want, good, words):
    assert script.verdict(have, want) == (good, words)


def test_what_is_written_is_read_again(script):
    counts = {case: 10_000 + number for number, case in enumerate(script.CASES)}
    assert script.read_budget(script.budget_text(counts)) == counts


def test_the_checked_in_budget_has_every_case(script):
    assert set(script.read_budget(script.BUDGET.read_text())) == set(script.CASES)


@pytest.mark.parametrize("factor, code", [(1.0, 0), (1.04, 1), (0.9, 0)])
def test_the_exit_code_is_1_above_the_budget_only(script, counted, capsys, factor, code):
    budget = {case: 10_000 for case in script.CASES}
    assert counted({case: round(count * factor) for case, count in budget.items()}, script.budget_text(budget)) == code
    assert ("lower the budget" in capsys.readouterr().out) == (factor < 0.97)


def test_a_case_alone_is_compared_with_its_own_line_alone(script, counted, capsys):
    assert counted({"tcp": 2_500}, "node-http 1\ntcp 2500 # as measured\n", "tcp") == 0
    assert "node-http" not in capsys.readouterr().out


def test_a_line_of_the_budget_that_nothing_measures_is_a_failure(script, counted):
    counts = {case: 10_000 for case in script.CASES}
    assert counted(counts, script.budget_text(counts) + "gone 1\n") == 1


def test_an_update_writes_what_was_measured(script, counted):
    counts = {case: 20_000 for case in script.CASES}
    assert counted(counts, "node-http 1\n", "--update") == 0
    assert script.read_budget(script.BUDGET.read_text()) == counts


@pytest.mark.parametrize("arguments", [["udp"], ["--update", "tcp"], ["--build", "/nonexistent"], ["--nonsense"]])
def test_bad_arguments_are_usage_errors(arguments):
    done = run(SCRIPT, *arguments, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("instructions: error: ")
