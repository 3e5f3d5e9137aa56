// Where a service port leads: EndpointSlices as kube-proxy reads them, or, where a Service has a selector and nobody
// wrote a slice for it (a directory of manifests has no endpoint controller), the pods that it selects.
#pragma once

#include "agent/model/objects.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace fairlead::compile {

class Registry;
struct ServicePortEntry;

class SliceIndex {
 public:
  explicit SliceIndex(const model::ObjectSet& objects);
  [[nodiscard]] const std::vector<const model::EndpointSlice*>& of(const model::Service& service) const;

 private:
  std::map<std::pair<std::string, std::string>, std::vector<const model::EndpointSlice*>> slices_;  // (ns, service)
};

// Fills `port`'s targets and endpoints. The registry's pods are known.
void resolve_endpoints(const Registry& registry, const SliceIndex& slices, const model::Service& service,
                       ServicePortEntry& port);

}  // namespace fairlead::compile
