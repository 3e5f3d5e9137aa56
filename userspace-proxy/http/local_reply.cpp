#include "userspace-proxy/http/local_reply.h"

#include <array>
#include <charconv>

namespace fairlead::http {
namespace {

bool has_content_type(std::span<const Field> fields) {
  for (const Field& field : fields) {
    if (field_id_of(field.name) == FieldId::kContentType) {
      return true;
    }
  }
  return false;
}

std::string_view decimal(uint64_t number, std::array<char, 20>& digits) {
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  return {digits.data(), static_cast<size_t>(end - digits.data())};
}

}  // namespace

void append_local_reply(std::string& out, const LocalReply& reply) {
  const bool may_have_body = reply.status >= 200 && reply.status != 204 && reply.status != 304;
  std::array<char, 20> digits{};
  out.append("HTTP/1.1 ").append(decimal(reply.status, digits)).append(" ").append(phrase_of(reply.status));
  out.append("\r\n");
  if (may_have_body) {
    out.append("content-length: ").append(decimal(reply.body.size(), digits)).append("\r\n");
    if (!reply.body.empty() && !has_content_type(reply.fields)) {
      out.append("content-type: text/plain\r\n");
    }
  }
  for (const Field& field : reply.fields) {
    append_field(out, field.name, field.value);
  }
  out.append("date: ");
  append_date(out, reply.unix_seconds);
  out.append("\r\n");
  if (!reply.server.empty()) {
    append_field(out, "server", reply.server);
  }
  if (!reply.keep_alive) {
    out.append("connection: close\r\n");
  }
  out.append("\r\n");
  if (may_have_body && !reply.head_only) {
    out.append(reply.body);
  }
}

}  // namespace fairlead::http
