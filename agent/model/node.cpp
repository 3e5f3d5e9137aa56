// Node (v1): its labels are all that counts.
#include "agent/model/loaders.h"

namespace fairlead::model {

Object load_node(Metadata meta, Fields&) { return Node{std::move(meta)}; }

}  // namespace fairlead::model
