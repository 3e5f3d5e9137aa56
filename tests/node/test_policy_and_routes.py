"""Who may send which request, and where it goes: AuthorizationPolicy, VirtualService, DestinationRule."""
from __future__ import annotations

import pytest

from shop import Shop, allow, deny, from_account
from support import manifests
from support.traffic import Connection, ask, count


@pytest.fixture(scope="module")
def shop(bare_node):
    return Shop(bare_node)


def routed(*http, host="web") -> list[manifests.Object]:
    return [manifests.destination_rule("shop/web", "web", {"v1": {"version": "v1"}, "v2": {"version": "v2"}}),
            manifests.virtual_service("shop/web", [host], list(http))]


def to(subset: str, weight: int | None = None) -> manifests.Object:
    return {"destination": {"host": "web", "subset": subset}, **({"weight": weight} if weight is not None else {})}


def version(answer) -> str:
    return {"web-1": "v1", "web-2": "v2"}[answer.json["pod"]]


def test_without_configuration_both_pods_answer(shop):
    assert set(count(40, version, shop.client, shop.vip, host="web.shop")) == {"v1", "v2"}


def test_a_policy_that_names_an_identity_refuses_the_others(shop):
    with shop.node.having(allow("client")):
        assert ask(shop.client, shop.vip, host="web.shop").status == 200
        answer = ask(shop.other, shop.vip, host="web.shop")
        assert (answer.status, answer.body) == (403, b"RBAC: access denied")
        # Without identity: from outside the mesh, to the pod's own address.
        assert ask(shop.outside, shop.web["v1"].ip4, port=8080).status == 403
    assert ask(shop.other, shop.vip, host="web.shop").status == 200


def test_a_policy_by_method_and_path_judges_each_request_of_a_connection(shop):
    to_admin = {"to": [{"operation": {"methods": ["POST"], "paths": ["/admin*"]}}], "from": from_account("client")}
    with shop.node.having(deny(**to_admin)), Connection(shop.client, shop.vip, host="web.shop") as connection:
        asked = [("GET", "/admin"), ("POST", "/admin/x"), ("POST", "/"), ("POST", "/admin"), ("GET", "/")]
        assert [connection.ask(path, method).status for method, path in asked] == [200, 403, 200, 403, 200]
        assert ask(shop.other, shop.vip, "/admin", method="POST").status == 200


def test_a_new_policy_judges_requests_of_a_connection_that_is_open(shop):
    with Connection(shop.client, shop.vip, host="web.shop") as connection:
        assert connection.ask().status == 200
        with shop.node.having(deny(**{"from": from_account("client")})):
            assert connection.ask().status == 403
        assert connection.ask().status == 200


def test_a_canary_gets_its_share(shop):
    with shop.node.having(*routed({"route": [to("v1", 90), to("v2", 10)]})):
        # 400 requests, 40 expected: outside of 10 to 85 fewer than one run in ten million.
        assert 10 <= count(400, version, shop.client, shop.vip, host="web.shop")["v2"] <= 85


def test_a_header_match_goes_to_its_version_and_the_rest_elsewhere(shop):
    canary = {"match": [{"headers": {"canary": {"exact": "true"}}}], "route": [to("v2")]}
    with shop.node.having(*routed(canary, {"route": [to("v1")]})):
        assert count(20, version, shop.client, shop.vip, host="web.shop", headers={"canary": "true"}) == {"v2": 20}
        assert count(20, version, shop.client, shop.vip, host="web.shop", headers={"canary": "no"}) == {"v1": 20}
        assert count(20, version, shop.client, shop.vip, host="web.shop") == {"v1": 20}


def test_a_request_that_no_rule_matches_gets_404(shop):
    with shop.node.having(*routed({"match": [{"uri": {"prefix": "/api"}}], "route": [to("v1")]})):
        assert ask(shop.client, shop.vip, "/api/x", host="web.shop").status == 200
        assert ask(shop.client, shop.vip, "/unmatched", host="web.shop").status == 404
        assert [record["response_flags"] for record in shop.node.agent.flows(target="/unmatched")] == ["NR"]


def test_a_rule_changes_headers_and_answers_directly(shop):
    changed = {"match": [{"uri": {"exact": "/changed"}}], "route": [to("v1")],
               "headers": {"request": {"set": {"x-set": "1"}, "remove": ["x-gone"]}, "response": {"add": {"x-added": "2"}}}}
    direct = {"match": [{"uri": {"exact": "/direct"}}], "directResponse": {"status": 418, "body": {"string": "teapot"}}}
    with shop.node.having(*routed(changed, direct, {"route": [to("v2")]})):
        answer = ask(shop.client, shop.vip, "/changed", host="web.shop", headers={"x-gone": "y", "x-kept": "z"})
        seen = {name.lower(): value for name, value in answer.json["headers"].items()}
        assert (seen.get("x-set"), seen.get("x-gone"), seen.get("x-kept")) == ("1", None, "z")
        assert answer.headers["x-added"] == "2"
        answer = ask(shop.client, shop.vip, "/direct", host="web.shop")
        assert (answer.status, answer.body) == (418, b"teapot")


def test_a_service_without_ready_pods_gets_503_no_healthy_upstream(shop):
    vip, _ = shop.node.service("shop/empty", [{"name": "http", "port": 80}], {"app": "nobody"})
    shop.node.cli.wait()
    answer = ask(shop.client, vip, "/empty", host="empty.shop")
    assert (answer.status, answer.body) == (503, b"no healthy upstream")
    assert [record["response_flags"] for record in shop.node.agent.flows(target="/empty")] == ["UH"]


def test_a_dead_application_gets_503_uf(shop):
    shop.node.pod("shop/dead", labels={"app": "dead"}, ports={"http": 8080})
    vip, _ = shop.node.service("shop/dead", [{"name": "http", "port": 80, "targetPort": 8080}], {"app": "dead"})
    shop.node.cli.wait()
    answer = ask(shop.client, vip, "/dead", host="dead.shop")
    assert answer.status == 503
    assert [record["response_flags"] for record in shop.node.agent.flows(target="/dead")] == ["UF"]


def test_an_application_that_closes_without_an_answer_gets_503_uc(shop):
    assert ask(shop.client, shop.vip, "/reset", host="web.shop").status == 503
    assert [record["response_flags"] for record in shop.node.agent.flows(target="/reset")] == ["UC"]
