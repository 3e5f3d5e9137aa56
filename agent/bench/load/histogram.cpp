#include "agent/bench/load/histogram.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <string_view>

namespace fairlead::bench {
namespace {

// Cookies of the format; 0x10 says that counts are ZigZag LEB128 words of up to nine bytes.
constexpr uint32_t kCookie = 0x1c849303 | 0x10, kCompressedCookie = 0x1c849304 | 0x10;
constexpr uint32_t kDigits = 3;

template <class T>
void append_big_endian(std::string& out, T value) {
  for (int shift = (sizeof(T) - 1) * 8; shift >= 0; shift -= 8) {
    out += static_cast<char>(value >> shift & 0xff);
  }
}

// Seven bits a byte, lowest first; the ninth byte carries eight.
void append_zigzag(std::string& out, int64_t value) {
  uint64_t bits = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  for (int byte = 0; byte < 8; ++byte) {
    if (bits >> 7 == 0) {
      out += static_cast<char>(bits);
      return;
    }
    out += static_cast<char>((bits & 0x7f) | 0x80);
    bits >>= 7;
  }
  out += static_cast<char>(bits);
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t have = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < have ? static_cast<uint8_t>(bytes[i + k]) : 0U);
    }
    for (size_t k = 0; k < 4; ++k) {
      text += k <= have ? kLetters[group >> (18 - 6 * k) & 63] : '=';
    }
  }
  return text;
}

}  // namespace

size_t Histogram::index_of(uint64_t ns) {
  const auto power = static_cast<size_t>(std::bit_width(ns | (2 * kHalf - 1)) - kSubBits);
  return power * kHalf + (ns >> power);
}

uint64_t Histogram::lowest_at(size_t index) {
  const size_t power = index < 2 * kHalf ? 0 : index / kHalf - 1;
  return (index - power * kHalf) << power;
}

uint64_t Histogram::highest_at(size_t index) { return lowest_at(index + 1) - 1; }

void Histogram::record(uint64_t ns, uint64_t count) {
  ns = std::min(ns, kHighest);
  counts_[index_of(ns)] += count;
  count_ += count;
  sum_ += ns * count;
  max_ = std::max(max_, ns);
}

void Histogram::add(const Histogram& other) {
  std::ranges::transform(counts_, other.counts_, counts_.begin(), std::plus());
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

double Histogram::mean() const { return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_); }

uint64_t Histogram::at(double q) const {
  const auto wanted = std::clamp(static_cast<uint64_t>(std::ceil(q * static_cast<double>(count_))), uint64_t{1},
                                 count_ + (count_ == 0));
  uint64_t seen = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= wanted) {
      return std::min(highest_at(i), max_);
    }
  }
  return 0;
}

std::vector<Histogram::Point> Histogram::curve(unsigned per_half) const {
  std::vector<Point> points;
  if (count_ == 0) {
    return points;
  }
  const double least = 1 / static_cast<double>(count_);  // below it only the maximum is left
  const auto distance = [&](unsigned point) {            // to 1: from 2^-n down to its half in `per_half` steps
    const double part = static_cast<double>(point % per_half) / (2 * per_half);
    return std::ldexp(1 - part, -static_cast<int>(point / per_half));
  };
  for (unsigned point = 0; distance(point) > least; ++point) {
    points.push_back({1 - distance(point), at(1 - distance(point))});
  }
  points.push_back({1, max_});
  return points;
}

std::string Histogram::encode() const {
  std::string counts;
  const size_t end = count_ == 0 ? 0 : index_of(max_) + 1;
  for (size_t i = 0; i < end;) {
    if (counts_[i] != 0) {
      append_zigzag(counts, static_cast<int64_t>(counts_[i++]));
      continue;
    }
    const size_t first = i;
    while (i < end && counts_[i] == 0) {
      ++i;
    }
    append_zigzag(counts, -static_cast<int64_t>(i - first));  // a run of zeros
  }
  std::string plain;
  append_big_endian(plain, kCookie);
  append_big_endian(plain, static_cast<uint32_t>(counts.size()));
  append_big_endian(plain, uint32_t{0});  // offset of the first count
  append_big_endian(plain, kDigits);
  append_big_endian(plain, uint64_t{1});
  append_big_endian(plain, kHighest);
  append_big_endian(plain, std::bit_cast<uint64_t>(1.0));  // from integers to values
  plain += counts;

  uLongf size = compressBound(plain.size());
  std::string packed(size, '\0');
  // It fails for lack of memory only, or of room, of which there is enough.
  compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(plain.data()), plain.size());
  packed.resize(size);
  std::string whole;
  append_big_endian(whole, kCompressedCookie);
  append_big_endian(whole, static_cast<uint32_t>(size));
  return base64(whole + packed);
}

std::string histogram_log_header(double start_unix_s) {
  return fmt::format(
      "#[Histogram log format version 1.3]\n#[StartTime: {0:.3f} (seconds since epoch)]\n#[BaseTime: {0:.3f} (seconds "
      "since epoch)]\n\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
      start_unix_s);
}

std::string histogram_log_line(const std::string& tag, double seconds, const Histogram& histogram) {
  // Interval_Max is in ms by custom.
  return fmt::format("Tag={},0.000,{:.3f},{:.3f},{}\n", tag, seconds, static_cast<double>(histogram.max()) / 1e6,
                     histogram.encode());
}

}  // namespace fairlead::bench
