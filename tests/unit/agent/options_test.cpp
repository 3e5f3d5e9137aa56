#include "agent/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

namespace fairlead::agent {
namespace {

using testing::HasSubstr;

CommandLine parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "fairlead-agent");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

TEST(CommandLine, HasTheDefaultsOfTheDesign) {
  const CommandLine line = parse({"--config", "/tmp"});
  ASSERT_TRUE(line.run) << line.text;
  EXPECT_EQ(line.options.config_dir, "/tmp");
  EXPECT_EQ(line.options.run_dir, "/run/fairlead");
  EXPECT_EQ(line.options.default_mode, config::Mode::kNode);
  EXPECT_EQ(line.options.metrics.text(), ":15020");
  EXPECT_EQ(line.options.ready.text(), ":15021");
  EXPECT_EQ(line.options.admin.text(), "127.0.0.1:15000");
  EXPECT_FALSE(line.options.keep_kernel_state);
  EXPECT_GE(line.options.proxy_workers, 1U);
  EXPECT_FALSE(line.options.node_name.empty());
}

TEST(CommandLine, TakesEveryFlag) {
  const CommandLine line = parse({"--config",
                                  "/tmp",
                                  "--run-dir",
                                  "/run/x",
                                  "--node-name",
                                  "node-1",
                                  "--log-level",
                                  "debug",
                                  "--default-mode",
                                  "off",
                                  "--keep-kernel-state",
                                  "--pin-dir",
                                  "/sys/fs/bpf/x",
                                  "--metrics-address",
                                  "127.0.0.1:1",
                                  "--ready-address",
                                  "[::1]:2",
                                  "--admin-address",
                                  ":0",
                                  "--proxy-workers",
                                  "3"});
  ASSERT_TRUE(line.run) << line.text;
  EXPECT_EQ(line.options.node_name, "node-1");
  EXPECT_EQ(line.options.default_mode, config::Mode::kOff);
  EXPECT_TRUE(line.options.keep_kernel_state);
  EXPECT_EQ(line.options.metrics.text(), "127.0.0.1:1");
  EXPECT_EQ(line.options.ready.text(), "[::1]:2");
  EXPECT_EQ(line.options.proxy_workers, 3U);
}

struct BadFlag {
  std::vector<const char*> arguments;
  const char* says;
};

TEST(CommandLine, ABadFlagIsOneClearLineAndExitCode2) {
  const std::vector<BadFlag> bad = {
      {{}, "--config"},
      {{"--config", "/absent"}, "/absent"},
      {{"--config", "/tmp", "--frobnicate"}, "--frobnicate"},
      {{"--config", "/tmp", "--default-mode", "sidcar"}, "sidcar"},
      {{"--config", "/tmp", "--metrics-address", "localhost:1"}, "localhost:1"},
      {{"--config", "/tmp", "--ready-address", "1.2.3.4:70000"}, "70000"},
      {{"--config", "/tmp", "--proxy-workers", "0"}, "--proxy-workers"},
      {{"--config", "/tmp", "--log-level", "loud"}, "loud"},
      {{"--config", "/tmp", "stray"}, "stray"},
  };
  for (const BadFlag& flag : bad) {
    const CommandLine line = parse(flag.arguments);
    EXPECT_FALSE(line.run) << flag.says;
    EXPECT_EQ(line.exit_code, 2) << flag.says;
    EXPECT_THAT(line.text, HasSubstr(flag.says));
    EXPECT_EQ(line.text.find('\n'), line.text.size() - 1) << line.text;
  }
}

TEST(CommandLine, HelpAndVersionEndWell) {
  EXPECT_EQ(parse({"--help"}).exit_code, 0);
  EXPECT_THAT(parse({"--help"}).text, HasSubstr("--keep-kernel-state"));
  EXPECT_THAT(parse({"--version"}).text, HasSubstr("fairlead-agent 0."));
}

}  // namespace
}  // namespace fairlead::agent
