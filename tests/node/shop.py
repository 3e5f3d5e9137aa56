"""The small shop that most files test with: two clients with an identity each, and two versions of a web server.

shop/client, shop/other (service accounts of those names); shop/web-1 and shop/web-2 (label version: v1, v2; service account
web) serve HTTP at 8080, TCP echo at 9000 and UDP echo at 5353, all declared, and TCP echo at 7777, which nobody declares.
Services: web (80 -> 8080, "http"; 9000, "tcp"), and `outside`: a client namespace that is no pod of the mesh.
"""
from __future__ import annotations

from support import apps, manifests
from support.node import Node

PORTS = {"http": 8080, "tcp": 9000}
SERVICE_PORTS = [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "tcp", "port": 9000, "targetPort": 9000}]
WEB = {"app": "web"}


class Shop:
    def __init__(self, node: Node, start: bool = True):
        self.node = node
        node.write(manifests.namespace("shop"))
        self.client = node.pod("shop/client", account="client", labels={"app": "client"})
        self.other = node.pod("shop/other", account="other", labels={"app": "other"})
        self.outside = node.netns("outside")
        self.echo: dict[str, apps.Echo] = {}
        self.tcp: dict[str, apps.TcpEcho] = {}
        self.web = {version: self._web(f"web-{version[1:]}", version) for version in ("v1", "v2")}
        self.vip, self.vip6 = node.service("shop/web", SERVICE_PORTS, WEB)
        if start:
            node.agent.start()

    def _web(self, name: str, version: str):
        pod = self.node.pod(f"shop/{name}", account="web", labels={**WEB, "version": version}, ports=PORTS)
        self.echo[version] = self.node.app(apps.Echo, pod, name, 8080)
        self.tcp[version] = self.node.app(apps.TcpEcho, pod, name, 9000)
        self.node.app(apps.TcpEcho, pod, f"{name}-undeclared", 7777)
        self.node.app(apps.UdpEcho, pod, name, 5353)
        return pod

    @property
    def pod_names(self) -> set[str]:
        return {"web-1", "web-2"}


def allow(*accounts: str, name: str = "shop/web", **rule) -> manifests.Object:
    """ALLOW for the pods of `web`, from these service accounts of shop; further parts of the rule by name (`to=`)."""
    source = {"from": [{"source": {"principals": [manifests.principal("shop", account) for account in accounts]}}]}
    return manifests.authorization(name, "ALLOW", [{**(source if accounts else {}), **rule}], WEB)


def deny(name: str = "shop/web-deny", **rule) -> manifests.Object:
    return manifests.authorization(name, "DENY", [rule], WEB)


def from_account(account: str) -> list[manifests.Object]:
    return [{"source": {"principals": [manifests.principal("shop", account)]}}]
