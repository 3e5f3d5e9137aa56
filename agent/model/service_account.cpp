// ServiceAccount (v1): the name is all that counts.
#include "agent/model/loaders.h"

namespace fairlead::model {

Object load_service_account(Metadata meta, Fields&) { return ServiceAccount{std::move(meta)}; }

}  // namespace fairlead::model
