// What the compiler has to tell a person about objects that are valid but do not do, or not yet do, what they say.
// Each is told once per compilation. One compilation, one thread.
#pragma once

#include "agent/model/objects.h"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::compile {

// The compiler's codes. Numbers are for people and tools: append, never reuse. What a single object says that is not in
// force yet, the loader tells (agent/model/not_in_force.cpp).
namespace code {
inline constexpr std::string_view kExternalName = "FL0101";   // ExternalName is not in force yet
inline constexpr std::string_view kTreatedAsHttp = "FL0102";  // undeclared port, selected by HTTP rules
inline constexpr std::string_view kHttp2Refused = "FL0103";   // HTTP/2 port, selected by HTTP rules: refused
inline constexpr std::string_view kTargetRefs = "FL0104";     // a policy for waypoints: not enforced
inline constexpr std::string_view kCustomRefused = "FL0105";  // no external authoriser: refused
inline constexpr std::string_view kHostTaken = "FL0106";      // an older VirtualService owns the host
inline constexpr std::string_view kNoDestination = "FL0107";  // host, subset or port does not exist: 503
inline constexpr std::string_view kAddressTwice = "FL0108";   // two pods claim one address
inline constexpr std::string_view kNetnsTwice = "FL0109";     // two pods claim one network namespace
}  // namespace code

// The object that a message is about.
struct Subject {
  std::string_view kind;
  const model::Metadata& meta;
};

class Messages {
 public:
  void add(std::string_view code, model::Severity severity, const Subject& subject, std::string text);
  std::vector<model::Message> take() { return std::move(messages_); }

 private:
  std::vector<model::Message> messages_;
  std::set<std::string> seen_;
};

}  // namespace fairlead::compile
