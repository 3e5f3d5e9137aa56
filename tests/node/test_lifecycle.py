"""How an agent starts and ends: nothing stays behind, two live side by side, and what is missing is named.

Runs alone: it counts the BPF objects of the whole machine.
"""
from __future__ import annotations

import json
import os
import shutil

import pytest

from shop import Shop, allow
from support import apps, manifests
from support.agent import BIN, PINS
from support.node import Node, eventually_nothing
from support.processes import eventually, run
from support.traffic import ask, exchange


@pytest.fixture(scope="module")
def shop(bare_node):
    return Shop(bare_node, start=False)


def bpf_objects(node: Node) -> set[str]:
    """The programs, maps and links of this machine as "KIND ID NAME", without those that another agent has pinned."""
    own = {str(path) for agent in node.agents for path in agent.pins}
    shown = {kind: json.loads(run("bpftool", "-j", "-f", kind, "show").stdout or "[]") for kind in ("link", "prog", "map")}

    def foreign(entry: dict) -> bool:
        folders = {os.path.dirname(path) for path in entry.get("pinned", []) if path.startswith(f"{PINS}/")}
        return bool(folders) and not any(folder.startswith(path) for folder in folders for path in own)

    others = {kind: {entry["id"] for entry in entries if foreign(entry)} for kind, entries in shown.items()}
    others["prog"] |= {link["prog_id"] for link in shown["link"] if link["id"] in others["link"]}
    others["map"] |= {number for prog in shown["prog"] if prog["id"] in others["prog"] for number in prog.get("map_ids", [])}
    return {f"{kind} {entry['id']} {entry.get('name', entry.get('type'))}"
            for kind, entries in shown.items() for entry in entries if entry["id"] not in others[kind]}


@pytest.fixture
def leaves_nothing(shop):
    """Afterwards there is no BPF object, cgroup, pin, namespace or process that was not there before."""
    before, remains = bpf_objects(shop.node), set(shop.node.remains())
    yield shop
    eventually_nothing(lambda: sorted(bpf_objects(shop.node) - before) + sorted(set(shop.node.remains()) - remains))


def test_sigterm_leaves_nothing(leaves_nothing):
    shop, agent = leaves_nothing, leaves_nothing.node.agent
    before = bpf_objects(shop.node)
    agent.start()
    assert {entry.split()[0] for entry in bpf_objects(shop.node) - before} == {"prog", "map", "link"}
    assert ask(shop.client, shop.vip, host="web.shop").status == 200
    assert agent.stop() == 0


def test_sigint_leaves_nothing(leaves_nothing):
    agent = leaves_nothing.node.agent
    agent.start()
    agent.process.signal(2)
    assert agent.process.wait() == 0


def test_after_sigkill_the_next_start_takes_over_and_leaves_nothing(leaves_nothing):
    shop, agent = leaves_nothing, leaves_nothing.node.agent
    agent.start()
    agent.kill()
    assert all(path.is_dir() for path in agent.pins), "the pins went with the agent: nothing was left to take over"
    agent.start()
    assert ask(shop.client, shop.vip, host="web.shop").status == 200
    assert agent.stop() == 0


@pytest.mark.parametrize("arguments", [["uninstall"], ["uninstall", "--all"]])
def test_after_sigkill_uninstall_leaves_nothing(leaves_nothing, arguments):
    agent = leaves_nothing.node.agent
    agent.start()
    agent.kill()
    assert agent.proxies()      # they outlive their agent
    agent.cli(*arguments)
    assert agent.proxies() == []


def test_uninstall_all_leaves_a_living_agent_alone(leaves_nothing):
    shop, agent = leaves_nothing, leaves_nothing.node.agent
    agent.start()
    proxies = agent.proxies()
    agent.cli("uninstall", "--all")
    assert agent.alive() and agent.proxies() == proxies
    assert ask(shop.client, shop.vip, host="web.shop").status == 200
    agent.stop()


def test_kept_kernel_state_goes_on_deciding_until_uninstall(leaves_nothing):
    shop, node = leaves_nothing, leaves_nothing.node
    policy = allow("client")
    node.write(policy)
    keeper = node.another_agent(node.config, node.folder / "keeper", ["--keep-kernel-state"])
    keeper.start()
    assert keeper.stop() == 0 and not keeper.proxies()
    node.file(manifests.key(policy)).unlink()
    for address in (shop.vip, shop.vip6):
        with shop.client.dial(address, 9000) as sock:
            assert exchange(sock, b"", 6).decode().strip() in shop.pod_names
        with pytest.raises(OSError):
            shop.other.dial(address, 9000)
    keeper.cli("uninstall")
    with shop.other.dial(shop.web["v1"].ip4, 9000) as sock:     # no mesh: nobody refuses
        assert exchange(sock, b"", 6) == b"web-1\n"


def test_the_start_of_any_agent_sweeps_what_a_vanished_run_dir_left(leaves_nothing):
    node = leaves_nothing.node
    lost = node.another_agent(node.config, node.folder / "lost")
    lost.start()
    lost.kill()
    shutil.rmtree(lost.run_dir)
    assert lost.proxies() and all(path.is_dir() for path in lost.pins)
    node.agent.start()
    eventually("what was left to be swept", lambda: not lost.proxies() and not any(path.exists() for path in lost.pins))
    node.agent.stop()


def test_two_agents_with_two_run_dirs_side_by_side(leaves_nothing):
    shop, node = leaves_nothing, leaves_nothing.node
    # The second governs pods of its own, with the same names and a policy that the first has not.
    config = node.folder / "second"
    config.mkdir()
    pods = {name: node.network.add(f"second/{name}") for name in ("client", "server")}
    second = node.another_agent(config, node.folder / "second-run")
    objects = [manifests.pod("shop/client", pods["client"].path, [pods["client"].ip4], account="client"),
               manifests.pod("shop/web-1", pods["server"].path, [pods["server"].ip4], labels={"app": "web"},
                             ports={"tcp": 9000})]
    for number, obj in enumerate([*objects, allow("nobody")]):
        (config / f"{number}.yaml").write_text(json.dumps(obj))      # YAML takes JSON
    server = apps.TcpEcho(pods["server"], "second", 9000)

    node.agent.start()
    second.start()
    assert node.agent.cgroups.isdisjoint(second.cgroups) and node.agent.pins.isdisjoint(second.pins)
    assert ask(shop.client, shop.vip, host="web.shop").status == 200
    with shop.client.dial(shop.vip, 9000) as sock:
        assert exchange(sock, b"", 4) == b"web-"
        with pytest.raises(OSError):
            pods["client"].dial(pods["server"].ip4, 9000)
        assert node.agent.metrics() and second.metrics()

        # The end of one, however it comes, is nothing to the other.
        second.kill()
        second.cli("uninstall")
        assert ask(shop.client, shop.vip, host="web.shop").status == 200
        assert exchange(sock, b"still", 7)[2:] == b"still"
    with pods["client"].dial(pods["server"].ip4, 9000) as sock:
        assert exchange(sock, b"", 7) == b"second\n"
    node.agent.stop()
    server.close()
    for pod in pods.values():
        node.network.remove(pod)


def test_a_second_agent_for_the_same_run_dir_is_refused(leaves_nothing):
    node = leaves_nothing.node
    node.agent.start()
    rival = node.another_agent(node.config, node.run_dir)
    rival.start(wait=False)
    assert rival.process.wait() != 0
    assert str(node.run_dir) in rival.text() and str(node.agent.pid) in rival.text()
    assert ask(leaves_nothing.client, leaves_nothing.vip, host="web.shop").status == 200
    node.agent.stop()


@pytest.mark.parametrize("capability", ["bpf", "perfmon", "net_admin", "sys_admin", "sys_ptrace", "setuid", "setgid", "kill"])
def test_a_missing_capability_is_named(leaves_nothing, capability):
    node = leaves_nothing.node
    agent = node.another_agent(node.config, node.folder / f"without-{capability}",
                               wrap=["setpriv", f"--bounding-set=-{capability}", f"--inh-caps=-{capability}", "--"])
    agent.start(wait=False)
    assert agent.process.wait() != 0
    assert f"CAP_{capability.upper()}" in agent.text()


@pytest.mark.parametrize("arguments", [["--no-such-flag"], [], ["--config", "/no/such/directory"],
                                       ["--config", "/tmp", "--default-mode", "fast"], ["--config", "/tmp", "--log-level", "x"]])
def test_a_bad_flag_ends_the_agent_with_one_line(leaves_nothing, arguments):
    done = run(BIN / "fairlead-agent", *arguments, "--run-dir", leaves_nothing.node.folder / "unused", check=False)
    assert done.returncode != 0
    assert len((done.stderr + done.stdout).strip().splitlines()) == 1, done.stderr + done.stdout


@pytest.mark.parametrize("arguments, told", [
    (["frob"], '"frob" is not a command; write one of status, '), (["--run-dir", "/x", "frob"], '"frob" is not a command'),
    ([], "no command; write one of "), (["--frob"], "unknown option --frob")])
def test_what_is_no_command_is_named(leaves_nothing, arguments, told):
    done = run(BIN / "fairlead", *arguments, check=False)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert told in done.stderr


def test_wait_without_an_agent_says_so(leaves_nothing):
    done = leaves_nothing.node.cli("wait", "--timeout", "1s", check=False)
    assert done.returncode == 1 and str(leaves_nothing.node.run_dir) in done.stderr


def test_version_is_told_by_all_three(leaves_nothing):
    told = {run(BIN / name, "--version").stdout.split()[-1] for name in ("fairlead", "fairlead-agent", "fairlead-proxy")}
    assert len(told) == 1 and told.pop()[0].isdigit()


def test_the_proxy_has_no_capability_and_another_user(leaves_nothing):
    agent = leaves_nothing.node.agent
    agent.start()
    for pid in agent.proxies():
        status = dict(line.split(":\t", 1) for line in open(f"/proc/{pid}/status").read().splitlines() if ":\t" in line)
        assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}
        assert status["NoNewPrivs"].strip() == "1"
        assert "0" not in status["Uid"].split() + status["Gid"].split()
        maps = [fd for fd in os.listdir(f"/proc/{pid}/fd") if "bpf" in os.readlink(f"/proc/{pid}/fd/{fd}")]
        assert maps == []
    assert agent.proxies()
    agent.stop()
