// The short name of a run-dir: what its cgroup, pin directory and index entry are called after. Pure.
#pragma once

#include <string>
#include <string_view>

namespace fairlead::host {

// 16 hexadecimal digits of FNV-1a over the text. Not a secret and not a defence: two run-dirs of one host must differ,
// and the same run-dir must give the same name after a restart.
std::string short_hash(std::string_view text);

// Whether `name` could be one of these (16 lower-case hexadecimal digits): what a sweep may remove without an index.
bool is_short_hash(std::string_view name);

}  // namespace fairlead::host
