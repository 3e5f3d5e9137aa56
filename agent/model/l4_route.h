// The tls and tcp rules of a VirtualService: checked, and nothing else yet.
#pragma once

#include "agent/model/reader.h"

#include <string>
#include <vector>

namespace fairlead::model {

void check_tls_route(const Cursor& at, const std::vector<std::string>& hosts);
void check_tcp_route(const Cursor& at);

}  // namespace fairlead::model
