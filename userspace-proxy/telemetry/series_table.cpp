#include "userspace-proxy/telemetry/series_table.h"

#include "userspace-proxy/telemetry/relaxed.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <new>
#include <string_view>
#include <vector>

namespace fairlead::telemetry {
namespace {

static_assert(alignof(HttpSeries) == 8 && sizeof(HttpSeries) % 8 == 0);
static_assert(alignof(TcpSeries) == 8 && sizeof(TcpSeries) % 8 == 0);

constexpr size_t align8(size_t bytes) { return (bytes + 7) & ~size_t{7}; }

template <class Series>
constexpr size_t entry_bytes(size_t key_bytes) {
  return sizeof(SeriesEntry) + sizeof(Series) + align8(key_bytes);
}

uint64_t hash_of(std::span<const std::byte> key, SeriesKind kind) {
  const std::string_view bytes(reinterpret_cast<const char*>(key.data()), key.size());
  return std::hash<std::string_view>()(bytes) ^ static_cast<uint64_t>(kind);
}

// Read once, as one atomic word: a compiler must not fetch a field again after it was checked.
SeriesEntry entry_at(std::span<const std::byte> area, size_t offset) {
  return std::bit_cast<SeriesEntry>(load(*reinterpret_cast<const uint64_t*>(area.data() + offset)));
}

template <class Series>
Series* series_at(std::span<std::byte> area, size_t offset) {
  return reinterpret_cast<Series*>(area.data() + offset + sizeof(SeriesEntry));
}

template <class Labels>
Labels overflow_labels() {
  Labels labels;
  for (const auto& field : kCommonLabels<std::string_view>) {
    labels.common.*field.member = "overflow";
  }
  return labels;
}

}  // namespace

// The overflow series take their place first, so that there is one when nothing else fits.
SeriesTable::SeriesTable(std::span<std::byte> area, uint64_t& used, uint64_t& overflow)
    : area_(area), used_(used), overflow_(overflow) {
  http_overflow_ = http(overflow_labels<HttpLabels>());
  tcp_overflow_ = tcp(overflow_labels<TcpLabels>());
}

HttpSeries* SeriesTable::http(const HttpLabels& labels) {
  HttpSeries* series = find_or_add<HttpSeries>(labels, SeriesKind::kHttp);
  return series != nullptr ? series : http_overflow_;
}

TcpSeries* SeriesTable::tcp(const TcpLabels& labels) {
  TcpSeries* series = find_or_add<TcpSeries>(labels, SeriesKind::kTcp);
  return series != nullptr ? series : tcp_overflow_;
}

template <class Series, class Labels>
Series* SeriesTable::find_or_add(const Labels& labels, SeriesKind kind) {
  const auto key = encode_key(labels, key_);
  const uint64_t hash = hash_of(key, kind);
  for (auto [it, end] = entries_.equal_range(hash); it != end; ++it) {
    const SeriesEntry entry = entry_at(area_, it->second);
    const std::byte* stored = area_.data() + it->second + sizeof(SeriesEntry) + sizeof(Series);
    if (entry.kind == kind && entry.key_bytes == key.size() && std::memcmp(stored, key.data(), key.size()) == 0) {
      return series_at<Series>(area_, it->second);
    }
  }
  if (entries_.size() >= kMaxSeries || area_.size() - used_ < entry_bytes<Series>(key.size())) {
    add<uint64_t>(overflow_, 1);
    return nullptr;
  }
  entries_.emplace(hash, static_cast<uint32_t>(used_));
  return append<Series>(key, kind);
}

// The entry is whole before `used` covers it: a reader sees all of it or nothing.
template <class Series>
Series* SeriesTable::append(std::span<const std::byte> key, SeriesKind kind) {
  const size_t offset = used_;
  const size_t bytes = entry_bytes<Series>(key.size());
  const SeriesEntry entry = {
      .bytes = static_cast<uint32_t>(bytes), .kind = kind, .key_bytes = static_cast<uint16_t>(key.size())};
  std::memcpy(area_.data() + offset, &entry, sizeof entry);
  auto* series = new (area_.data() + offset + sizeof entry) Series();
  std::memcpy(area_.data() + offset + sizeof entry + sizeof(Series), key.data(), key.size());
  store<uint64_t>(used_, offset + bytes, std::memory_order_release);
  return series;
}

namespace {

// One entry's counters and labels into `into`, if they are what the entry says.
template <class Series, class Into, class Decode>
bool read_entry(std::span<const std::byte> bytes, size_t key_bytes, Into& into, Decode decode) {
  if (bytes.size() != entry_bytes<Series>(key_bytes)) {
    return false;
  }
  // A private copy: what is checked must be what is used, and a hostile writer goes on writing.
  const auto source = bytes.subspan(sizeof(SeriesEntry) + sizeof(Series), key_bytes);
  const std::vector<std::byte> key(source.begin(), source.end());
  auto labels = decode(key);
  if (!labels) {
    return false;
  }
  const Series values = reinterpret_cast<const Series*>(bytes.data() + sizeof(SeriesEntry))->copy();
  if (values != Series()) {
    into.emplace_back(std::move(*labels), values);
  }
  return true;
}

bool read_entry(std::span<const std::byte> bytes, const SeriesEntry& entry, SeriesSnapshot& snapshot) {
  switch (entry.kind) {
    case SeriesKind::kHttp:
      return read_entry<HttpSeries>(bytes, entry.key_bytes, snapshot.http, decode_http_key);
    case SeriesKind::kTcp:
      return read_entry<TcpSeries>(bytes, entry.key_bytes, snapshot.tcp, decode_tcp_key);
  }
  return false;
}

}  // namespace

void read_series(std::span<const std::byte> area, uint64_t used, SeriesSnapshot& snapshot) {
  auto rest = area.first(std::min<uint64_t>(used, area.size()));
  for (size_t n = 0; n < kMaxSeries && rest.size() >= sizeof(SeriesEntry); ++n) {
    const SeriesEntry entry = entry_at(rest, 0);
    if (entry.bytes > rest.size() || !read_entry(rest.first(entry.bytes), entry, snapshot)) {
      return;
    }
    rest = rest.subspan(entry.bytes);
  }
}

}  // namespace fairlead::telemetry
