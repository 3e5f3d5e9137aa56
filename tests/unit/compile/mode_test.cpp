#include "agent/compile/mode.h"

#include <gtest/gtest.h>

namespace fairlead::compile {
namespace {

using config::Mode;

struct Case {
  std::string name;
  model::Labels pod_labels, pod_annotations, ns_labels, ns_annotations;
  ModeOverrides overrides;
  Mode expected;
  std::string reason;
  bool host_network = false;
};

class ModeTest : public testing::TestWithParam<Case> {};

TEST_P(ModeTest, FollowsThePrecedence) {
  const Case& c = GetParam();
  model::Pod pod;
  pod.meta.ns = "shop";
  pod.meta.name = "web";
  pod.meta.labels = c.pod_labels;
  pod.meta.annotations = c.pod_annotations;
  pod.host_network = c.host_network;
  model::Namespace ns;
  ns.meta.name = "shop";
  ns.meta.labels = c.ns_labels;
  ns.meta.annotations = c.ns_annotations;
  const ModeDecision decision = decide_mode(pod, &ns, c.overrides, Mode::kNode);
  EXPECT_EQ(decision.mode, c.expected) << mode_name(decision.mode);
  EXPECT_EQ(decision.reason, c.reason);
}

const Case kCases[] = {
    {"nothing_is_the_default", {}, {}, {}, {}, {}, Mode::kNode, "default"},
    {"override_of_the_default", {}, {}, {}, {}, {{"default", Mode::kOff}}, Mode::kOff, "fairlead mode default"},
    {"override_of_the_default_is_the_weakest",
     {},
     {},
     {{"istio.io/dataplane-mode", "ambient"}},
     {},
     {{"default", Mode::kOff}},
     Mode::kNode,
     "label istio.io/dataplane-mode on the namespace"},
    {"istio_injection_of_the_namespace",
     {},
     {},
     {{"istio-injection", "enabled"}, {"istio.io/dataplane-mode", "ambient"}},
     {},
     {},
     Mode::kSidecar,
     "label istio-injection on the namespace"},
    {"own_key_of_the_namespace_beats_istios",
     {},
     {},
     {{"istio-injection", "enabled"}},
     {{"fairlead.dev/mode", "off"}},
     {},
     Mode::kOff,
     "annotation fairlead.dev/mode on the namespace"},
    {"inject_false_beats_the_namespace",
     {},
     {{"sidecar.istio.io/inject", "false"}},
     {{"fairlead.dev/mode", "sidecar"}},
     {},
     {},
     Mode::kOff,
     "annotation sidecar.istio.io/inject on the pod"},
    {"inject_true",
     {{"sidecar.istio.io/inject", "true"}},
     {},
     {},
     {},
     {},
     Mode::kSidecar,
     "label sidecar.istio.io/inject on the pod"},
    {"dataplane_none",
     {{"istio.io/dataplane-mode", "none"}},
     {},
     {},
     {},
     {},
     Mode::kOff,
     "label istio.io/dataplane-mode on the pod"},
    {"no_sidecar_but_ambient",
     {{"istio.io/dataplane-mode", "ambient"}, {"sidecar.istio.io/inject", "false"}},
     {},
     {},
     {},
     {},
     Mode::kNode,
     "label istio.io/dataplane-mode on the pod"},
    {"own_key_of_the_pod_beats_istios",
     {{"sidecar.istio.io/inject", "false"}},
     {{"fairlead.dev/mode", "node"}},
     {},
     {},
     {},
     Mode::kNode,
     "annotation fairlead.dev/mode on the pod"},
    {"label_beats_annotation",
     {{"fairlead.dev/mode", "sidecar"}},
     {{"fairlead.dev/mode", "off"}},
     {},
     {},
     {},
     Mode::kSidecar,
     "label fairlead.dev/mode on the pod"},
    {"a_misspelt_mode_counts_as_absent",
     {{"fairlead.dev/mode", "sidecars"}},
     {},
     {{"fairlead.dev/mode", "off"}},
     {},
     {},
     Mode::kOff,
     "label fairlead.dev/mode on the namespace"},
    {"override_of_the_namespace_beats_the_pods_label",
     {{"fairlead.dev/mode", "sidecar"}},
     {},
     {},
     {},
     {{"ns/shop", Mode::kOff}},
     Mode::kOff,
     "fairlead mode ns/shop"},
    {"override_of_the_pod_beats_that_of_the_namespace",
     {},
     {},
     {},
     {},
     {{"ns/shop", Mode::kOff}, {"pod/shop/web", Mode::kSidecar}},
     Mode::kSidecar,
     "fairlead mode pod/shop/web"},
    {"override_of_others_is_nothing",
     {},
     {},
     {},
     {},
     {{"pod/shop/other", Mode::kOff}, {"ns/prod", Mode::kOff}},
     Mode::kNode,
     "default"},
    {"host_network_is_always_off",
     {{"fairlead.dev/mode", "node"}},
     {},
     {},
     {},
     {{"pod/shop/web", Mode::kSidecar}},
     Mode::kOff,
     "hostNetwork",
     true},
};

INSTANTIATE_TEST_SUITE_P(Mode, ModeTest, testing::ValuesIn(kCases), [](const auto& test) { return test.param.name; });

TEST(ModeTest, WorksWithoutANamespaceObject) {
  EXPECT_EQ(decide_mode(model::Pod(), nullptr, {}, Mode::kOff).mode, Mode::kOff);
}

}  // namespace
}  // namespace fairlead::compile
