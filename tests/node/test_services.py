"""Which endpoint of a service a client gets: session affinity, DestinationRules, traffic policies, external addresses; on
the kernel path and through the proxies."""
from __future__ import annotations

import collections
import errno
import itertools
import time

import pytest

from support import apps, manifests
from support.traffic import Connection, ask, exchange

PORTS = {"http": 8080, "tcp": 9000}
SERVICE_PORTS = [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "tcp", "port": 9000, "targetPort": 9000}]
WEB = {"app": "web"}
WEBS = ("web-1", "web-2", "web-3")
CLIENTS = ("client-1", "client-2", "client-3", "client-4")
# How a pod is served, and what it dials: TCP from a pod in node mode is the kernel path, all else goes through a proxy.
WAYS = [*itertools.product(("node", "sidecar"), ("http", "tcp"))]


class Services:
    def __init__(self, node):
        self.node = node
        node.write(manifests.namespace("shop"))
        self.clients = {name: node.pod(f"shop/{name}", account=name) for name in CLIENTS}
        self.outside = node.netns("outside")
        node.app(apps.TcpEcho, self.outside, "outside", 9000)
        node.app(apps.TcpEcho, self.outside, "outside", 7000)
        self.webs = {name: node.pod(f"shop/{name}", **self.fields()) for name in WEBS}
        for name, pod in self.webs.items():
            node.app(apps.Echo, pod, name, 8080)
            node.app(apps.TcpEcho, pod, name, 9000)
        self.vip, self.vip6 = node.service("shop/web", SERVICE_PORTS, WEB)
        node.agent.start()

    @staticmethod
    def fields(**more):
        return {"account": "web", "labels": WEB, "ports": PORTS, **more}

    def service(self, **spec) -> manifests.Object:
        obj = manifests.service("shop/web", SERVICE_PORTS, WEB, [self.vip, self.vip6])
        obj["spec"].update(spec)
        return obj

    def web(self, name: str, **fields) -> manifests.Object:
        pod = self.webs[name]
        return manifests.pod(f"shop/{name}", pod.path, [pod.ip4, pod.ip6], **self.fields(**fields))

    def balanced(self, **load_balancer) -> manifests.Object:
        rule = manifests.destination_rule("shop/web", "web", {})
        rule["spec"] = {"host": "web", "trafficPolicy": {"loadBalancer": load_balancer}}
        return rule

    def mode(self, mode: str) -> None:
        for name in CLIENTS:
            self.node.cli("mode", f"pod/shop/{name}", mode)
        self.node.cli.wait()

    def reached(self, kind: str, client: str = CLIENTS[0], address: str | None = None) -> str:
        """The pod that answers one new connection."""
        pod, address = self.clients[client], address or self.vip
        if kind == "http":
            return ask(pod, address, host="web.shop").json["pod"]
        with pod.dial(address, 9000) as sock:
            return greeting(sock)

    def spread(self, kind: str, times: int, client: str = CLIENTS[0]) -> collections.Counter:
        return collections.Counter(self.reached(kind, client) for _ in range(times))


def greeting(sock) -> str:
    got = b""
    while not got.endswith(b"\n"):
        got += exchange(sock, b"", 1)
    return got.decode().strip()


def sticky(seconds: int | None = None) -> dict:
    config = {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": seconds}}} if seconds else {}
    return {"sessionAffinity": "ClientIP", **config}


@pytest.fixture(scope="module")
def services(bare_node):
    return Services(bare_node)


@pytest.fixture
def in_mode(services):
    """A function that puts all clients into a mode; by default again afterwards."""
    yield services.mode
    services.mode("default")


# --- session affinity ---

@pytest.mark.parametrize("mode", ["node", "sidecar"])
def test_with_affinity_each_client_keeps_its_pod_and_clients_are_spread(services, in_mode, mode):
    in_mode(mode)
    with services.node.having(services.service(**sticky())):
        seen = set()
        for client, kind, address in itertools.product(CLIENTS, PORTS, (services.vip, services.vip6)):
            first = services.reached(kind, client, address)
            assert {services.reached(kind, client, address) for _ in range(8)} == {first}, (client, kind, address)
            seen.add(first)
        # Sixteen choices: all of them the same once in ten million runs.
        assert len(seen) > 1


@pytest.mark.parametrize("mode", ["node", "sidecar"])
def test_requests_of_one_connection_and_of_others_meet_at_one_pod(services, in_mode, mode):
    in_mode(mode)
    with services.node.having(services.service(**sticky())):
        with Connection(services.clients[CLIENTS[1]], services.vip, host="web.shop") as kept:
            first = kept.ask("/").json["pod"]
            for _ in range(8):
                assert kept.ask("/").json["pod"] == first
                assert services.reached("http", CLIENTS[1]) == first


@pytest.mark.parametrize("mode, kind", WAYS)
def test_after_the_timeout_a_client_may_get_another_pod(services, in_mode, mode, kind):
    in_mode(mode)
    with services.node.having(services.service(**sticky(seconds=1))):
        seen = set()
        for _ in range(14):     # all the same once in a million runs
            seen.add(services.reached(kind))
            if len(seen) > 1:
                return
            time.sleep(1.2)
        pytest.fail(f"always {seen}")


@pytest.mark.parametrize("mode, kind", WAYS)
def test_a_pod_that_is_not_ready_loses_its_clients_and_does_not_get_them_back(services, in_mode, mode, kind):
    in_mode(mode)
    with services.node.having(services.service(**sticky())):
        first = services.reached(kind)
        with services.node.having(services.web(first, ready=False)):
            second = services.reached(kind)
            assert second != first
            assert services.spread(kind, 8) == {second: 8}
        assert services.spread(kind, 8) == {second: 8}


def test_without_affinity_a_client_gets_all_pods(services):
    for kind in PORTS:
        assert set(services.spread(kind, 60)) == set(WEBS)


# --- DestinationRules ---

def test_round_robin_in_the_kernel_takes_turns(services):
    with services.node.having(services.balanced(simple="ROUND_ROBIN")):
        turns = [services.reached("tcp", client) for _ in range(5) for client in CLIENTS[:3]]
        assert set(turns) == set(WEBS)
        assert turns == turns[:3] * 5


@pytest.mark.parametrize("mode", ["node", "sidecar"])
def test_round_robin_through_a_proxy_is_even(services, in_mode, mode):
    in_mode(mode)
    with services.node.having(services.balanced(simple="ROUND_ROBIN")):
        with Connection(services.clients[CLIENTS[0]], services.vip, host="web.shop") as kept:
            turns = [kept.ask("/").json["pod"] for _ in range(15)]
        assert turns == turns[:3] * 5 and set(turns) == set(WEBS)


@pytest.mark.parametrize("mode", ["node", "sidecar"])
def test_least_request_counts_open_connections(services, in_mode, mode):
    in_mode(mode)
    with services.node.having(services.balanced(simple="LEAST_REQUEST")):
        held = [services.clients[CLIENTS[0]].dial(services.vip, 9000) for _ in range(45)]
        try:
            counts = collections.Counter(greeting(sock) for sock in held)
        finally:
            for sock in held:
                sock.close()
        # Two choices keep the difference at about one; 15 each.
        assert all(11 <= counts[name] <= 19 for name in WEBS), counts


@pytest.mark.parametrize("mode, kind", WAYS)
def test_by_source_a_client_has_one_pod_whatever_becomes_of_the_others(services, in_mode, mode, kind):
    in_mode(mode)
    with services.node.having(services.balanced(consistentHash={"useSourceIp": True})):
        first = services.reached(kind)
        assert services.spread(kind, 8) == {first: 8}
        other = next(name for name in WEBS if name != first)
        with services.node.having(services.web(other, ready=False)):
            assert services.spread(kind, 8) == {first: 8}


# --- traffic policies ---

def on_other_nodes(services, *names: str):
    return [services.web(name, node="node-2" if name in names else "node-1") for name in WEBS]


@pytest.mark.parametrize("mode, kind", WAYS)
def test_local_means_the_pods_of_this_node(services, in_mode, mode, kind):
    in_mode(mode)
    with services.node.having(services.service(internalTrafficPolicy="Local"),
                              *on_other_nodes(services, "web-2", "web-3")):
        assert services.spread(kind, 12) == {"web-1": 12}


def test_local_without_a_pod_on_this_node_is_refused_at_once(services):
    def refusals():
        return services.node.agent.counts("fairlead_kernel_connections_total", reason="no_endpoint")

    with services.node.having(services.service(internalTrafficPolicy="Local"), *on_other_nodes(services, *WEBS)):
        before = refusals()
        with pytest.raises(OSError) as refused:
            services.reached("tcp")
        assert refused.value.errno == errno.ECONNREFUSED
        assert refusals() == before + 1
        answer = ask(services.clients[CLIENTS[0]], services.vip, host="web.shop")
        assert (answer.status, answer.text) == (503, "no healthy upstream")


@pytest.mark.parametrize("kind", PORTS)
def test_the_same_node_is_preferred_where_it_has_a_pod(services, kind):
    with services.node.having(services.service(trafficDistribution="PreferSameNode"),
                              *on_other_nodes(services, "web-1", "web-2")):
        assert services.spread(kind, 12) == {"web-3": 12}


@pytest.mark.parametrize("kind", PORTS)
def test_the_same_zone_is_preferred(services, kind):
    zones = {"node-1": "a", "node-2": "b"}
    nodes = [{"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone}}}
             for name, zone in zones.items()]
    with services.node.having(services.service(trafficDistribution="PreferClose"), *nodes,
                              *on_other_nodes(services, "web-2")):
        assert set(services.spread(kind, 40)) == {"web-1", "web-3"}


def test_an_external_address_is_of_several_services_each_at_its_ports(services):
    address, client = services.outside.ip4, services.clients[CLIENTS[0]]
    other = manifests.service("shop/other", [{"name": "http", "port": 81, "targetPort": 8080}], WEB,
                              services.node.network.service_addresses())
    other["spec"]["externalIPs"] = [address]
    with services.node.having(services.service(externalIPs=[address]), other):
        for port in (80, 81):
            assert ask(client, address, port=port, host="anything.example").json["pod"] in WEBS


def test_an_external_address_is_the_services_at_its_ports_only(services):
    address = services.outside.ip4
    with services.node.having(services.service(externalIPs=[address])):
        client = services.clients[CLIENTS[0]]
        assert ask(client, address, host="web.shop").json["pod"] in WEBS
        assert services.reached("tcp", address=address) in WEBS
        with client.dial(address, 7000) as sock:
            assert greeting(sock) == "outside"
    assert services.reached("tcp", address=address) == "outside"


# --- what is told ---

def test_explain_tells_how_an_endpoint_is_chosen(services):
    def told(port):
        answer = services.node.cli.json("explain", "--from", f"pod/shop/{CLIENTS[0]}", "--to", f"web.shop:{port}")
        return [answer["clusters"][0].get(key) for key in ("balance", "session_affinity_s")]

    assert told(80) == ["LEAST_REQUEST", None]
    assert told(9000) == ["RANDOM", None]
    with services.node.having(services.service(**sticky(seconds=90)), services.balanced(simple="ROUND_ROBIN")):
        assert told(80) == told(9000) == ["ROUND_ROBIN", 90]
        text = services.node.cli("explain", "--from", f"pod/shop/{CLIENTS[0]}", "--to", "web.shop:9000").stdout
        assert "ROUND_ROBIN, a client keeps its endpoint for 90 s after its last connection" in text


def test_a_bad_affinity_is_refused_with_file_and_line_and_field(services):
    bad = services.service(**sticky(seconds=90_000))
    file = services.node.file(manifests.key(bad)).name
    with services.node.having(bad) as warnings:
        assert f"{file}:" in warnings
        assert "spec.sessionAffinityConfig.clientIP.timeoutSeconds" in warnings
