// What fuzz targets of the HTTP codecs share: a condition that must hold, input of exact size, pieces.
#pragma once

#include "userspace-proxy/http/h1.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace fairlead::http::fuzz {

// Stays in every build: a fuzzer that finds nothing because its conditions are compiled out is no fuzzer.
inline void check(bool holds, const char* what) {
  if (!holds) {
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
  }
}

// A copy without a byte of room behind it: the sanitizer sees every read past the end.
class Exact {
 public:
  explicit Exact(std::string_view bytes) : size_(bytes.size()), bytes_(new char[size_]) {
    bytes.copy(bytes_.get(), size_);
  }
  [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  size_t size_;
  std::unique_ptr<char[]> bytes_;
};

// Deterministic pieces of 1 to 16 bytes, seeded by the input.
class Pieces {
 public:
  explicit Pieces(std::string_view bytes) {
    for (const char c : bytes.substr(0, 64)) {
      state_ = (state_ ^ static_cast<uint8_t>(c)) * 1099511628211U;
    }
  }
  size_t next() {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return 1 + (state_ >> 60);
  }

 private:
  uint64_t state_ = 14695981039346656037U;
};

inline void check_inside(std::string_view part, std::string_view whole, const char* what) {
  check(part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size()),
        what);
}

inline void check_same(const Fields& a, const Fields& b) {
  check(a.size() == b.size(), "as many fields");
  for (size_t i = 0; i < a.size(); ++i) {
    check(a[i].name == b[i].name && a[i].value == b[i].value && a.id(i) == b.id(i), "the same field");
  }
}

inline void check_same(const Refusal& a, const Refusal& b) {
  check(a.status == b.status && a.reason == b.reason && a.detail == b.detail, "the same refusal");
}

// The fields that a forwarded message has, of those that came.
template <typename Keep>
void check_forwarded(const Fields& sent, const Fields& received, Keep keep) {
  size_t next = 0;
  for (size_t i = 0; i < sent.size(); ++i) {
    if (!keep(i)) {
      continue;
    }
    check(next < received.size(), "no field is lost");
    check(received[next].name == sent[i].name && received[next].value == sent[i].value, "fields arrive as sent");
    ++next;
  }
  check(next == received.size(), "no field is invented");
}

}  // namespace fairlead::http::fuzz
