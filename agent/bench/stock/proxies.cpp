// The list of stock proxies (bench/stock/proxy.h).
#include "agent/bench/stock/proxy.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace fairlead::bench {
namespace {

constexpr const StockProxy* kAll[] = {&kNginx, &kHaproxy, &kEnvoy, &kZtunnel};

}  // namespace

std::span<const StockProxy* const> stock_proxies() { return kAll; }

const StockProxy* stock_proxy(Path path) {
  const auto* const found =
      std::ranges::find_if(kAll, [&](const StockProxy* proxy) { return proxy->pair == path || proxy->hop == path; });
  return found != std::end(kAll) ? *found : nullptr;
}

std::string program_of(const StockProxy& proxy) {
  const char* const named = proxy.variable != nullptr ? std::getenv(proxy.variable) : nullptr;
  if (named != nullptr && *named != '\0') {
    return access(named, X_OK) == 0 ? named : "";
  }
  return find_program(proxy.program);
}

}  // namespace fairlead::bench
