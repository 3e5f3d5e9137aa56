// Small files, whole: the kernel's (cgroupfs, procfs) and our own. Any thread.
#pragma once

#include "userspace-proxy/base/error.h"

#include <string>
#include <string_view>

namespace fairlead::host {

// The whole content. Errors name the path.
Result<std::string> read_file(const std::string& path);

// Writes with a single write(2), as cgroupfs wants it; the file must exist.
Status write_existing(const std::string& path, std::string_view text);

// All of it, in as many writes as that takes: a disk that fills up takes a part of the first one without an error.
// False: errno says why.
bool write_all(int fd, std::string_view text);

// Replaces the file as a whole: a draft beside it, synced, then renamed. A reader sees the old or the new one.
Status replace_file(const std::string& path, std::string_view text);

// With all above it; nothing if it is there.
Status make_folder(const std::string& path);

}  // namespace fairlead::host
