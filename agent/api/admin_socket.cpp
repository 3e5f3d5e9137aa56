#include "agent/api/admin_socket.h"

#include "agent/api/admin_session.h"

#include <fmt/format.h>
#include <grp.h>
#include <nlohmann/json.hpp>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

namespace fairlead::api {
namespace {

constexpr const char* kGroup = "fairlead";

long group_number() {
  const group* found = getgrnam(kGroup);
  return found == nullptr ? -1 : static_cast<long>(found->gr_gid);
}

}  // namespace

bool may_use_admin_socket(int socket, long group) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return false;
  }
  if (peer.uid == 0) {
    return true;
  }
  if (group < 0) {
    return false;
  }
  std::array<gid_t, 1024> groups;
  size = sizeof groups;
  if (peer.gid == static_cast<gid_t>(group)) {
    return true;
  }
  if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) != 0) {
    return false;
  }
  const std::span<const gid_t> theirs(groups.data(), size / sizeof(gid_t));
  return std::ranges::find(theirs, static_cast<gid_t>(group)) != theirs.end();
}

void Answer::line(const nlohmann::json& object) const {
  if (const auto session = session_.lock()) {
    session->send(object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  }
}

void Answer::done(nlohmann::json object) const {
  object["done"] = true;
  line(object);
}

void Answer::refuse(std::string_view why) const { done({{"error", why}}); }

Result<std::unique_ptr<AdminSocket>> AdminSocket::open(agent::Loop& loop, const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof address.sun_path) {
    return fail(fmt::format("{}: too long for a unix socket ({} characters at most); choose a shorter --run-dir", path,
                            sizeof address.sun_path - 1));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  unlink(path.c_str());
  Fd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener || bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail_sys(path);
  }
  const long group = group_number();
  const bool shared = group >= 0 && chown(path.c_str(), 0, static_cast<gid_t>(group)) == 0;
  if (chmod(path.c_str(), shared ? 0660 : 0600) != 0 || listen(listener.get(), 64) != 0) {
    return fail_sys(path);
  }
  return std::unique_ptr<AdminSocket>(new AdminSocket(loop, std::move(listener)));
}

AdminSocket::AdminSocket(agent::Loop& loop, Fd listener) : loop_(loop), listener_(std::move(listener)) {
  watch_ = loop_.watch(listener_.get(), EPOLLIN, [this](uint32_t) { accept_one(); });
}

AdminSocket::~AdminSocket() = default;

void AdminSocket::accept_one() {
  Fd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket || !may_use_admin_socket(socket.get(), group_number())) {
    return;
  }
  sessions_.push_back(std::make_shared<AdminSession>(*this, std::move(socket)));
  sessions_.back()->start(loop_);
}

void AdminSocket::dispatch(const std::string& line, const std::shared_ptr<AdminSession>& session) {
  const Answer answer(session);
  const auto request = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!request.is_object() || !request.contains("op") || !request["op"].is_string()) {
    answer.refuse("not a request: a JSON object with \"op\" is wanted");
    return;
  }
  const auto found = handlers_.find(request["op"].get_ref<const std::string&>());
  if (found == handlers_.end()) {
    answer.refuse(fmt::format("no such request: \"{}\"", request["op"].get_ref<const std::string&>()));
    return;
  }
  try {
    found->second(request, answer);
  } catch (const nlohmann::json::exception& error) {  // a member of another type than the handler reads
    answer.refuse(error.what());
  }
}

void AdminSocket::close(AdminSession* session) {
  sessions_.remove_if([&](const auto& item) { return item.get() == session; });
}

}  // namespace fairlead::api
