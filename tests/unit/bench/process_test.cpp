#include "agent/bench/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

namespace fairlead::bench {
namespace {

constexpr std::chrono::seconds kLong(60);

TEST(Process, ThatCannotBeStartedIsAnErrorWithTheReason) {
  const auto process = Process::exec({"/nowhere/program"}, {}, {});
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().errno_value(), ENOENT);
  EXPECT_TRUE(process.error().message().starts_with("/nowhere/program: ")) << process.error().message();
}

TEST(Process, IsEndedWithTheOneWhoHoldsIt) {
  pid_t pid = 0;
  {
    auto process = Process::exec({"sleep", "1000"}, {}, {});
    ASSERT_TRUE(process);
    pid = process->pid();
    EXPECT_TRUE(process->is_running());
  }
  EXPECT_EQ(kill(pid, 0), -1);
}

TEST(Process, ThatIgnoresSigtermIsKilled) {
  auto process = Process::call(
      [] {
        signal(SIGTERM, SIG_IGN);
        puts("ignored");
        fflush(stdout);
        while (true) {
          pause();
        }
        return 0;
      },
      {}, {});
  ASSERT_TRUE(process);
  const pid_t pid = process->pid();
  process->end(std::chrono::milliseconds(50));
  EXPECT_EQ(kill(pid, 0), -1);
}

TEST(Process, FindsNoDescriptorOfOursInAFunctionThatItRuns) {
  const Interrupt interrupt;
  const int ours = memfd_create("ours", 0);
  auto process = Process::call([ours] { return fcntl(ours, F_GETFD) == -1 ? 0 : 1; }, {}, {});
  ASSERT_TRUE(process);
  const auto ended = process->wait(interrupt, Clock::now() + kLong);
  close(ours);
  ASSERT_TRUE(ended);
  EXPECT_TRUE(ended->is_success());
}

TEST(Run, GivesWhatAProgramWritesAndFeedsItsInput) {
  const Interrupt interrupt;
  const auto text = run({"tr", "a-z", "A-Z"}, interrupt, "some input\n");
  ASSERT_TRUE(text) << text.error().message();
  EXPECT_EQ(*text, "SOME INPUT\n");
}

TEST(Run, OfAProgramThatFailsIsAnErrorWithItsLastLine) {
  const Interrupt interrupt;
  const auto text = run({"sh", "-c", "echo first; echo last words >&2; exit 3"}, interrupt);
  ASSERT_FALSE(text);
  EXPECT_TRUE(text.error().message().ends_with(": last words")) << text.error().message();
}

TEST(Interrupt, WakesWhoeverWaitsStaysKnownAndEndsNothingAfterwards) {
  {
    const Interrupt interrupt;
    EXPECT_TRUE(interrupt.sleep({}));
    kill(getpid(), SIGTERM);
    kill(getpid(), SIGINT);
    EXPECT_FALSE(interrupt.sleep(kLong));
    EXPECT_FALSE(interrupt.sleep({}));
  }
  const Interrupt later;
  EXPECT_TRUE(later.sleep({}));
}

TEST(LastLine, IsTheLastThatIsNotEmpty) {
  EXPECT_EQ(last_line("a\nb\n\n"), "b");
  EXPECT_EQ(last_line("a"), "a");
  EXPECT_EQ(last_line(""), "");
}

}  // namespace
}  // namespace fairlead::bench
