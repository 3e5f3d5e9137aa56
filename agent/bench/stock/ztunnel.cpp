// Istio's ztunnel, one per pod (its "dedicated" mode), plaintext: what it takes from its own pod at 15001 and for its
// pod at 15006. It knows no HTTP: it checks an L4 policy, counts and logs connections.
//
// Its connections are taken out of the pods' traffic by nftables while its path is measured, as Istio's CNI plug-in
// does it; only then, since the rules bring connection tracking with them, which other paths would pay for.
#include "agent/bench/ask.h"
#include "agent/bench/numbers.h"
#include "agent/bench/servers.h"
#include "agent/bench/stock/proxy.h"

#include <fmt/format.h>

namespace fairlead::bench {
namespace {

struct Ztunnel {
  static constexpr uint16_t kMetricsPort = 15020;

  // Workloads and a policy in the form of its LOCAL_XDS_PATH.
  static std::string workloads_of(const Seat& seat) {
    constexpr std::string_view kWorkload =
        "- {{uid: bench//Pod/bench/{0}, name: {0}, namespace: bench, serviceAccount: {0}, workloadIps: [\"{1}\"],\n"
        "   protocol: TCP, node: bench, network: \"\", services: {{}}}}\n";
    std::string text = "workloads:\n";
    for (const Pod* pod : {&seat.stage.client(), &seat.stage.server()}) {
      text += fmt::format(kWorkload, pod->name, pod->address);
    }
    return text +
           "services: []\npolicies:\n"
           "- {name: no-9999, namespace: bench, scope: Namespace, action: Deny, dryRun: false,\n"
           "   rules: [[[{destinationPorts: [9999]}]]]}\n";
  }

  static std::vector<std::string> command(const Seat& seat, const std::string& program) {
    return {find_program("env"), "LOCAL_XDS_PATH=" + seat.file, "PROXY_MODE=dedicated",
            fmt::format("PROXY_WORKLOAD_INFO=bench/{0}/{0}", seat.pod.name), "NODE_NAME=bench",
            "ZTUNNEL_WORKER_THREADS=1", "ENABLE_ORIG_SRC=false", "IPV6_ENABLED=false", "ISTIO_META_DNS_CAPTURE=false",
            "PACKET_MARK=1337",
            // No control plane: it takes no connection before it has heard one that it is told of. No certificate is
            // asked for either: all is plaintext.
            "XDS_ADDRESS=", "CA_ADDRESS=https://127.0.0.1:1", "CA_ROOT_CA=SYSTEM", program};
  }

  static Result<uint64_t> count(const Seat& seat, const Interrupt& interrupt) {
    const auto told = http_get_within(seat.pod.netns, {"127.0.0.1", kMetricsPort}, "/metrics", interrupt);
    if (!told) {
      return std::unexpected(told.error());
    }
    uint64_t connections = 0;
    for (std::string_view rest = *told; !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      if (line.starts_with("istio_tcp_connections_opened_total{")) {
        connections += number_after(line, "}");
      }
    }
    return connections;
  }

  // What it sends itself carries its mark.
  static Status capture(const Seat& seat, bool is_on, const Interrupt& interrupt) {
    constexpr std::string_view kRules =
        "table ip fairlead_bench {{\n"
        "  chain take {{\n"
        "    type nat hook {0} priority -100; policy accept;\n"
        "    meta mark != 1337 ip daddr {1} tcp dport {{ {2}, {3} }} redirect to :{4}\n"
        "  }}\n}}\n";
    const std::string nft = find_program("nft");
    if (nft.empty()) {
      return fail("nft is not installed (Debian's package nftables): ztunnel's connections cannot be taken");
    }
    const std::string rules =
        is_on ? fmt::format(kRules, seat.is_client() ? "output" : "prerouting", seat.stage.server().address, kHttpPort,
                            kEchoPort, seat.is_client() ? 15001 : 15006)
              : "delete table ip fairlead_bench\n";
    const auto done = run({find_program("nsenter"), "--net=" + seat.pod.netns, nft, "-f", "-"}, interrupt, rules);
    return done ? Status() : std::unexpected(done.error());
  }
};

}  // namespace

const StockProxy kZtunnel = {
    .pair = Path::kZtunnelPair,
    .hop = std::nullopt,
    .program = "ztunnel",
    .variable = "ZTUNNEL",
    .where_from = "ZTUNNEL=/path/to/ztunnel",
    .version_option = "version",
    .port = 0,
    .counted = Counted::kConnections,
    .file = "workloads.yaml",
    .config = Ztunnel::workloads_of,
    .command = Ztunnel::command,
    .count = Ztunnel::count,
    .capture = Ztunnel::capture,
};

}  // namespace fairlead::bench
