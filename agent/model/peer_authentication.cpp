// PeerAuthentication (security.istio.io): which ports ask for mTLS.
#include "agent/model/loaders.h"
#include "agent/model/metadata.h"

#include <charconv>

namespace fairlead::model {

namespace {

using Mode = PeerAuthentication::Mode;

Mode read_mode(const Cursor& at) {
  Fields fields(at);
  return fields["mode"].one_of<Mode>({{"UNSET", Mode::kUnset},
                                      {"DISABLE", Mode::kDisable},
                                      {"PERMISSIVE", Mode::kPermissive},
                                      {"STRICT", Mode::kStrict}},
                                     Mode::kUnset);
}

uint16_t port_of(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() ? port : 0;
}

}  // namespace

Object load_peer_authentication(Metadata meta, Fields& object) {
  check_istio_annotations(object["metadata"], meta, DryRun::kRefuse);
  PeerAuthentication policy;
  Fields spec(object["spec"]);
  policy.selector = read_workload_selector(spec["selector"]);
  policy.mode = read_mode(spec["mtls"]);
  const Cursor ports = spec["portLevelMtls"];
  for (const auto& [name, value] : ports.entries()) {
    const uint16_t port = port_of(name);
    if (port == 0) {
      value.error(in_quotes(name) + " is not a port; write a number from 1 to 65535");
    }
    policy.port_modes.emplace(port, read_mode(value));
  }
  if (ports && policy.port_modes.empty()) {
    ports.error("has no port; write PORT: {mode: MODE}, or remove it");
  }
  if (ports && (!policy.selector || policy.selector->empty())) {
    ports.error("needs a selector with matchLabels: ports belong to workloads, not to a namespace");
  }
  object.skip({"status"});
  policy.meta = std::move(meta);
  return policy;
}

}  // namespace fairlead::model
