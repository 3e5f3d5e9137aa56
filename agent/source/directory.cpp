#include "agent/source/directory.h"

#include "agent/model/codes.h"
#include "agent/model/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <set>
#include <utility>

namespace fairlead::source {

namespace {

using model::Message;
using model::ObjectKey;
using model::Severity;

// File systems keep times in steps of up to 2 s (FAT), and kernels in ticks: a file that is younger than this when it
// is read may be written again without a sign.
constexpr int64_t kYoungNs = 2'000'000'000;

int64_t nanoseconds(const timespec& time) { return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return nanoseconds(now);
}

std::string without_slash(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) {
    path.pop_back();
  }
  return path;
}

Message unreadable(const std::string& path, const Error& error) {
  return {std::string(model::codes::kNoFile),
          Severity::kError,
          {},
          {path, 0},
          {},
          fmt::format("cannot be read: {}; what was read before stays in force", error.message())};
}

bool is_refusal(const Message& message) {
  return message.severity == Severity::kError && message.code != model::codes::kDuplicate && !message.object.empty();
}

}  // namespace

DirectorySource::DirectorySource(std::string path)
    : path_(without_slash(std::move(path))), watch_(path_), in_force_(std::make_shared<model::ObjectSet>()) {}

Listing DirectorySource::scan() {
  watch_.refresh();
  const bool fresh = refresh() || !scanned_;
  std::vector<Message> old_messages = messages_;
  changed_ = false;
  if (fresh) {
    merge();
  }
  Listing listing{in_force_, messages_, {}, changed_};
  scanned_ = true;
  if (fresh) {
    std::set<std::string> said;
    for (const Message& message : old_messages) {
      said.insert(message.code + message.line());
    }
    std::ranges::copy_if(messages_, std::back_inserter(listing.news),
                         [&](const Message& message) { return !said.contains(message.code + message.line()); });
  }
  return listing;
}

// Brings files_ up to date; true if something in it is new.
bool DirectorySource::refresh() {
  const auto names = model::list_manifests(path_);
  const bool had_problem = !problem_.empty();
  problem_.clear();
  if (!names) {
    problem_.push_back(unreadable(path_, names.error()));
    return true;
  }
  bool fresh = had_problem;
  fresh =
      std::erase_if(files_, [&](const auto& file) { return !std::ranges::binary_search(*names, file.first); }) > 0 ||
      fresh;
  for (const std::string& name : *names) {
    fresh = refresh_file(name) || fresh;
  }
  return fresh;
}

bool DirectorySource::refresh_file(const std::string& name) {
  const std::string path = fmt::format("{}/{}", path_, name);
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) {
    return files_.erase(name) > 0;  // gone since it was listed
  }
  const Identity identity{nanoseconds(status.st_mtim), nanoseconds(status.st_ctim),
                          static_cast<uint64_t>(status.st_size), status.st_ino, status.st_dev};
  const auto [entry, is_new] = files_.try_emplace(name);
  File& file = entry->second;
  if (!is_new && !file.young && file.problem.empty() && file.identity == identity) {
    return false;
  }
  const int64_t now = now_ns();
  const auto text = model::read_manifest(path);
  if (!text) {
    if (text.error().errno_value() == ENOENT) {
      files_.erase(entry);
      return true;
    }
    file.problem = {unreadable(path, text.error())};
    return true;
  }
  const size_t hash = std::hash<std::string>()(*text);
  const bool same_text =
      !is_new && file.problem.empty() && file.text_hash == hash && file.identity.size == identity.size;
  file.identity = identity;
  file.young = std::max(identity.modified_ns, identity.changed_ns) > now - kYoungNs;
  if (same_text) {
    return false;
  }
  file.text_hash = hash;
  file.problem.clear();
  file.loaded = model::load_documents(*text, path);
  return true;
}

const model::Object* DirectorySource::last_good(const ObjectKey& key) const {
  const auto found = in_force_->objects.find(key);
  return found == in_force_->objects.end() ? nullptr : &found->second;
}

// Makes the next set from all files.
void DirectorySource::merge() {
  auto next = std::make_shared<model::ObjectSet>();
  Owners owners;
  std::vector<Message> duplicates;
  for (const auto& [name, file] : files_) {
    for (const auto& [key, object] : file.loaded.objects) {
      const auto [entry, is_first] = next->objects.try_emplace(key, object);
      if (is_first) {
        owners.emplace(key, name);
      } else {
        duplicates.push_back(
            model::duplicate(key, model::metadata_of(object).origin, model::metadata_of(entry->second).origin));
      }
    }
    for (const ObjectKey& key : file.loaded.refused) {
      const auto owner = owners_.find(key);
      const model::Object* old = last_good(key);
      if (old != nullptr && owner != owners_.end() && owner->second == name &&
          next->objects.try_emplace(key, *old).second) {
        owners.emplace(key, name);
      }
    }
  }
  take_last_good(*next, owners);
  Owners kept;  // refused objects whose last good version stays
  for (const auto& [name, file] : files_) {
    for (const ObjectKey& key : file.loaded.refused) {
      if (const auto owner = owners.find(key); owner != owners.end() && owner->second == name) {
        kept.emplace(key, name);
      }
    }
  }
  changed_ = !scanned_ || *next != *in_force_;
  in_force_ = std::move(next);
  owners_ = std::move(owners);
  collect_messages(kept, duplicates);
}

// Objects in force that no file has any more, but that are not known to be deleted either: refused in another file than
// before, or perhaps in a document that cannot be read.
void DirectorySource::take_last_good(model::ObjectSet& objects, Owners& owners) const {
  for (const auto& [name, file] : files_) {
    for (const ObjectKey& key : file.loaded.refused) {
      if (const model::Object* old = last_good(key); old != nullptr && objects.objects.try_emplace(key, *old).second) {
        owners.emplace(key, name);
      }
    }
    if (!file.loaded.incomplete) {
      continue;
    }
    for (const auto& [key, owner] : owners_) {
      const model::Object* old = owner == name ? last_good(key) : nullptr;
      if (old != nullptr && objects.objects.try_emplace(key, *old).second) {
        owners.emplace(key, name);
      }
    }
  }
}

void DirectorySource::collect_messages(const Owners& kept, const std::vector<Message>& duplicates) {
  std::set<std::string> kept_objects;
  for (const auto& [key, name] : kept) {
    kept_objects.insert(fmt::format("{}/{}\n{}", path_, name, key.text()));
  }
  std::set<std::string> kinds;  // kinds that are not read are said once, not for each object
  messages_ = problem_;
  for (const auto& [name, file] : files_) {
    std::ranges::copy(file.problem, std::back_inserter(messages_));
    for (const Message& message : file.loaded.messages) {
      if (message.code == model::codes::kUnknownKind && !kinds.insert(message.text).second) {
        continue;
      }
      messages_.push_back(message);
      if (is_refusal(message) && kept_objects.contains(fmt::format("{}\n{}", message.origin.file, message.object))) {
        messages_.back().text += "; the last good version stays in force";
      }
    }
  }
  std::ranges::copy(duplicates, std::back_inserter(messages_));
}

}  // namespace fairlead::source
