#include "agent/compile/messages.h"

#include <fmt/format.h>

namespace fairlead::compile {

void Messages::add(std::string_view code, model::Severity severity, const Subject& subject, std::string text) {
  model::Message message;
  message.code = code;
  message.severity = severity;
  message.object = fmt::format("{}/{}/{}", subject.kind, subject.meta.ns, subject.meta.name);
  message.origin = subject.meta.origin;
  message.text = std::move(text);
  if (seen_.insert(fmt::format("{} {} {}", message.code, message.object, message.text)).second) {
    messages_.push_back(std::move(message));
  }
}

}  // namespace fairlead::compile
