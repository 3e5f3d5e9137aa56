// What stands around the payload: the number that names a connection, HTTP heads, chunks. Bytes in, values out.
// Only what the two ends of this program write is understood, and what a proxy may make of it.
#pragma once

#include "tests/torture/plan.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace fairlead::torture {

// The first bytes of the client.
std::string opening(const Plan& plan, std::string_view host);
// The first bytes of the server; none where there is no HTTP.
std::string answer(const Plan& plan);

// Collects a head until it is whole.
class Head {
 public:
  // Takes from `bytes` what belongs to it; true: whole, or not a head at all (`broken`).
  bool feed(std::span<const char>& bytes);
  [[nodiscard]] bool empty() const { return text_.empty(); }
  [[nodiscard]] const std::string& text() const { return text_; }
  // The number of the connection that the client's first bytes name.
  [[nodiscard]] std::optional<uint64_t> id() const;
  // The status of an answer; 0: it is none.
  [[nodiscard]] int status() const;
  [[nodiscard]] bool chunked() const;

 private:
  std::string text_;
  bool raw_ = false;
};

// Takes the payload out of a direction's bytes, behind its head.
class Payload {
 public:
  enum class Kind : uint8_t { kUntilEnd, kLength, kChunked };
  Payload() = default;
  // `length` matters to kLength only.
  Payload(Kind kind, uint64_t length) : kind_(kind), left_(kind == Kind::kLength ? length : 0) {}

  // The payload at the front of `bytes`, which is shortened by it and by the framing before it. Empty: no payload left
  // in `bytes`, or `broken`.
  std::span<const char> take(std::span<const char>& bytes);
  // Nothing more may come. False while the end of the connection decides.
  [[nodiscard]] bool whole() const { return kind_ == Kind::kLength ? left_ == 0 : state_ == State::kOver; }
  [[nodiscard]] bool broken() const { return broken_; }
  // No more than so many bytes belong to the message; kNever: not known.
  [[nodiscard]] uint64_t left() const { return kind_ == Kind::kLength ? left_ : kNever; }

 private:
  enum class State : uint8_t { kSize, kSizeEnd, kData, kDataEnd, kOver };
  void step(char byte);

  Kind kind_ = Kind::kUntilEnd;
  State state_ = State::kSize;
  uint64_t left_ = 0;
  bool in_extension_ = false, last_ = false, broken_ = false;
};

}  // namespace fairlead::torture
