// Character classes of HTTP/1.1 and the loops that run over the bytes of a head. Internal to this room.
// RFC 9110 section 5.5 and 5.6.2, RFC 3986 section 2.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace fairlead::http::scan {

inline constexpr uint8_t kToken = 1 << 0;       // tchar: methods and field names
inline constexpr uint8_t kValue = 1 << 1;       // field-content and blanks: HTAB, SP, VCHAR, obs-text
inline constexpr uint8_t kTarget = 1 << 2;      // VCHAR and obs-text: what stands between two spaces
inline constexpr uint8_t kUnreserved = 1 << 3;  // RFC 3986: never needs an escape
inline constexpr uint8_t kHost = 1 << 4;        // unreserved and sub-delims, but no comma
inline constexpr uint8_t kHex = 1 << 5;
inline constexpr uint8_t kDelimits = 1 << 6;  // '?' and '#': the path may end here
inline constexpr uint8_t kPathEdit = 1 << 7;  // '%', '\' and '.': the path may have to be normalised

inline constexpr std::array<uint8_t, 256> kClasses = [] {
  std::array<uint8_t, 256> classes{};
  auto mark = [&classes](std::string_view characters, uint8_t bits) {
    for (const char c : characters) {
      classes[static_cast<uint8_t>(c)] |= bits;
    }
  };
  for (int c = 0x21; c < 0x100; ++c) {
    if (c != 0x7f) {
      classes[c] |= kValue | kTarget;
    }
  }
  mark("\t ", kValue);
  mark("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", kToken | kUnreserved | kHost);
  mark("!#$%&'*+-.^_`|~", kToken);
  mark("-._~", kUnreserved | kHost);
  // A comma is how some proxies join two Host fields: no name of a host that anybody uses has one.
  mark("!$&'()*+;=", kHost);
  mark("0123456789abcdefABCDEF", kHex);
  mark("?#", kDelimits);
  mark("%\\.", kPathEdit);
  return classes;
}();

constexpr uint8_t classes_of(char c) { return kClasses[static_cast<uint8_t>(c)]; }
constexpr bool is(char c, uint8_t bits) { return (classes_of(c) & bits) != 0; }
constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
// REQUIRES: is(c, kHex).
constexpr uint8_t hex_value(char c) { return static_cast<uint8_t>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10); }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

inline const char* skip(const char* p, const char* end, uint8_t bits) {
  while (p != end && is(*p, bits)) {
    ++p;
  }
  return p;
}

// The three loops below run over nearly every byte of a head: 16 at a time where the machine can, the rest one by one.
// Each gives what `skip` would; a test compares them.
#if defined(__SSE2__)
using Block = __m128i;
inline Block equal(Block bytes, char c) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)); }
inline Block at_most(Block bytes, char limit) {
  return _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(limit)), bytes);
}
// Moves `p` on to the first byte for which `stops` holds, and says true; false: there is none in the whole blocks.
template <typename Stops>
inline bool skip_blocks(const char*& p, const char* end, Stops stops) {
  for (; end - p >= 16; p += 16) {
    const int mask = _mm_movemask_epi8(stops(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
    if (mask != 0) {
      p += __builtin_ctz(static_cast<unsigned>(mask));
      return true;
    }
  }
  return false;
}
#endif

// The first byte that is not kValue.
inline const char* skip_value(const char* p, const char* end) {
#if defined(__SSE2__)
  if (skip_blocks(p, end, [](Block bytes) {
        const Block control = _mm_andnot_si128(equal(bytes, '\t'), at_most(bytes, 0x1f));
        return _mm_or_si128(control, equal(bytes, 0x7f));
      })) {
    return p;
  }
#endif
  return skip(p, end, kValue);
}

// The first byte that is not kTarget.
inline const char* skip_target(const char* p, const char* end) {
#if defined(__SSE2__)
  if (skip_blocks(p, end, [](Block bytes) { return _mm_or_si128(at_most(bytes, 0x20), equal(bytes, 0x7f)); })) {
    return p;
  }
#endif
  return skip(p, end, kTarget);
}

// The first byte that is a colon or not kTarget: where a field name ends at the latest.
inline const char* skip_to_colon(const char* p, const char* end) {
#if defined(__SSE2__)
  if (skip_blocks(p, end, [](Block bytes) {
        return _mm_or_si128(_mm_or_si128(at_most(bytes, 0x20), equal(bytes, 0x7f)), equal(bytes, ':'));
      })) {
    return p;
  }
#endif
  while (p != end && *p != ':' && is(*p, kTarget)) {
    ++p;
  }
  return p;
}

// How many of the first bytes are of these classes.
inline size_t prefix_size(std::string_view text, uint8_t bits) {
  size_t size = 0;
  while (size < text.size() && is(text[size], bits)) {
    ++size;
  }
  return size;
}

inline std::string_view between(const char* first, const char* last) {
  return {first, static_cast<size_t>(last - first)};
}

inline std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && is_blank(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

// Calls `visit` with each element of a comma-separated list, without blanks; empty elements are left out (RFC 9110
// section 5.6.1.2). Stops when it returns false.
template <typename Visit>
void for_each_element(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view element = trim(list.substr(0, comma));
    if (!element.empty() && !visit(element)) {
      return;
    }
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
  }
}

}  // namespace fairlead::http::scan
