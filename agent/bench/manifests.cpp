// What the bench's agent is told (bench/mesh.h). Requests of the bench match no header rule and no refused path: each
// of them has to be looked at for both.
#include "agent/bench/mesh.h"
#include "agent/bench/servers.h"

#include <fmt/format.h>

namespace fairlead::bench {
namespace {

constexpr std::string_view kPod = R"(---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {name}, namespace: bench}}
---
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  namespace: bench
  labels: {{app: {name}}}
  annotations: {{fairlead.dev/netns: {netns}, fairlead.dev/mode: {mode},
                fairlead.dev/accelerate: "{accelerate}"}}
spec:
  serviceAccountName: {name}
  containers:
  - name: app
    image: app
status:
  phase: Running
  podIP: {address}
  podIPs: [{{ip: {address}}}]
  conditions: [{{type: Ready, status: "True"}}]
)";

constexpr std::string_view kServices = R"(---
apiVersion: v1
kind: Service
metadata: {{name: web-http, namespace: bench}}
spec:
  clusterIP: {http_service}
  selector: {{app: server}}
  ports:
  - {{name: http, protocol: TCP, port: {port}, targetPort: {http_port}}}
---
apiVersion: v1
kind: Service
metadata: {{name: web-tcp, namespace: bench}}
spec:
  clusterIP: {tcp_service}
  selector: {{app: server}}
  ports:
  - {{name: tcp, protocol: TCP, port: {port}, targetPort: {tcp_port}}}
  - {{name: tcp-echo, protocol: TCP, port: {echo_service_port}, targetPort: {echo_port}}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: callers, namespace: bench}}
spec:
  selector: {{matchLabels: {{app: server}}}}
  action: ALLOW
  rules:
  - from:
    - source: {{principals: [cluster.local/ns/bench/sa/client]}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: no-admin, namespace: bench}}
spec:
  selector: {{matchLabels: {{app: server}}}}
  action: DENY
  rules:
  - to:
    - operation: {{paths: [/admin*], ports: ["{http_port}"]}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: web-http, namespace: bench}}
spec:
  hosts: [web-http]
  http:
  - match:
    - headers: {{canary: {{exact: "true"}}}}
    route:
    - destination: {{host: web-http}}
  - route:
    - destination: {{host: web-http}}
)";

std::string manifest_of(const Pod& pod, std::string_view mode, Accelerate accelerate = Accelerate::kNo) {
  using fmt::arg;
  return fmt::format(kPod, arg("name", pod.name), arg("netns", pod.netns), arg("address", pod.address),
                     arg("mode", mode), arg("accelerate", accelerate == Accelerate::kYes));
}

}  // namespace

std::string manifests(std::span<const Pod> pods, std::string_view mode) {
  std::string text;
  for (const Pod& pod : pods) {
    text += manifest_of(pod, mode);
  }
  return text;
}

std::string manifests(const Stage& stage, Accelerate accelerate) {
  using fmt::arg;
  std::string text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: bench}\n";
  for (const Pod* pod : {&stage.client(), &stage.server()}) {
    text += manifest_of(*pod, "node", accelerate);
  }
  return text + fmt::format(kServices, arg("http_service", kHttpService), arg("tcp_service", kTcpService),
                            arg("port", kServicePort), arg("http_port", kHttpPort), arg("tcp_port", kTcpPort),
                            arg("echo_service_port", kServiceEchoPort), arg("echo_port", kEchoPort));
}

}  // namespace fairlead::bench
