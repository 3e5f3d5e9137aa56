#include "userspace-proxy/http/path.h"

#include "userspace-proxy/http/scan.h"

namespace fairlead::http {
namespace {

// The byte that the escape at `at` stands for; -1 if there is none.
int escaped_at(std::string_view text, size_t at) {
  if (text[at] != '%' || at + 2 >= text.size() || !scan::is(text[at + 1], scan::kHex) ||
      !scan::is(text[at + 2], scan::kHex)) {
    return -1;
  }
  return scan::hex_value(text[at + 1]) * 16 + scan::hex_value(text[at + 2]);
}

bool is_decoded(int byte) { return byte >= 0 && scan::is(static_cast<char>(byte), scan::kUnreserved); }

bool needs_normalising(std::string_view path) {
  return path.find('%') != std::string_view::npos || path.find('\\') != std::string_view::npos ||
         path.find("/.") != std::string_view::npos;
}

// The segment that begins at `segment` is complete. True if it was a dot segment, which is gone from `out` then.
bool resolve_dots(std::string& out, size_t segment) {
  const std::string_view text = std::string_view(out).substr(segment);
  if (text == ".") {
    out.resize(segment);
    return true;
  }
  if (text != "..") {
    return false;
  }
  out.resize(segment);
  if (segment > 1) {  // nothing lies above the root
    out.resize(out.rfind('/', segment - 2) + 1);
  }
  return true;
}

}  // namespace

Normalised normalise_path(std::string_view path, std::string& out) {
  if (!needs_normalising(path)) {
    return Normalised::kAsSent;
  }
  out.assign(1, '/');
  size_t segment = 1;
  bool malformed_escape = false;
  for (size_t i = 1; i < path.size();) {
    if (path[i] == '/' || path[i] == '\\') {
      if (!resolve_dots(out, segment)) {
        out.push_back('/');
      }
      segment = out.size();
      ++i;
      continue;
    }
    const int byte = escaped_at(path, i);
    if (byte == 0) {
      return Normalised::kRefused;
    }
    if (is_decoded(byte)) {
      out.push_back(static_cast<char>(byte));
    } else {
      malformed_escape = malformed_escape || (path[i] == '%' && byte < 0);
      out.append(path, i, byte < 0 ? 1 : 3);
    }
    i += byte < 0 ? 1 : 3;
  }
  resolve_dots(out, segment);
  if (malformed_escape) {
    for (size_t i = out.find('%'); i != std::string::npos; i = out.find('%', i + 1)) {
      const int byte = escaped_at(out, i);
      if (byte == 0 || is_decoded(byte)) {
        return Normalised::kRefused;
      }
    }
  }
  return out == path ? Normalised::kAsSent : Normalised::kChanged;
}

}  // namespace fairlead::http
