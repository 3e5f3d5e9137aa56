// Numeric identities: what the kernel and the connection table call a SPIFFE id. Pure, any thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace fairlead::compile {

// "spiffe://cluster.local/ns/shop/sa/client"
std::string spiffe_id(const std::string& trust_domain, const std::string& ns, const std::string& service_account);

// A number per id, never 0: a hash of the text, so that it stays the same while others come and go (the kernel's
// entries of open connections hold it). Two ids with one hash: the later in sorted order takes the next free number.
std::map<std::string, uint32_t> number_identities(const std::set<std::string>& spiffe_ids);

// The same with the hash as a parameter: collisions of a good one can't be had in a test.
std::map<std::string, uint32_t> number_identities(const std::set<std::string>& spiffe_ids,
                                                  uint32_t (*hash)(const std::string&));

}  // namespace fairlead::compile
