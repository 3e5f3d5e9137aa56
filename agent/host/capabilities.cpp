#include "agent/host/capabilities.h"

#include "agent/host/file.h"

#include <fmt/format.h>
#include <linux/capability.h>

#include <array>
#include <charconv>

namespace fairlead::host {
namespace {

constexpr std::array<NeededCapability, 8> kNeeded = {{
    {CAP_BPF, "CAP_BPF", "loading programs and maps"},
    {CAP_PERFMON, "CAP_PERFMON", "programs that read kernel structures"},
    {CAP_NET_ADMIN, "CAP_NET_ADMIN", "attaching programs to cgroups and network namespaces"},
    {CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "entering the pods' network namespaces"},
    {CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "opening namespaces by way of /proc"},
    {CAP_SETUID, "CAP_SETUID", "running the proxy under a uid of its own"},
    {CAP_SETGID, "CAP_SETGID", "running the proxy under a gid of its own"},
    {CAP_KILL, "CAP_KILL", "ending the proxies"},
}};

}  // namespace

std::span<const NeededCapability> needed_capabilities() { return kNeeded; }

std::vector<NeededCapability> missing_capabilities(uint64_t effective) {
  std::vector<NeededCapability> missing;
  for (const NeededCapability& capability : kNeeded) {
    if ((effective >> capability.number & 1) == 0) {
      missing.push_back(capability);
    }
  }
  return missing;
}

Status check_capabilities() {
  const auto status = read_file("/proc/self/status");
  if (!status) {
    return std::unexpected(status.error());
  }
  constexpr std::string_view kKey = "CapEff:\t";
  const size_t at = status->find(kKey);
  uint64_t effective = 0;
  if (at != std::string::npos) {
    std::from_chars(status->data() + at + kKey.size(), status->data() + status->size(), effective, 16);
  }
  std::string text;
  for (const NeededCapability& capability : missing_capabilities(effective)) {
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", capability.name, capability.purpose);
  }
  return text.empty() ? Status() : fail("missing capabilities: " + text);
}

}  // namespace fairlead::host
