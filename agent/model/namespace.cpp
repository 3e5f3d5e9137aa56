// Namespace (v1): its labels and annotations are all that counts.
#include "agent/model/loaders.h"

namespace fairlead::model {

Object load_namespace(Metadata meta, Fields&) { return Namespace{std::move(meta)}; }

}  // namespace fairlead::model
