#include "agent/workload/mode_store.h"

#include "agent/host/file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>

namespace fairlead::workload {
namespace {

bool is_object_name(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

}  // namespace

bool is_mode_target(std::string_view text) {
  if (text == "default") {
    return true;
  }
  if (text.starts_with("ns/")) {
    return is_object_name(text.substr(3));
  }
  if (!text.starts_with("pod/")) {
    return false;
  }
  const size_t slash = text.find('/', 4);
  return slash != std::string_view::npos && is_object_name(text.substr(4, slash - 4)) &&
         is_object_name(text.substr(slash + 1));
}

Result<ModeStore> ModeStore::open(std::string path) {
  ModeStore store(std::move(path));
  if (access(store.path_.c_str(), F_OK) != 0) {
    return store;
  }
  const auto text = host::read_file(store.path_);
  if (!text) {
    return std::unexpected(text.error());
  }
  const auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return fail(fmt::format("{}: not a JSON object; remove the file to give up all mode overrides", store.path_));
  }
  for (const auto& [target, value] : json.items()) {
    const auto mode = value.is_string() ? compile::parse_mode(value.get_ref<const std::string&>()) : std::nullopt;
    if (!is_mode_target(target) || !mode) {
      return fail(
          fmt::format("{}: \"{}\": {} is not an override; correct or remove it", store.path_, target, value.dump()));
    }
    store.overrides_.emplace(target, *mode);
  }
  return store;
}

std::optional<config::Mode> ModeStore::get(const std::string& target) const {
  const auto found = overrides_.find(target);
  return found == overrides_.end() ? std::nullopt : std::optional(found->second);
}

Status ModeStore::set(const std::string& target, std::optional<config::Mode> mode) {
  compile::ModeOverrides changed = overrides_;
  if (mode) {
    changed.insert_or_assign(target, *mode);
  } else {
    changed.erase(target);
  }
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [name, value] : changed) {
    json[name] = compile::mode_name(value);
  }
  if (Status written = host::replace_file(path_, json.dump(2) + "\n"); !written) {
    return written;
  }
  overrides_ = std::move(changed);
  return {};
}

}  // namespace fairlead::workload
