// The codes of messages about objects. ISTxxxx are Istio's, with Istio's meaning and severity; FLxxxx are ours.
// `fairlead analyze` prints them, so a number keeps its meaning for good.
#pragma once

#include <string_view>

namespace fairlead::model::codes {

inline constexpr std::string_view kSchemaError = "IST0106";  // error: the schema or the validation of Istio refuses it
inline constexpr std::string_view kSchemaWarning = "IST0133";  // warning: Istio takes it and warns

inline constexpr std::string_view kUnreadable = "FL0001";  // error: no YAML, or no object
inline constexpr std::string_view kKubernetesRefuses =
    "FL0002";                                               // error: an object of Kubernetes' own kinds is invalid
inline constexpr std::string_view kDuplicate = "FL0003";    // error: this object was already read elsewhere
inline constexpr std::string_view kUnknownKind = "FL0004";  // info: not a kind that Fairlead reads
inline constexpr std::string_view kKindNotInForce =
    "FL0005";  // warning: this kind protects something, and is not built
inline constexpr std::string_view kFieldNotInForce = "FL0006";   // info: a traffic field that is not built
inline constexpr std::string_view kPolicyNotInForce = "FL0007";  // warning: a security field that cannot be honoured
inline constexpr std::string_view kNoFile = "FL0008";            // error: the file or folder cannot be read
inline constexpr std::string_view kDoubtful = "FL0009";          // warning: it loads, and is hardly meant so

}  // namespace fairlead::model::codes
