#include "tests/torture/pattern.h"

#include "tests/torture/random.h"

#include <fmt/core.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace fairlead::torture {
namespace {

constexpr size_t kTelling = 8;  // bytes that name a place: 2^64 values for 2^24 places
constexpr size_t kQuoted = 16;

}  // namespace

Pattern::Pattern() : fd_(memfd_create("torture", MFD_CLOEXEC)) {
  void* const mapped = ftruncate(fd_.get(), kSize) == 0
                           ? mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0)
                           : MAP_FAILED;
  if (mapped == MAP_FAILED) {
    fmt::print(stderr, "torture: no memory for the pattern: {}\n", strerror(errno));
    std::exit(2);
  }
  ring_ = static_cast<char*>(mapped);
  Random random(1);
  for (uint64_t place = 0; place < kSize; place += sizeof(uint64_t)) {
    const uint64_t word = random.next();
    memcpy(ring_ + place, &word, sizeof(word));
  }
}

Pattern::~Pattern() { munmap(ring_, kSize); }

std::span<const char> Pattern::bytes(const Stream& stream, uint64_t position, uint64_t most) const {
  const uint64_t from = place(stream, position);
  return {ring_ + from, std::min(most, kSize - from)};
}

std::optional<std::string> Pattern::complaint(const Stream& stream, uint64_t position,
                                              std::span<const char> got) const {
  while (!got.empty()) {
    if (position >= stream.total) {
      return fmt::format("{} bytes more than the {} that were sent", got.size(), stream.total);
    }
    const auto expected = bytes(stream, position, std::min<uint64_t>(got.size(), stream.total - position));
    if (memcmp(expected.data(), got.data(), expected.size()) != 0) {
      const auto differs =
          static_cast<size_t>(std::ranges::mismatch(expected, got.first(expected.size())).in1 - expected.begin());
      return explain(stream, position + differs, got.subspan(differs));
    }
    position += expected.size();
    got = got.subspan(expected.size());
  }
  return std::nullopt;
}

std::string Pattern::explain(const Stream& stream, uint64_t position, std::span<const char> got) const {
  std::string words = fmt::format("at {} of {} other bytes than were sent:", position, stream.total);
  for (const char byte : got.first(std::min(got.size(), kQuoted))) {
    words += fmt::format(" {:02x}", static_cast<unsigned char>(byte));
  }
  if (got.size() < kTelling) {
    return words + ", too few to tell where from";
  }
  const size_t found = std::string_view(ring_, kSize).find(std::string_view(got.data(), kTelling));
  if (found == std::string_view::npos) {
    return words + ", of no stream";
  }
  const uint64_t actual = (found + kSize - stream.start) % kSize;
  if (actual >= stream.total) {
    return words + ", of another stream";
  }
  return words + (actual > position
                      ? fmt::format(", those of {}: {} are missing or come late", actual, actual - position)
                      : fmt::format(", those of {}: {} are doubled or come late", actual, position - actual));
}

}  // namespace fairlead::torture
