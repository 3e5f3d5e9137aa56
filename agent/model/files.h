// Which files of a folder are manifests, and their text. Any thread.
#pragma once

#include "userspace-proxy/base/error.h"

#include <string>
#include <string_view>
#include <vector>

namespace fairlead::model {

// *.yaml, *.yml and *.json; no names that begin with a dot, and no backups of editors.
bool is_manifest(std::string_view file_name);
// Sub-folders are read too, one level deep; names are ruled out as for files, and so is "lost+found".
bool is_manifest_folder(std::string_view folder_name);

// Paths below `folder` ("b.yaml", "extra/a.yaml"), in byte order, which decides who is first. Symbolic links are
// followed.
Result<std::vector<std::string>> list_manifests(const std::string& folder);

// The sub-folders that are read, by name.
Result<std::vector<std::string>> list_manifest_folders(const std::string& folder);

// At most kMaxYamlBytes (yaml.h) and a little more, so that a larger file is refused and not read into memory.
Result<std::string> read_manifest(const std::string& path);

}  // namespace fairlead::model
