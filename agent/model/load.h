// Manifests as text to validated objects. Pure functions, any thread.
#pragma once

#include "agent/model/objects.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fairlead::model {

struct Loaded {
  std::vector<std::pair<ObjectKey, Object>> objects;
  std::vector<Message> messages;
  // Objects that are in the text and refused; their last good version, if there is one, stays in force.
  std::vector<ObjectKey> refused;
  // A document could not be read at all, so objects may be missing above without having been deleted.
  bool incomplete = false;
};

// Multi-document YAML or JSON; a kind `List` stands for its items. Each object is validated alone: a refused one yields
// one error, the others load. `file` names the text in messages.
Loaded load_documents(std::string_view yaml_text, const std::string& file);

// The message about an object that two texts have.
Message duplicate(const ObjectKey& key, const Origin& second, const Origin& first);

}  // namespace fairlead::model
