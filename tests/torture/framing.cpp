#include "tests/torture/framing.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace fairlead::torture {
namespace {

constexpr std::string_view kMark = "TORTURE!";  // in front of a raw connection's number
constexpr size_t kRawSize = 16;
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr size_t kMostHead = 16384;

std::string body_fields(const Plan& plan, uint64_t total) {
  return plan.framing == Framing::kChunked ? "Transfer-Encoding: chunked\r\n\r\n"
                                           : fmt::format("Content-Length: {}\r\n\r\n", total);
}

}  // namespace

std::string opening(const Plan& plan, std::string_view host) {
  if (plan.framing == Framing::kRaw) {
    std::string words(kMark);
    words.append(reinterpret_cast<const char*>(&plan.id), sizeof(plan.id));
    return words;
  }
  std::string words = fmt::format("{} /torture/{} HTTP/1.1\r\nHost: {}\r\n",
                                  plan.framing == Framing::kUpgrade ? "GET" : "POST", plan.id, host);
  if (plan.framing == Framing::kUpgrade) {
    return words + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  }
  return words + (plan.keep ? "" : "Connection: close\r\n") + body_fields(plan, plan.client.sends.total);
}

std::string answer(const Plan& plan) {
  switch (plan.framing) {
    case Framing::kRaw:
      return "";
    case Framing::kUpgrade:
      return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    default:
      return std::string("HTTP/1.1 200 OK\r\n") + (plan.keep ? "" : "Connection: close\r\n") +
             body_fields(plan, plan.server.sends.total);
  }
}

bool Head::feed(std::span<const char>& bytes) {
  while (!bytes.empty()) {
    text_ += bytes.front();
    bytes = bytes.subspan(1);
    raw_ = raw_ || text_ == kMark;
    if (raw_ ? text_.size() == kRawSize : text_.ends_with(kHeadEnd) || text_.size() > kMostHead) {
      return true;
    }
  }
  return false;
}

std::optional<uint64_t> Head::id() const {
  uint64_t number = 0;
  if (raw_) {
    memcpy(&number, text_.data() + kMark.size(), sizeof(number));
    return number;
  }
  constexpr std::string_view kPath = "/torture/";
  const size_t place = text_.find(kPath);
  if (place == std::string::npos) {
    return std::nullopt;
  }
  const auto [end, error] = std::from_chars(text_.data() + place + kPath.size(), text_.data() + text_.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

int Head::status() const {
  int number = 0;
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  if (text_.starts_with(kVersion)) {
    std::from_chars(text_.data() + kVersion.size(), text_.data() + text_.size(), number);
  }
  return number;
}

bool Head::chunked() const {
  std::string small = text_;
  std::ranges::transform(small, small.begin(), [](unsigned char byte) { return std::tolower(byte); });
  return small.contains("transfer-encoding: chunked");
}

std::span<const char> Payload::take(std::span<const char>& bytes) {
  if (kind_ == Kind::kUntilEnd) {
    const auto all = bytes;
    bytes = {};
    return all;
  }
  while (!bytes.empty() && !broken_ && !whole()) {
    if (kind_ == Kind::kChunked && state_ != State::kData) {
      step(bytes.front());
      bytes = bytes.subspan(1);
      continue;
    }
    const auto piece = bytes.first(std::min<uint64_t>(bytes.size(), left_));
    bytes = bytes.subspan(piece.size());
    left_ -= piece.size();
    if (kind_ == Kind::kChunked && left_ == 0) {
      state_ = State::kDataEnd;
    }
    return piece;
  }
  return {};
}

// RFC 9112 section 7.1, without trailer fields.
void Payload::step(char byte) {
  if (state_ == State::kDataEnd) {
    broken_ = broken_ || (byte != '\r' && byte != '\n');
    if (byte == '\n') {
      state_ = last_ ? State::kOver : State::kSize;
    }
    return;
  }
  if (byte == '\n') {
    last_ = left_ == 0;
    in_extension_ = false;
    state_ = last_ ? State::kDataEnd : State::kData;
  } else if (byte == ';') {
    in_extension_ = true;
  } else if (byte != '\r' && !in_extension_) {
    uint64_t digit = 0;
    const auto [end, error] = std::from_chars(&byte, &byte + 1, digit, 16);
    broken_ = broken_ || error != std::errc();
    left_ = left_ * 16 + digit;
  }
}

}  // namespace fairlead::torture
