#include "agent/host/version.h"

namespace fairlead::host {

std::string_view version() { return FAIRLEAD_VERSION; }

}  // namespace fairlead::host
