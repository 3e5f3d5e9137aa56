// Names of services and hosts, and who may see an object: Istio's rules for short names, wildcards, exportTo and age.
// Pure functions, any thread.
#pragma once

#include "agent/model/objects.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::compile {

// "reviews.shop.svc.cluster.local"
std::string service_host(std::string_view name, std::string_view ns, std::string_view cluster_domain);

// A host as an Istio object writes it, in lower case: a name without a dot is a service of the object's namespace; any
// other stays as it is (also "reviews.shop", which then names nothing in Kubernetes).
std::string expand_host(std::string_view host, std::string_view ns, std::string_view cluster_domain);

bool is_wildcard(std::string_view host);
// `pattern` is the host itself, or "*.suffix" or "*" over it.
bool covers(std::string_view pattern, std::string_view host);
// Larger is more specific: an exact name, then the longer wildcard.
size_t specificity(std::string_view pattern);

// How an object's exportTo lets a namespace see it, best first. The order is that in which Istio prefers several
// VirtualServices of one host (istiod: PushContext.VirtualServicesForGateway): a private one, one exported to this
// namespace by name, a public one.
enum class Visibility : uint8_t { kPrivate, kNamed, kPublic, kNone };

// `client` empty: a namespace that no exportTo names.
Visibility visibility(const std::vector<std::string>& export_to, std::string_view owner_ns, std::string_view client);
// Namespaces for which `visibility` may answer otherwise than for the rest.
std::vector<std::string> named_namespaces(const std::vector<std::string>& export_to, std::string_view owner_ns);

// By creation time, then name, then namespace, as Istio sorts. Without a timestamp: older than all that have one.
bool older(const model::Metadata& a, const model::Metadata& b);

// All of `selector` is in `labels`; an empty one selects everything.
bool selects(const model::Labels& selector, const model::Labels& labels);
// Kubernetes' selector with expressions: NotIn and DoesNotExist hold where the label is absent.
bool selects(const model::LabelSelector& selector, const model::Labels& labels);

}  // namespace fairlead::compile
