// What every nginx of the bench has in common: the server, and the proxies of its pair. Pure.
#pragma once

#include <string>

namespace fairlead::bench {

// The beginning of a configuration, up to and into its http block. One process: no second one that has to be found,
// pinned and ended. It writes into `folder` alone and tells its counts at `folder`/counts.
std::string nginx_head(const std::string& folder);

}  // namespace fairlead::bench
