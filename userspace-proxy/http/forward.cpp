#include "userspace-proxy/http/forward.h"

#include "userspace-proxy/http/scan.h"

#include <array>
#include <charconv>

namespace fairlead::http {
namespace {

// The fields that no edit may touch.
bool is_protected(std::string_view name) {
  switch (field_id_of(name)) {
    case FieldId::kConnection:
    case FieldId::kContentLength:
    case FieldId::kHost:
    case FieldId::kKeepAlive:
    case FieldId::kProxyConnection:
    case FieldId::kTe:
    case FieldId::kTrailer:
    case FieldId::kTransferEncoding:
    case FieldId::kUpgrade:
      return true;
    default:
      return false;
  }
}

bool contains_name(std::span<const Field> fields, std::string_view name) {
  for (const Field& field : fields) {
    if (equals_ignoring_case(field.name, name)) {
      return true;
    }
  }
  return false;
}

bool contains_name(std::span<const std::string_view> names, std::string_view name) {
  for (const std::string_view candidate : names) {
    if (equals_ignoring_case(candidate, name)) {
      return true;
    }
  }
  return false;
}

// Whether one of these levels takes a field of that name away.
bool is_taken(std::span<const FieldEdits> levels, std::string_view name) {
  for (const FieldEdits& level : levels) {
    if (contains_name(level.set, name) || contains_name(level.remove, name)) {
      return true;
    }
  }
  return false;
}

// What all levels together put at the end. What a later level would take away again is not written at all.
void append_edits(std::string& out, std::span<const FieldEdits> levels) {
  for (size_t i = 0; i < levels.size(); ++i) {
    const auto later = levels.subspan(i + 1);
    for (size_t j = 0; j < levels[i].set.size(); ++j) {
      const Field& field = levels[i].set[j];
      if (!is_protected(field.name) && !is_taken(later, field.name) &&
          !contains_name(levels[i].set.subspan(j + 1), field.name)) {
        append_field(out, field.name, field.value);
      }
    }
    for (const Field& field : levels[i].add) {
      if (!is_protected(field.name) && !is_taken(later, field.name)) {
        append_field(out, field.name, field.value);
      }
    }
  }
}

// The Host that the edits set, or add, last; empty if none does.
std::string_view edited_host(std::span<const FieldEdits> levels) {
  std::string_view host;
  for (const FieldEdits& level : levels) {
    for (const std::span<const Field> fields : {level.add, level.set}) {
      for (const Field& field : fields) {
        if (field_id_of(field.name) == FieldId::kHost) {
          host = field.value;
        }
      }
    }
  }
  return host;
}

// What of the fields is left out, besides the hop-by-hop ones.
struct Filter {
  std::span<const FieldEdits> edits;
  bool keep_upgrade = false;
  bool keep_length = false;
  bool keep_host = true;

  [[nodiscard]] bool drops(const Fields& fields, const HopByHop& hop_by_hop, size_t index) const {
    const FieldId id = fields.id(index);
    switch (id) {
      case FieldId::kUpgrade:
        return !keep_upgrade;
      case FieldId::kContentLength:
        return !keep_length;
      case FieldId::kHost:
        return !keep_host;
      case FieldId::kExpect:
        if (equals_ignoring_case(fields[index].value, "100-continue")) {
          return true;
        }
        break;
      default:
        break;
    }
    if (hop_by_hop.contains_at(index)) {
      return true;
    }
    // TE ("trailers") is protected from edits too.
    return !edits.empty() && id != FieldId::kTe && is_taken(edits, fields[index].name);
  }
};

void append_fields(std::string& out, const Fields& fields, const Filter& filter) {
  const HopByHop hop_by_hop(fields);
  const char* run = nullptr;
  const char* run_end = nullptr;
  auto flush = [&] {
    if (run != nullptr) {
      out.append(run, run_end);
      run = nullptr;
    }
  };
  for (size_t i = 0; i < fields.size(); ++i) {
    if (filter.drops(fields, hop_by_hop, i)) {
      flush();
      continue;
    }
    const Field& field = fields[i];
    if (!fields.is_verbatim(i)) {
      flush();
      out.append(field.name).append(": ").append(field.value).append("\r\n");
      continue;
    }
    if (run == nullptr || run_end != field.name.data()) {
      flush();
      run = field.name.data();
    }
    run_end = field.value.data() + field.value.size() + 2;
  }
  flush();
}

void append_framing(std::string& out, const BodyFraming& body) {
  if (body.kind == BodyFraming::Kind::kChunked) {
    out.append("Transfer-Encoding: chunked\r\n");
  } else if (body.kind == BodyFraming::Kind::kLength) {
    std::array<char, 20> digits{};
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), body.length);
    out.append("Content-Length: ").append(digits.data(), end).append("\r\n");
  }
}

template <typename Edits>
void append_tail(std::string& out, const Edits& edits) {
  append_edits(out, edits.fields);
  for (const Field& field : edits.append) {
    append_field(out, field.name, field.value);
  }
  if (edits.keep_upgrade) {
    out.append("Connection: Upgrade\r\n");
  } else if (edits.connection_close) {
    out.append("Connection: close\r\n");
  }
  out.append("\r\n");
}

// A target out of the configuration: what may not stand in a request line is escaped.
void append_escaped(std::string& out, std::string_view target) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : target) {
    if (scan::is(c, scan::kTarget) && c != '#') {
      out.push_back(c);
    } else {
      const auto byte = static_cast<uint8_t>(c);
      out.append({'%', kDigits[byte >> 4], kDigits[byte & 0xf]});
    }
  }
}

void append_request_line(std::string& out, const RequestHead& head, std::string_view target) {
  out.append(head.method).append(" ");
  if (!target.empty()) {
    append_escaped(out, target);
  } else if (head.path.empty()) {
    out.append(head.target);  // CONNECT
  } else {
    out.append(head.path);
    if (head.has_query) {
      out.append("?").append(head.query);
    }
  }
  out.append(" HTTP/1.1\r\n");
}

}  // namespace

void write_request(std::string& out, const RequestHead& head, const RequestEdits& edits) {
  const BodyFraming body = edits.body.value_or(head.body);
  std::string_view authority = edits.authority.empty() ? edited_host(edits.fields) : edits.authority;
  if (authority.empty() && head.target_names_authority) {
    authority = head.authority;
  }
  Filter filter{.edits = edits.fields, .keep_upgrade = edits.keep_upgrade};
  filter.keep_length = body == head.body && body.kind == BodyFraming::Kind::kLength;
  filter.keep_host = authority.empty();
  append_request_line(out, head, edits.target);
  if (!filter.keep_host) {
    append_field(out, "Host", authority);
  }
  append_fields(out, head.fields, filter);
  if (!filter.keep_length) {
    append_framing(out, body);
  }
  append_tail(out, edits);
}

void write_response(std::string& out, const ResponseHead& head, const ResponseEdits& edits) {
  const BodyFraming body = edits.body.value_or(head.body);
  const bool tells_of_no_body = body.kind == BodyFraming::Kind::kNone && head.status >= 200 && head.status != 204;
  Filter filter{.edits = edits.fields, .keep_upgrade = edits.keep_upgrade};
  filter.keep_length = body == head.body && (body.kind == BodyFraming::Kind::kLength || tells_of_no_body);
  out.append("HTTP/1.1 ");
  const unsigned status = head.status;
  out.append({static_cast<char>('0' + status / 100), static_cast<char>('0' + status / 10 % 10),
              static_cast<char>('0' + status % 10), ' '});
  out.append(head.phrase).append("\r\n");
  append_fields(out, head.fields, filter);
  if (!filter.keep_length) {
    append_framing(out, body);
  }
  append_tail(out, edits);
}

}  // namespace fairlead::http
