#include "agent/broker/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace fairlead::agent_broker {
namespace {

constexpr int kFirstFd = 3;
constexpr size_t kMaxGivenFds = 64;

// What the child failed at; sent up a pipe that closes by itself when exec succeeds.
struct ChildFailure {
  int errno_value;
  char step[32];
};

// Everything from fork to exec. Only system calls: the child shares nothing with the agent but copies.
class Child {
 public:
  Child(const Launch& launch, int program_fd, int report_fd)
      : launch_(launch), program_(program_fd), report_(report_fd) {}

  [[noreturn]] void run(char* const* arguments, char* const* environment) {
    reset_signals();
    setsid();
    if (!launch_.directory.empty()) {
      must(chdir(launch_.directory.c_str()), "chdir");
    }
    arrange_fds();
    if (netns_ >= 0) {
      must(setns(netns_, CLONE_NEWNET), "setns");
    }
    raise_open_files();
    give_up_privileges();
    // Only now: dup2 in arrange_fds has cleared the flag of those that the child keeps.
    must(static_cast<int>(syscall(SYS_close_range, kFirstFd + launch_.fds.size(), ~0U, CLOSE_RANGE_CLOEXEC)),
         "close_range");
    syscall(SYS_execveat, program_, "", arguments, environment, AT_EMPTY_PATH);
    give_up("exec");
  }

 private:
  [[noreturn]] void give_up(const char* step) const {
    ChildFailure failure{errno, {}};
    strncpy(failure.step, step, sizeof failure.step - 1);
    [[maybe_unused]] const ssize_t ignored = write(report_, &failure, sizeof failure);
    _exit(127);
  }

  void must(int result, const char* step) const {
    if (result < 0) {
      give_up(step);
    }
  }

  static void reset_signals() {
    for (int number = 1; number < 32; ++number) {
      ::signal(number, SIG_DFL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
  }

  // First out of the way of the numbers to be given, then to their places.
  void arrange_fds() {
    const int clear = kFirstFd + static_cast<int>(launch_.fds.size());
    must(program_ = fcntl(program_, F_DUPFD_CLOEXEC, clear), "dup");
    must(report_ = fcntl(report_, F_DUPFD_CLOEXEC, clear), "dup");
    std::array<int, kMaxGivenFds> moved;
    const size_t count = std::min(launch_.fds.size(), moved.size());
    for (size_t i = 0; i < count; ++i) {
      must(moved[i] = fcntl(launch_.fds[i], F_DUPFD_CLOEXEC, clear), "dup");
    }
    if (launch_.netns_fd >= 0) {
      must(netns_ = fcntl(launch_.netns_fd, F_DUPFD_CLOEXEC, clear), "dup");
    }
    for (size_t i = 0; i < count; ++i) {
      must(dup2(moved[i], kFirstFd + static_cast<int>(i)), "dup2");
    }
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    must(null, "/dev/null");
    must(dup2(null, STDIN_FILENO), "dup2");
    must(dup2(STDERR_FILENO, STDOUT_FILENO), "dup2");
  }

  void raise_open_files() const {
    rlimit limit{};
    if (launch_.max_open_files == 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0) {
      return;
    }
    const rlimit wanted{launch_.max_open_files, std::max(launch_.max_open_files, limit.rlim_max)};
    if (setrlimit(RLIMIT_NOFILE, &wanted) != 0) {
      limit.rlim_cur = std::min(launch_.max_open_files, limit.rlim_max);
      setrlimit(RLIMIT_NOFILE, &limit);
    }
  }

  void give_up_privileges() const {
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; ++capability) {
      prctl(PR_CAPBSET_DROP, capability);  // needs CAP_SETPCAP; without it no_new_privs does the same
    }
    must(setgroups(0, nullptr), "setgroups");
    must(setresgid(launch_.gid, launch_.gid, launch_.gid), "setresgid");
    must(setresuid(launch_.uid, launch_.uid, launch_.uid), "setresuid");
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const std::array<__user_cap_data_struct, 2> nothing{};
    must(static_cast<int>(syscall(SYS_capset, &header, nothing.data())), "capset");
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
  }

  const Launch& launch_;
  int program_;
  int report_;
  int netns_ = -1;
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (std::string& text : texts) {
    list.push_back(text.data());
  }
  list.push_back(nullptr);
  return list;
}

}  // namespace

std::string describe_exit(int wait_status) {
  if (wait_status == kUnknownExit) {
    return "how is not known: another agent started it";
  }
  if (WIFSIGNALED(wait_status)) {
    return fmt::format("signal {} ({})", WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
  }
  return fmt::format("exit code {}", WEXITSTATUS(wait_status));
}

Result<std::unique_ptr<Process>> Process::start(agent::Loop& loop, const Launch& launch, OnExit on_exit) {
  const Fd program(open(launch.executable.c_str(), O_PATH | O_CLOEXEC));
  if (!program) {
    return fail_sys(launch.executable);
  }
  std::array<int, 2> ends;
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail_sys("pipe2");
  }
  Fd read_end(ends[0]), write_end(ends[1]);

  std::vector<std::string> arguments = launch.arguments;
  arguments.insert(arguments.begin(), launch.executable.substr(launch.executable.rfind('/') + 1));
  std::vector<std::string> environment;
  if (const char* zone = std::getenv("TZ")) {
    environment.push_back(fmt::format("TZ={}", zone));
  }
  const std::vector<char*> argument_list = pointers(arguments), environment_list = pointers(environment);

  const pid_t pid = fork();
  if (pid < 0) {
    return fail_sys("fork");
  }
  if (pid == 0) {
    Child(launch, program.get(), write_end.get()).run(argument_list.data(), environment_list.data());
  }
  Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  write_end.reset();
  ChildFailure failure{};
  if (read(read_end.get(), &failure, sizeof failure) == sizeof failure) {
    waitpid(pid, nullptr, 0);
    return fail_sys(fmt::format("{}: {}", launch.executable, failure.step), failure.errno_value);
  }
  if (!pidfd) {
    return fail_sys("pidfd_open");
  }
  auto process = std::unique_ptr<Process>(new Process(pid, std::move(pidfd)));
  process->watch_ = loop.watch(process->pidfd_.get(), EPOLLIN, [pid, on_exit = std::move(on_exit)](uint32_t) {
    int status = 0;
    if (waitpid(pid, &status, WNOHANG) == pid) {
      on_exit(status);
    }
  });
  return process;
}

std::unique_ptr<Process> Process::adopt(agent::Loop& loop, pid_t pid, Fd pidfd, OnExit on_exit) {
  auto process = std::unique_ptr<Process>(new Process(pid, std::move(pidfd)));
  process->watch_ =
      loop.watch(process->pidfd_.get(), EPOLLIN, [on_exit = std::move(on_exit)](uint32_t) { on_exit(kUnknownExit); });
  return process;
}

bool Process::lives() const {
  pollfd exited{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
  return poll(&exited, 1, 0) == 0;
}

void Process::signal(int number) const { syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0); }

}  // namespace fairlead::agent_broker
