"""Istio's metrics: their counts equal the traffic sent, and the text is what Prometheus takes."""
from __future__ import annotations

import json

import pytest

from shop import Shop, deny, from_account
from support import apps
from support.agent import series, settle
from support.processes import run
from support.traffic import Connection, ask, exchange


@pytest.fixture(scope="module")
def shop(bare_node):
    return Shop(bare_node)


def requests(shop, expected: int, **labels) -> float:
    # An answer leaves the proxy before it is counted: a client may read the metrics in between.
    return settle(lambda: shop.node.agent.counts("istio_requests_total", **labels), expected)


def test_each_request_counts_once_at_either_end_by_its_code(shop):
    with Connection(shop.client, shop.vip, host="web.shop") as connection:
        for path, times in (("/", 7), ("/status/404", 3), ("/status/503", 2)):
            for _ in range(times):
                connection.ask(path)
    for reporter in ("source", "destination"):
        for code, times in (("200", 7), ("404", 3), ("503", 2)):
            counted = requests(shop, times, reporter=reporter, source_workload="client", response_code=code)
            assert counted == times, (reporter, code)


def test_labels_name_both_ends_as_istio_does(shop):
    ask(shop.client, shop.vip, host="web.shop")
    found = [labels for labels, _ in series(shop.node.agent.metrics(), "istio_requests_total")
             if labels["reporter"] == "source" and labels["source_workload"] == "client"]
    assert found
    for labels in found:
        assert labels["source_workload_namespace"] == labels["destination_workload_namespace"] == "shop"
        assert labels["source_principal"] == "spiffe://cluster.local/ns/shop/sa/client"
        assert labels["destination_principal"] == "spiffe://cluster.local/ns/shop/sa/web"
        assert labels["destination_service"] == "web.shop.svc.cluster.local"
        assert (labels["destination_service_name"], labels["destination_service_namespace"]) == ("web", "shop")
        assert labels["request_protocol"] == "http"


def test_a_refused_request_counts_with_403_and_no_application_sees_it(shop):
    before = [len(echo.requests) for echo in shop.echo.values()]
    with shop.node.having(deny(**{"from": from_account("other")})):
        assert [ask(shop.other, shop.vip, host="web.shop").status for _ in range(4)] == [403] * 4
    assert [len(echo.requests) for echo in shop.echo.values()] == before
    for reporter in ("source", "destination"):
        assert requests(shop, 4, reporter=reporter, source_workload="other", response_code="403") == 4


def test_a_request_from_outside_counts_at_the_destination_only(shop):
    assert [ask(shop.outside, shop.web["v1"].ip4, "/status/204", 8080).status for _ in range(3)] == [204] * 3
    assert requests(shop, 3, reporter="destination", response_code="204") == 3
    assert requests(shop, 0, reporter="source", response_code="204") == 0


def test_durations_and_sizes_are_histograms_that_agree_with_the_count(shop):
    text = settle(shop.node.agent.metrics)
    total = sum(value for _, value in series(text, "istio_requests_total"))
    assert total > 0
    for metric in ("istio_request_duration_milliseconds", "istio_request_bytes", "istio_response_bytes"):
        assert sum(value for _, value in series(text, f"{metric}_count")) == total
        assert sum(value for labels, value in series(text, f"{metric}_bucket") if labels["le"] == "+Inf") == total


def test_response_bytes_grow_by_what_was_sent(shop):
    def sum_of(reporter):
        return settle(lambda: shop.node.agent.counts("istio_response_bytes_sum", reporter=reporter))

    before = [sum_of(side) for side in ("source", "destination")]
    assert len(ask(shop.client, shop.vip, "/bytes/100000").body) == 100000
    # Heads are counted by Istio's proxies too, or not: never less than the body, never a KiB more.
    for side, was in zip(("source", "destination"), before):
        assert 100000 <= sum_of(side) - was <= 101024


def test_a_tcp_connection_that_passes_the_proxy_counts_its_bytes(shop):
    """Bytes on an HTTP port that begin with the HTTP/2 preface pass through as TCP."""
    pod = shop.node.pod("shop/opaque", labels={"app": "opaque"}, ports={"http": 8081})
    shop.node.app(apps.TcpEcho, pod, "opaque", 8081)
    vip, _ = shop.node.service("shop/opaque", [{"name": "http", "port": 80, "targetPort": 8081}], {"app": "opaque"})
    shop.node.cli.wait()
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    with shop.client.dial(vip, 80) as sock:
        sent = preface + apps.pattern(5000)
        assert exchange(sock, sent, len("opaque\n") + len(sent)) == b"opaque\n" + sent
    labels = {"destination_service_name": "opaque"}
    for reporter in ("source", "destination"):
        # Istio's words: received from the client, sent to it.
        for metric, expected in (("connections_opened", 1), ("connections_closed", 1), ("received_bytes", len(sent)),
                                 ("sent_bytes", len("opaque\n") + len(sent))):
            def counted(name=f"istio_tcp_{metric}_total"):
                return shop.node.agent.counts(name, reporter=reporter, **labels)
            assert settle(counted, expected) == expected, (reporter, metric)


def test_the_text_is_valid(shop):
    done = run("promtool", "check", "metrics", input=shop.node.agent.metrics(), check=False)
    # 3: valid, with advice. Istio's own names do not follow all of it ("milliseconds" is no base unit).
    assert done.returncode in (0, 3), done.stderr + done.stdout
    assert [line for line in done.stderr.splitlines() if not line.startswith("istio_")] == []


def test_records_can_be_asked_for_by_their_age(shop):
    assert ask(shop.client, shop.vip, "/aged", host="web.shop").status == 200
    assert shop.node.agent.flows(target="/aged")

    def targets(*arguments: str) -> list[str]:
        lines = shop.node.cli("flows", "-o", "json", *arguments).stdout.splitlines()
        return [json.loads(line).get("target") for line in lines]

    assert "/aged" in targets("--since", "1h")
    assert targets("--since", "0s") == []


def test_connections_that_waited_for_a_socket_are_counted(shop):
    pod = shop.node.pod("shop/fresh", labels={"app": "fresh"}, ports={"http": 8080})
    shop.node.app(apps.Echo, pod, "fresh", 8080)
    vip, _ = shop.node.service("shop/fresh", [{"name": "http", "port": 80, "targetPort": 8080}], {"app": "fresh"})
    shop.node.cli.wait()
    metrics = ("fairlead_upstream_sockets_total", "fairlead_upstream_socket_batches_total", "fairlead_upstream_socket_waits_total")
    before = {metric: shop.node.agent.counts(metric) for metric in metrics}
    assert ask(shop.client, vip, host="fresh.shop").status == 200
    added = {metric: shop.node.agent.counts(metric) - before[metric] for metric in metrics}
    # The first use of a pod: nothing is there yet, so the request waits for the first batch, which is of four.
    assert added == dict(zip(metrics, (4, 1, 1)))
