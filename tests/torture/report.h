// What the run found: failures in words, and how much of everything there was. Any thread.
#pragma once

#include "tests/torture/plan.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>

namespace fairlead::torture {

// One direction, as its two ends see it. Payload bytes.
struct Flow {
  std::atomic<uint64_t> sent{0}, received{0};

  // What the sender got rid of and the reader has not taken: in sockets, and in what lies between.
  [[nodiscard]] uint64_t unread() const {
    const uint64_t taken = received.load(), given = sent.load();
    return given > taken ? given - taken : 0;
  }
};

struct Connection {
  Plan plan;
  Flow up, down;
  std::atomic<bool> client_done{false}, server_begun{false}, server_done{false};
  std::atomic<bool> failed{false};
};

class Report {
 public:
  // Remembers the first failure of a connection.
  void fail(Connection& connection, const std::string& words);
  void fail(const std::string& words);
  [[nodiscard]] bool failed() const;

  void count(const EndPlan& plan);
  void stalled(uint64_t unread);

  // The figures as one JSON object.
  [[nodiscard]] std::string json(const std::deque<Connection>& connections) const;

  std::atomic<uint64_t> kept{0};           // exchanges on a connection that had one before
  std::atomic<uint64_t> resets_as_end{0};  // the peer reset, the reader saw an orderly end
  std::atomic<uint64_t> resets_seen{0};    // and those where it saw an error
  std::atomic<uint64_t> switches{0};
  std::atomic<uint64_t> moved{0};  // bytes, of whatever direction: shows that something goes on

 private:
  static constexpr size_t kMostWords = 20;

  std::array<std::atomic<uint64_t>, static_cast<size_t>(Sending::kCount)> sending_{};
  std::array<std::atomic<uint64_t>, static_cast<size_t>(Receiving::kCount)> receiving_{};
  std::array<std::atomic<uint64_t>, static_cast<size_t>(Waiting::kCount)> waiting_{};
  std::atomic<uint64_t> stalls_{0}, most_unread_{0};
  mutable std::mutex mutex_;
  uint64_t failures_ = 0;
};

}  // namespace fairlead::torture
