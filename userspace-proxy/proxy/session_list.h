// The connections that a worker serves. A session puts itself in for its lifetime. Worker-local.
#pragma once

#include "userspace-proxy/io/socket.h"
#include "userspace-proxy/proxy/snapshot_pin.h"

#include <cstddef>
#include <cstdint>
#include <functional>

namespace fairlead::proxy {

class SessionList;

class Passage;

// What a session has open upstream now.
struct UpstreamNow {
  io::Socket* socket = nullptr;  // null: none
  uint64_t netns = 0;            // the namespace that it lives in: for pod_gone
  Passage* passage = nullptr;    // null: judged per request
};

// One served connection: what the worker may do to it from outside.
class Session {
 public:
  explicit Session(SessionList& list);
  virtual ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The worker drains: end now if idle between requests, else after the current one. Called now and then, until it has
  // ended.
  virtual void drain() = 0;
  // The pod is gone: end now if a socket of this session lives in that namespace.
  virtual void pod_gone(uint64_t netns) = 0;
  // The worker has another snapshot: end now if what was decided once for the whole connection is void.
  virtual void configured(const SnapshotPin& snapshot) = 0;

 private:
  friend class SessionList;
  SessionList& list_;
  Session* next_ = nullptr;
  Session* previous_ = nullptr;
};

class SessionList {
 public:
  [[nodiscard]] size_t size() const { return size_; }

  // Calls `visit` for each session; it may end that one session, not others.
  template <class Visit>
  void for_each(Visit visit) {
    for (Session* session = first_; session != nullptr;) {
      Session* const next = session->next_;
      visit(*session);
      session = next;
    }
  }

 private:
  friend class Session;
  Session* first_ = nullptr;
  size_t size_ = 0;
};

inline Session::Session(SessionList& list) : list_(list), next_(list.first_) {
  if (next_ != nullptr) {
    next_->previous_ = this;
  }
  list.first_ = this;
  ++list.size_;
}

inline Session::~Session() {
  (previous_ != nullptr ? previous_->next_ : list_.first_) = next_;
  if (next_ != nullptr) {
    next_->previous_ = previous_;
  }
  --list_.size_;
}

}  // namespace fairlead::proxy
