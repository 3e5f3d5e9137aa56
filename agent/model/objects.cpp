#include "agent/model/objects.h"

#include <fmt/format.h>

#include <array>

namespace fairlead::model {

namespace {

// In the order of the variant.
constexpr std::array<std::string_view, std::variant_size_v<Object>> kKinds = {"Namespace",
                                                                              "ServiceAccount",
                                                                              "Pod",
                                                                              "Service",
                                                                              "EndpointSlice",
                                                                              "VirtualService",
                                                                              "DestinationRule",
                                                                              "AuthorizationPolicy",
                                                                              "PeerAuthentication",
                                                                              "NetworkPolicy",
                                                                              "Node"};

}  // namespace

std::optional<std::string> Metadata::label_or_annotation(std::string_view key) const {
  if (const auto label = labels.find(key); label != labels.end()) {
    return label->second;
  }
  if (const auto annotation = annotations.find(key); annotation != annotations.end()) {
    return annotation->second;
  }
  return std::nullopt;
}

std::string ObjectKey::text() const {
  return ns.empty() ? fmt::format("{}/{}", kind, name) : fmt::format("{}/{}/{}", kind, ns, name);
}

const Metadata& metadata_of(const Object& object) {
  return std::visit([](const auto& value) -> const Metadata& { return value.meta; }, object);
}

ObjectKey key_of(const Object& object) {
  const Metadata& meta = metadata_of(object);
  return {std::string(kKinds[object.index()]), meta.ns, meta.name};
}

std::string Message::line() const {
  std::string text_line = origin.file;
  if (origin.line > 0) {
    text_line += fmt::format(":{}", origin.line);
  }
  for (const std::string& part : {object, field, text}) {
    if (!part.empty()) {
      text_line.append(text_line.empty() ? "" : ": ").append(part);
    }
  }
  return text_line;
}

}  // namespace fairlead::model
