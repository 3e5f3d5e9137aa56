#include "agent/wait_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fairlead::agent {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

class WaitBookTest : public testing::Test {
 protected:
  WaitBook::Done to(std::vector<std::vector<std::string>>& answers) {
    return [&answers](const std::vector<std::string>& missing) { answers.push_back(missing); };
  }
  const WaitBook::Clock::time_point start_ = WaitBook::Clock::time_point(seconds(1000));
  WaitBook book_;
  std::vector<std::vector<std::string>> first_, second_;
};

TEST_F(WaitBookTest, EverybodyIsAnsweredWhenNothingIsMissing) {
  book_.add(start_ + seconds(1), to(first_));
  book_.add(start_ + seconds(2), to(second_));
  book_.settle(start_, {});
  EXPECT_THAT(first_, ElementsAre(IsEmpty()));
  EXPECT_THAT(second_, ElementsAre(IsEmpty()));
  EXPECT_TRUE(book_.empty());
}

TEST_F(WaitBookTest, WhoseTimeIsUpLearnsWhatIsMissingAndOthersGoOnWaiting) {
  book_.add(start_ + seconds(1), to(first_));
  book_.add(start_ + seconds(5), to(second_));
  book_.settle(start_ + seconds(1), {"the kernel"});
  EXPECT_THAT(first_, ElementsAre(ElementsAre("the kernel")));
  EXPECT_THAT(second_, IsEmpty());
  EXPECT_EQ(book_.next_deadline(), start_ + seconds(5));
}

TEST_F(WaitBookTest, NobodyIsAnsweredTwice) {
  book_.add(start_, to(first_));
  book_.settle(start_, {"x"});
  book_.settle(start_, {});
  EXPECT_EQ(first_.size(), 1U);
}

TEST_F(WaitBookTest, AWaiterThatIsAddedByAnAnswerWaitsForTheNextLook) {
  book_.add(start_, [&](const auto&) { book_.add(start_ + seconds(1), to(second_)); });
  book_.settle(start_, {});
  EXPECT_THAT(second_, IsEmpty());
  book_.settle(start_, {});
  EXPECT_EQ(second_.size(), 1U);
}

TEST_F(WaitBookTest, WithoutWaitersThereIsNoDeadline) { EXPECT_EQ(book_.next_deadline(), std::nullopt); }

}  // namespace
}  // namespace fairlead::agent
