#include "agent/compile/acceleration.h"

#include <gtest/gtest.h>

namespace fairlead::compile {
namespace {

constexpr const char* kKey = "fairlead.dev/accelerate";

TEST(AccelerationWish, IsWhatTheAgentWasStartedWithWhereNobodySaysAnything) {
  const auto wish = decide_acceleration({}, nullptr, Acceleration::kAuto);
  EXPECT_EQ(wish.wish, Acceleration::kAuto);
  EXPECT_EQ(wish.reason, "default");
}

TEST(AccelerationWish, ThePodGoesBeforeItsNamespaceAndTheLabelBeforeTheAnnotation) {
  model::Namespace ns;
  ns.meta.annotations[kKey] = "auto";
  model::Pod pod;
  EXPECT_EQ(decide_acceleration(pod, &ns, Acceleration::kFalse).reason,
            "annotation fairlead.dev/accelerate on the namespace");
  pod.meta.annotations[kKey] = "false";
  EXPECT_EQ(decide_acceleration(pod, &ns, Acceleration::kTrue).wish, Acceleration::kFalse);
  pod.meta.labels[kKey] = "true";
  const auto wish = decide_acceleration(pod, &ns, Acceleration::kFalse);
  EXPECT_EQ(wish.wish, Acceleration::kTrue);
  EXPECT_EQ(wish.reason, "label fairlead.dev/accelerate on the pod");
}

TEST(AccelerationWish, AValueThatIsNoneOfTheThreeCountsAsAbsent) {
  model::Pod pod;
  pod.meta.labels[kKey] = "yes";
  EXPECT_EQ(decide_acceleration(pod, nullptr, Acceleration::kAuto).wish, Acceleration::kAuto);
}

}  // namespace
}  // namespace fairlead::compile
