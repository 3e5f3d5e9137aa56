// The field section of an HTTP/1.1 head: names and values as views, in the order sent, with the names that framing,
// forwarding and policy ask for found while parsing. RFC 9110 section 5, RFC 9112 section 5.
//
// Owner: the head that contains it; the bytes are the caller's. Thread: any; not shared. Nothing here allocates, except
// `joined` where a name came several times.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fairlead::http {

struct Field {
  std::string_view name;   // as sent
  std::string_view value;  // without blanks round it
};

// Limits of a head: Envoy's defaults (max_request_headers_kb 60, max_headers_count 100).
inline constexpr size_t kMaxHeadBytes = 60 * 1024;
inline constexpr size_t kMaxFields = 100;

// Names that are looked up for each message. A name that is not here is kOther and is searched for.
enum class FieldId : uint8_t {
  kOther,
  kConnection,
  kContentLength,
  kContentType,
  kDate,
  kExpect,
  kHost,
  kKeepAlive,
  kProxyConnection,
  kServer,
  kTe,
  kTrailer,
  kTransferEncoding,
  kUpgrade,
  kUserAgent,
  kXForwardedFor,
  kXForwardedProto,
  kXRequestId,
  kCount,
};

// REQUIRES: no control characters in `name`.
FieldId field_id_of(std::string_view name);

class Fields {
 public:
  [[nodiscard]] size_t size() const { return count_; }
  [[nodiscard]] const Field* begin() const { return fields_.data(); }
  [[nodiscard]] const Field* end() const { return fields_.data() + count_; }
  [[nodiscard]] const Field& operator[](size_t index) const { return fields_[index]; }
  [[nodiscard]] FieldId id(size_t index) const { return static_cast<FieldId>(marks_[index] & kIdMask); }
  // The field lies in memory as "name: value\r\n": a run of such neighbours can be copied at once.
  [[nodiscard]] bool is_verbatim(size_t index) const { return (marks_[index] & kVerbatim) != 0; }

  [[nodiscard]] bool has(FieldId id) const { return (present_ & bit(id)) != 0; }
  // The name came more than once.
  [[nodiscard]] bool repeats(FieldId id) const { return (repeated_ & bit(id)) != 0; }
  // The first value; REQUIRES: has(id).
  [[nodiscard]] std::string_view first(FieldId id) const { return fields_[first_[static_cast<size_t>(id)]].value; }

  // False when full.
  bool push(Field field) { return push(field, field_id_of(field.name), Layout::kScattered); }
  enum class Layout : uint8_t { kScattered, kVerbatim };
  bool push(Field field, FieldId id, Layout layout);
  void clear() {
    count_ = 0;
    present_ = 0;
    repeated_ = 0;
  }
  // The bytes have moved from `from` to `bytes` (the caller's buffer grew).
  void rebase(uintptr_t from, std::string_view bytes);

  // The first value, `name` in lower case; names compare without case.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view lower_name) const;
  // All values of the name joined with ",": into `scratch` only if there are several.
  [[nodiscard]] std::optional<std::string_view> joined(std::string_view lower_name, std::string& scratch) const;

 private:
  static constexpr uint8_t kIdMask = 0x1f;
  static constexpr uint8_t kVerbatim = 0x80;
  static_assert(static_cast<size_t>(FieldId::kCount) <= kIdMask + 1);
  static constexpr uint32_t bit(FieldId id) { return uint32_t{1} << static_cast<uint32_t>(id); }

  // Only the first count_ entries, and the entries of present_ in first_, mean anything: clear() touches none of them.
  std::array<Field, kMaxFields> fields_;
  std::array<uint8_t, kMaxFields> marks_{};
  std::array<uint8_t, static_cast<size_t>(FieldId::kCount)> first_{};
  uint32_t present_ = 0;
  uint32_t repeated_ = 0;
  size_t count_ = 0;
};

inline bool Fields::push(Field field, FieldId id, Layout layout) {
  if (count_ == kMaxFields) {
    return false;
  }
  fields_[count_] = field;
  marks_[count_] = static_cast<uint8_t>(static_cast<uint8_t>(id) | (layout == Layout::kVerbatim ? kVerbatim : 0));
  if (!has(id)) {
    first_[static_cast<size_t>(id)] = static_cast<uint8_t>(count_);
    present_ |= bit(id);
  } else {
    repeated_ |= bit(id);
  }
  ++count_;
  return true;
}

// Which fields end at this hop: Connection and what it names, Keep-Alive, Proxy-Connection, TE (unless it is just
// "trailers"), Trailer (trailers are dropped), Transfer-Encoding, Upgrade. RFC 9110 section 7.6.1. Content-Length and
// Host stay even where Connection names them: the one is framing, which is rewritten anyway, the other is not the
// sender's to take away. The fields must outlive this object.
class HopByHop {
 public:
  explicit HopByHop(const Fields& fields);
  [[nodiscard]] bool contains(const Field& field) const { return contains(field, field_id_of(field.name)); }
  // The same for one of the fields, by its place: without looking at the name again.
  [[nodiscard]] bool contains_at(size_t index) const { return contains((*fields_)[index], fields_->id(index)); }

 private:
  [[nodiscard]] bool contains(const Field& field, FieldId id) const;
  [[nodiscard]] bool is_named(std::string_view name) const;

  const Fields* fields_;
  bool names_others_ = false;  // Connection holds more than close, keep-alive and upgrade
};

// REQUIRES: equally long.
bool same_letters(std::string_view a, std::string_view b);
// ASCII without case. Most names differ in length: that is found without a call.
inline bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && same_letters(a, b);
}
// `list` (a comma-separated field value) holds `token`, without case.
bool list_contains(std::string_view list, std::string_view token);

}  // namespace fairlead::http
