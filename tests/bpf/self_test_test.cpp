// The self-tests of acceleration on the kernel that this runs on.
#include "agent/kernel/self_test.h"

#include "tests/bpf/cgroup.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace fairlead::test {
namespace {

TEST(SelfTests, SayOfEachPropertyWhetherThisKernelHasItAndLeaveNothing) {
  Cgroup cgroup("kern-test-self-" + std::to_string(getpid()));
  cgroup.enter();
  const auto tests = kernel::run_self_tests(cgroup.path());
  ASSERT_TRUE(tests.has_value()) << tests.error().message();
  EXPECT_EQ(tests->size(), 8U);
  for (const auto& test : *tests) {
    // No kernel that acceleration was tried on fails one of these.
    EXPECT_TRUE(test.passed || test.need == kernel::SelfTest::Need::kAdvice) << test.name;
    EXPECT_FALSE(test.meaning.empty());
    RecordProperty(test.name, test.passed ? "passed" : "failed");
    std::printf("%s: %s\n", test.passed ? "passed" : "FAILED", test.name.c_str());
  }
}

TEST(SelfTests, AreAnErrorWhereTheyCannotRun) { EXPECT_FALSE(kernel::run_self_tests("/nowhere").has_value()); }

}  // namespace
}  // namespace fairlead::test
