"""Kubernetes and Istio objects as dicts, with what the tests vary as arguments. Anything else: change the dict."""
from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def key(obj: Object) -> str:
    """"Kind/namespace/name", or "Kind/name" for a cluster-scoped object."""
    metadata = obj["metadata"]
    return "/".join(part for part in (obj["kind"], metadata.get("namespace"), metadata["name"]) if part)


def _object(api: str, kind: str, name: str, spec: Object | None = None, labels: dict[str, str] | None = None,
            annotations: dict[str, str] | None = None) -> Object:
    """`name`: NAMESPACE/NAME, or NAME for a cluster-scoped object."""
    namespace, _, last = name.rpartition("/")
    metadata: Object = {"name": last}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = labels
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **({"spec": spec} if spec is not None else {})}


def namespace(name: str, labels: dict[str, str] | None = None) -> Object:
    return _object("v1", "Namespace", name, labels=labels)


def pod(name: str, netns: str, addresses: list[str], labels: dict[str, str] | None = None, account: str = "default",
        ports: dict[str, int] | None = None, annotations: dict[str, str] | None = None, ready: bool = True,
        node: str = "node-1") -> Object:
    obj = _object("v1", "Pod", name, labels=labels, annotations={"fairlead.dev/netns": netns, **(annotations or {})})
    obj["spec"] = {"serviceAccountName": account, "nodeName": node, "containers": [
        {"name": "app", "image": "app",
         "ports": [{"name": port_name, "containerPort": port} for port_name, port in (ports or {}).items()]}]}
    obj["status"] = {"phase": "Running", "podIP": addresses[0], "podIPs": [{"ip": address} for address in addresses],
                     "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}
    return obj


def service(name: str, ports: list[Object], selector: dict[str, str], addresses: list[str]) -> Object:
    """`ports`: as in a Service; `addresses`: cluster IPs, or ["None"] for a headless one."""
    return _object("v1", "Service", name, {"clusterIP": addresses[0], "clusterIPs": addresses, "selector": selector,
                                           "ports": [{"protocol": "TCP", **port} for port in ports]})


def authorization(name: str, action: str, rules: list[Object] | None, selector: dict[str, str] | None = None) -> Object:
    spec: Object = {"action": action}
    if selector:
        spec["selector"] = {"matchLabels": selector}
    if rules is not None:
        spec["rules"] = rules
    return _object("security.istio.io/v1", "AuthorizationPolicy", name, spec)


def network_policy(name: str, selector: dict[str, str], **rules: list[Object]) -> Object:
    """`rules`: `ingress` and `egress`, as in the spec; the policy isolates in the directions that are given."""
    return _object("networking.k8s.io/v1", "NetworkPolicy", name, {
        "podSelector": {"matchLabels": selector}, "policyTypes": [direction.capitalize() for direction in rules], **rules})


def principal(namespace_name: str, account: str) -> str:
    return f"cluster.local/ns/{namespace_name}/sa/{account}"


def virtual_service(name: str, hosts: list[str], http: list[Object]) -> Object:
    return _object("networking.istio.io/v1", "VirtualService", name, {"hosts": hosts, "http": http})


def destination_rule(name: str, host: str, subsets: dict[str, dict[str, str]]) -> Object:
    return _object("networking.istio.io/v1", "DestinationRule", name, {
        "host": host, "subsets": [{"name": subset, "labels": labels} for subset, labels in subsets.items()]})
