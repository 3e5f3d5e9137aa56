// RUN_DIR/fairlead.sock: how the `fairlead` command speaks to a running agent. One JSON object per line in each
// direction; any number of requests on a connection, answered in order of completion of each. docs/admin-socket.md has
// the requests.
//
// Who may: uid 0, and members of group `fairlead` where that group exists (SO_PEERCRED, SO_PEERGROUPS). Main thread
// only.
#pragma once

#include "agent/loop.h"
#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace fairlead::api {

class AdminSession;

// The way back to whoever asked; may be kept and used later. Sends nothing once the peer is gone.
class Answer {
 public:
  explicit Answer(std::weak_ptr<AdminSession> session) : session_(std::move(session)) {}
  // One line of several.
  void line(const nlohmann::json& object) const;
  // The last line; gets "done": true.
  void done(nlohmann::json object) const;
  // The last line, for a request that is refused: {"error": TEXT, "done": true}.
  void refuse(std::string_view why) const;
  [[nodiscard]] bool wanted() const { return !session_.expired(); }

 private:
  std::weak_ptr<AdminSession> session_;
};

class AdminSocket {
 public:
  using Handler = std::function<void(const nlohmann::json& request, const Answer& answer)>;

  // Binds and listens; an old socket file is replaced (whoever calls holds the run-dir's lock).
  static Result<std::unique_ptr<AdminSocket>> open(agent::Loop& loop, const std::string& path);
  ~AdminSocket();
  AdminSocket(const AdminSocket&) = delete;
  AdminSocket& operator=(const AdminSocket&) = delete;

  // Requests {"op": NAME, ...} go to `handler`.
  void on(std::string op, Handler handler) { handlers_.insert_or_assign(std::move(op), std::move(handler)); }

 private:
  friend class AdminSession;
  AdminSocket(agent::Loop& loop, Fd listener);
  void accept_one();
  void dispatch(const std::string& line, const std::shared_ptr<AdminSession>& session);
  void close(AdminSession* session);

  agent::Loop& loop_;
  Fd listener_;
  agent::Loop::Watch watch_;
  std::map<std::string, Handler, std::less<>> handlers_;
  std::list<std::shared_ptr<AdminSession>> sessions_;
};

// Whether the peer of a connected unix socket is uid 0 or in the group (by number; -1: no such group).
bool may_use_admin_socket(int socket, long group);

}  // namespace fairlead::api
