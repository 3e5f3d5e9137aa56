// Single values and references of the wire form. Private to the room.
#pragma once

#include "userspace-proxy/base/address.h"
#include "userspace-proxy/base/error.h"
#include "userspace-proxy/config/field_path.h"

#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace fairlead::config {

inline Result<IpAddress> address_from(const std::string& bytes, const FieldPath& path) {
  fl_addr raw;
  if (bytes.size() != sizeof raw) {
    return path.fail("an address has 16 bytes");
  }
  std::memcpy(&raw, bytes.data(), sizeof raw);
  return IpAddress(raw);
}

inline Result<uint16_t> port_from(uint32_t port, const FieldPath& path) {
  if (port == 0 || port > std::numeric_limits<uint16_t>::max()) {
    return path.fail("a port is 1 to 65535");
  }
  return static_cast<uint16_t>(port);
}

// A reference that is an index.
template <class T>
Result<T*> referred(const std::vector<std::unique_ptr<T>>& list, uint32_t index, const FieldPath& path) {
  if (index >= list.size()) {
    return path.fail("beyond the list that it refers to");
  }
  return list[index].get();
}

// A reference that is 1 + an index, or 0 for none.
template <class T>
Result<T*> optionally_referred(const std::vector<std::unique_ptr<T>>& list, uint32_t reference, const FieldPath& path) {
  return reference == 0 ? Result<T*>(nullptr) : referred(list, reference - 1, path);
}

}  // namespace fairlead::config
