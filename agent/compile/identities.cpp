#include "agent/compile/identities.h"

#include <fmt/format.h>

namespace fairlead::compile {
namespace {

// FNV-1a (RFC 9923), folded from 64 bits: the low half alone is weaker for texts that end alike.
uint32_t hash_of(const std::string& text) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const unsigned char c : text) {
    hash = (hash ^ c) * 0x100000001b3ULL;
  }
  return static_cast<uint32_t>(hash ^ (hash >> 32));
}

}  // namespace

std::string spiffe_id(const std::string& trust_domain, const std::string& ns, const std::string& service_account) {
  return fmt::format("spiffe://{}/ns/{}/sa/{}", trust_domain, ns, service_account);
}

std::map<std::string, uint32_t> number_identities(const std::set<std::string>& spiffe_ids) {
  return number_identities(spiffe_ids, hash_of);
}

std::map<std::string, uint32_t> number_identities(const std::set<std::string>& spiffe_ids,
                                                  uint32_t (*hash)(const std::string&)) {
  std::map<std::string, uint32_t> numbers;
  std::set<uint32_t> taken = {0};
  for (const std::string& id : spiffe_ids) {
    uint32_t number = hash(id);
    while (!taken.insert(number).second) {
      ++number;
    }
    numbers.emplace(id, number);
  }
  return numbers;
}

}  // namespace fairlead::compile
