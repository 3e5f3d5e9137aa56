#include "agent/model/analyze.h"

#include "agent/model/codes.h"
#include "agent/model/files.h"
#include "agent/model/load.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>

namespace fairlead::model {

namespace {

class Analysis {
 public:
  void add_path(const std::string& path) {
    struct stat status{};
    if (stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
      add_file(path);
      return;
    }
    const auto files = list_manifests(path);
    if (!files) {
      add_error(path, files.error());
      return;
    }
    for (const std::string& file : *files) {
      add_file(fmt::format("{}/{}", path, file));
    }
  }

  std::vector<Message> take() { return std::move(messages_); }

 private:
  void add_file(const std::string& path) {
    const auto text = read_manifest(path);
    if (!text) {
      add_error(path, text.error());
      return;
    }
    Loaded loaded = load_documents(*text, path);
    std::ranges::move(loaded.messages, std::back_inserter(messages_));
    for (auto& [key, object] : loaded.objects) {
      const Origin origin = metadata_of(object).origin;
      const auto [known, fresh] = first_.try_emplace(key, origin);
      if (!fresh) {
        messages_.push_back(duplicate(key, origin, known->second));
      }
    }
  }

  void add_error(const std::string& path, const Error& error) {
    messages_.push_back(
        {std::string(codes::kNoFile), Severity::kError, {}, {path, 0}, {}, "cannot be read: " + error.message()});
  }

  std::vector<Message> messages_;
  std::map<ObjectKey, Origin> first_;
};

constexpr std::array<std::string_view, 3> kSeverities = {"info", "warning", "error"};

}  // namespace

std::vector<Message> analyze(const std::vector<std::string>& paths) {
  Analysis analysis;
  for (const std::string& path : paths) {
    analysis.add_path(path);
  }
  return analysis.take();
}

nlohmann::json to_json(const Message& message) {
  const std::string text = message.field.empty() ? message.text : message.field + ": " + message.text;
  return {{"code", message.code},
          {"severity", kSeverities[static_cast<size_t>(message.severity)]},
          {"object", message.object},
          {"file", message.origin.file},
          {"line", message.origin.line},
          {"field", message.field},
          {"message", text}};
}

}  // namespace fairlead::model
