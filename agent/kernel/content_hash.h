// Names for contents: what the kernel's tables call a set of endpoints or verdicts, so that the same contents have the
// same name after a restart. Value type, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace fairlead::kernel {

// FNV-1a (RFC 9923), over plain bytes. Against accidents, not against someone who makes contents collide: who compares
// contents under one name says so.
class ContentHash {
 public:
  template <class T>
  ContentHash& add(const T& value) {
    static_assert(std::has_unique_object_representations_v<T>);
    return bytes(&value, sizeof value);
  }
  ContentHash& bytes(const void* data, size_t size) {
    for (size_t i = 0; i < size; ++i) {
      hash_ = (hash_ ^ static_cast<const unsigned char*>(data)[i]) * 0x100000001b3ULL;
    }
    return *this;
  }
  [[nodiscard]] uint64_t wide() const { return hash_; }
  [[nodiscard]] uint32_t narrow() const { return static_cast<uint32_t>(hash_ ^ (hash_ >> 32)); }

 private:
  uint64_t hash_ = 0xcbf29ce484222325ULL;
};

}  // namespace fairlead::kernel
