#include "agent/bench/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace fairlead::bench {
namespace {

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    sigaddset(&set, number);
  }
  return set;
}

// As a shell would start it in the background: no blocked signals, a process group of its own (Ctrl-C reaches us
// alone). Not a session of its own: the scheduler's autogroups would weigh each child like a login.
bool become_child(const Place& place, Streams streams, pid_t parent) {
  setpgid(0, 0);
  // Ended with us even if we are killed. Checked afterwards: the parent may have gone before the call.
  if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent) {
    return false;
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (!place.netns.empty()) {
    const int netns = open(place.netns.c_str(), O_RDONLY | O_CLOEXEC);
    if (netns < 0 || setns(netns, CLONE_NEWNET) != 0) {
      return false;
    }
  }
  if (!place.cpus.empty()) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int cpu : place.cpus) {
      CPU_SET(static_cast<size_t>(cpu), &set);
    }
    if (sched_setaffinity(0, sizeof set, &set) != 0) {
      return false;
    }
  }
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) {
    return false;
  }
  const int in = streams.input < 0 ? null : streams.input, out = streams.output < 0 ? null : streams.output;
  return dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 && dup2(out, STDERR_FILENO) >= 0;
}

Fd memory_file(std::string_view content) {
  Fd file(memfd_create("fairlead-bench", MFD_CLOEXEC));
  if (file && (write(file.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size()) ||
               lseek(file.get(), 0, SEEK_SET) != 0)) {
    file.reset();
  }
  return file;
}

double microseconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
}

}  // namespace

Interrupt::Interrupt() {
  const sigset_t set = watched_signals();
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signals_ = Fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

Interrupt::~Interrupt() {
  // Those that came have been heard; given back unread, they would end the process before it tells its exit code.
  signalfd_siginfo heard;
  while (read(signals_.get(), &heard, sizeof heard) == sizeof heard) {
  }
  const sigset_t set = watched_signals();
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

Status Interrupt::wait(int fd, Clock::time_point until) const {
  std::array<pollfd, 2> wanted{
      {{.fd = signals_.get(), .events = POLLIN, .revents = 0}, {.fd = fd, .events = POLLIN, .revents = 0}}};
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    const int ready = poll(wanted.data(), wanted.size(), static_cast<int>(std::clamp<int64_t>(left, 0, 60'000)));
    if (ready < 0 && errno != EINTR) {
      return fail_sys("poll");
    }
    if (ready > 0 && wanted[0].revents != 0) {
      return fail("interrupted");  // never read: whoever waits next is told too
    }
    if (ready > 0 || left <= 0) {
      return {};
    }
  }
}

bool Ended::is_success() const { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }

Result<Process> Process::start(const std::function<int()>& body, const Place& place, Streams streams) {
  std::array<int, 2> pipe_ends{};
  if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0) {
    return fail_sys("pipe");
  }
  Fd reading(pipe_ends[0]), writing(pipe_ends[1]);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) {
    return fail_sys("fork");
  }
  if (pid == 0) {
    reading.reset();
    int error = 0;
    int code = 127;
    if (become_child(place, streams, parent)) {
      code = body();  // returns only if there was no exec, or none was wanted
    }
    error = errno;
    [[maybe_unused]] const ssize_t told = write(writing.get(), &error, sizeof error);
    _exit(code);
  }
  writing.reset();
  Process process;
  process.pid_ = pid;
  process.pidfd_ = Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  int error = 0;
  if (read(reading.get(), &error, sizeof error) == sizeof error) {
    return fail_sys("starting a process", error);
  }
  return process;
}

Result<Process> Process::exec(const std::vector<std::string>& argv, const Place& place, Streams streams) {
  std::vector<char*> raw;
  raw.reserve(argv.size() + 1);
  for (const std::string& argument : argv) {
    raw.push_back(const_cast<char*>(argument.c_str()));
  }
  raw.push_back(nullptr);
  auto process = start(
      [&] {
        execvp(raw[0], raw.data());
        return 127;
      },
      place, streams);
  return process ? std::move(process) : fail(process.error(), argv.front());
}

Result<Process> Process::call(const std::function<int()>& body, const Place& place, Streams streams) {
  return start(
      [&] {
        close_range(3, ~0U, 0);  // locks of ours among them; and the pipe, which tells the parent that we run
        const int code = body();
        _exit(code);
        return code;
      },
      place, streams);
}

void Process::swap(Process& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
}

bool Process::is_running() const {
  siginfo_t told{};
  return pid_ != 0 && waitid(P_PID, static_cast<id_t>(pid_), &told, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         told.si_pid == 0;
}

void Process::signal(int number) const {
  if (pid_ != 0) {
    kill(pid_, number);  // not yet waited for: the number is still its own
  }
}

Ended Process::reap() {
  Ended ended;
  rusage usage{};
  wait4(pid_, &ended.status, 0, &usage);
  ended.usage = {.cpu_us = microseconds(usage.ru_utime) + microseconds(usage.ru_stime),
                 .user_us = microseconds(usage.ru_utime),
                 .system_us = microseconds(usage.ru_stime),
                 .context_switches = static_cast<uint64_t>(usage.ru_nvcsw + usage.ru_nivcsw)};
  pid_ = 0;
  pidfd_.reset();
  return ended;
}

Result<Ended> Process::wait(const Interrupt& interrupt, Clock::time_point until) {
  if (pid_ == 0) {
    return fail("the process has ended already");
  }
  if (const Status woken = interrupt.wait(pidfd_.get(), until); !woken) {
    return std::unexpected(woken.error());
  }
  if (is_running()) {
    return fail("it has not ended in time");
  }
  return reap();
}

void Process::end(std::chrono::milliseconds grace) {
  if (pid_ == 0) {
    return;
  }
  signal(SIGTERM);
  pollfd ended{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
  // An interrupted poll only shortens the grace; our signals are blocked, so there is none.
  if (poll(&ended, 1, static_cast<int>(grace.count())) <= 0) {
    signal(SIGKILL);
  }
  reap();
}

Result<std::string> run(const std::vector<std::string>& argv, const Interrupt& interrupt, std::string_view input) {
  const Fd given = memory_file(input), output = memory_file({});
  if (!given || !output) {
    return fail_sys("memfd_create");
  }
  auto process = Process::exec(argv, {}, {.input = given.get(), .output = output.get()});
  if (!process) {
    return std::unexpected(process.error());
  }
  const auto ended = process->wait(interrupt, Clock::now() + std::chrono::seconds(30));
  if (!ended) {
    return fail(ended.error(), argv.front());
  }
  std::string text = content_of(output.get());
  if (!ended->is_success()) {
    return fail(fmt::format("{}: {}", fmt::join(argv, " "), last_line(text)));
  }
  return text;
}

std::string find_program(std::string_view name) {
  const char* path = std::getenv("PATH");
  std::string places = fmt::format("{}:/usr/sbin:/usr/local/sbin", path != nullptr ? path : "/usr/bin:/bin");
  for (std::string_view rest = places; !rest.empty();) {
    const size_t end = std::min(rest.find(':'), rest.size());
    const std::string candidate = fmt::format("{}/{}", rest.substr(0, end), name);
    if (access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {};
}

std::string content_of(int fd) {
  std::string text;
  std::array<char, 16 * 1024> buffer;
  off_t at = 0;
  for (ssize_t count; (count = pread(fd, buffer.data(), buffer.size(), at)) > 0; at += count) {
    text.append(buffer.data(), static_cast<size_t>(count));
  }
  return text;
}

std::string_view last_line(std::string_view text) {
  while (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace fairlead::bench
