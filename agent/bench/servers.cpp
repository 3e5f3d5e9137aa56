#include "agent/bench/servers.h"

#include "agent/host/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>

namespace fairlead::bench {
namespace {

// Of both proxies of a pair, each in its own pod.
constexpr uint16_t port_of(StockPair::Kind kind) { return kind == StockPair::Kind::kNginx ? 15101 : 15102; }
constexpr std::chrono::seconds kPatience(10);

// What every nginx here begins with. One process: no second one that has to be found, pinned and ended.
// FOLDER is where it may write.
constexpr std::string_view kNginxHead =
    "daemon off;\nmaster_process off;\nworker_processes 1;\nuser root;\npid {0}/pid;\nerror_log stderr warn;\n"
    "events {{ worker_connections 8192; }}\n"
    "http {{\n"
    "  keepalive_requests 1000000000;\n  keepalive_timeout 1h;\n"
    "  client_body_temp_path {0}/tmp; proxy_temp_path {0}/tmp; fastcgi_temp_path {0}/tmp;\n"
    "  uwsgi_temp_path {0}/tmp; scgi_temp_path {0}/tmp;\n"
    "  server {{ listen unix:{0}/counts; access_log off; location / {{ stub_status; }} }}\n";

// The small page from memory, the others as files, which is how a server would have them.
std::string server_config(const std::string& folder) {
  return fmt::format(kNginxHead, folder) +
         fmt::format(
             "  access_log off; sendfile on; open_file_cache max=16;\n"
             "  server {{\n    listen {}; listen {}; default_type text/plain;\n"
             "    location / {{ root {}/pages; }}\n    location = / {{ return 200 \"{}\"; }}\n  }}\n}}\n",
             kHttpPort, kTcpPort, folder, std::string(Load::kBodyBytes, 'x'));
}

std::string nginx_proxy_config(const std::string& folder, const std::string& upstream) {
  constexpr std::string_view kBody =
      "  access_log {0}/access.log combined buffer=64k;\n"
      "  map $http_canary $pool {{ default stable; \"true\" canary; }}\n"
      "  upstream stable {{ server {1}; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 1h; }}\n"
      "  upstream canary {{ server {1}; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 1h; }}\n"
      "  server {{\n"
      "    listen {2};\n"
      "    location /admin {{ return 403; }}\n"
      "    location / {{\n"
      "      proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $host;\n"
      "      proxy_pass http://$pool;\n"
      "    }}\n  }}\n}}\n";
  return fmt::format(kNginxHead, folder) + fmt::format(kBody, folder, upstream, port_of(StockPair::Kind::kNginx));
}

std::string haproxy_config(const std::string& folder, const std::string& upstream) {
  constexpr std::string_view kText =
      "global\n"
      "  nbthread 1\n  maxconn 8192\n  stats socket {0}/counts level user\n  log ring@records format raw local0 info\n"
      "ring records\n"
      "  format raw\n  maxlen 1200\n  size 524288\n"
      "defaults\n"
      "  mode http\n  log global\n  option httplog\n  option http-keep-alive\n  http-reuse always\n"
      "  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n  timeout http-keep-alive 1h\n"
      "frontend in\n"
      "  bind :{2}\n"
      "  http-request deny if {{ path_beg /admin }}\n"
      "  use_backend canary if {{ req.hdr(canary) true }}\n"
      "  default_backend stable\n"
      "backend stable\n  server app {1}\n"
      "backend canary\n  server app {1}\n";
  return fmt::format(kText, folder, upstream, port_of(StockPair::Kind::kHaproxy));
}

Result<Fd> connect_to(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof address.sun_path) {
    return fail(path + ": too long for a unix socket");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket || connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail_sys(path);
  }
  return socket;
}

Result<std::string> ask(const std::string& path, std::string_view question) {
  auto socket = connect_to(path);
  if (!socket) {
    return std::unexpected(socket.error());
  }
  if (send(socket->get(), question.data(), question.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(question.size())) {
    return fail_sys(path);
  }
  std::string answer;
  std::array<char, 4096> buffer;
  for (ssize_t count; (count = read(socket->get(), buffer.data(), buffer.size())) > 0;) {
    answer.append(buffer.data(), static_cast<size_t>(count));
  }
  return answer;
}

Status write_new(const std::string& path, std::string_view text) {
  const Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file || write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return fail_sys(path);
  }
  return {};
}

// Starts a server that answers on FOLDER/counts when it is ready.
Result<Process> start_in(const std::string& folder, const std::vector<std::string>& argv, const Place& place,
                         const Interrupt& interrupt) {
  const std::string log = folder + "/output.log";
  const Fd output(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!output) {
    return fail_sys(log);
  }
  auto process = Process::exec(argv, place, {.input = -1, .output = output.get()});
  const Clock::time_point until = Clock::now() + kPatience;
  while (process && !connect_to(folder + "/counts")) {
    if (!process->is_running() || Clock::now() > until) {
      const auto told = host::read_file(log);
      return fail(fmt::format("{} does not start: {}", argv.front(), told ? last_line(*told) : ""));
    }
    if (const Status slept = interrupt.sleep(std::chrono::milliseconds(10)); !slept) {
      return std::unexpected(slept.error());
    }
  }
  return process;
}

// The number after the third blank-separated word of nginx's "server accepts handled requests" line; HAProxy's CumReq.
uint64_t number_after(std::string_view text, std::string_view key, int skip) {
  size_t at = text.find(key);
  if (at == std::string_view::npos) {
    return 0;
  }
  text.remove_prefix(at + key.size());
  uint64_t value = 0;
  for (int i = 0; i <= skip; ++i) {
    text.remove_prefix(std::min(text.find_first_of("0123456789"), text.size()));
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    text.remove_prefix(static_cast<size_t>(end - text.data()));
  }
  return value;
}

}  // namespace

std::string page_of(unsigned bytes) {
  return bytes == Load::kBodyBytes ? "/"
                                   : fmt::format("/{}{}", bytes >= 1024 * 1024 ? bytes / (1024 * 1024) : bytes / 1024,
                                                 bytes >= 1024 * 1024 ? "m" : "k");
}

Result<Process> start_server(const Stage& stage, const std::vector<int>& cpus, const Interrupt& interrupt) {
  const std::string folder = stage.folder() + "/server", file = folder + "/nginx.conf";
  if (mkdir(folder.c_str(), 0755) != 0) {
    return fail_sys(folder);
  }
  if (mkdir((folder + "/pages").c_str(), 0755) != 0) {
    return fail_sys(folder + "/pages");
  }
  for (const unsigned bytes : kBodySizes) {
    if (bytes == Load::kBodyBytes) {
      continue;
    }
    if (const Status written = write_new(folder + "/pages" + page_of(bytes), std::string(bytes, 'x')); !written) {
      return std::unexpected(written.error());
    }
  }
  if (const Status written = write_new(file, server_config(folder)); !written) {
    return std::unexpected(written.error());
  }
  return start_in(folder, {find_program("nginx"), "-c", file}, {stage.server().netns, cpus}, interrupt);
}

Result<StockPair> StockPair::start(Kind kind, const Stage& stage, const std::vector<int>& cpus,
                                   const Interrupt& interrupt) {
  StockPair pair(kind);
  const char* program = kind == Kind::kNginx ? "nginx" : "haproxy";
  const std::string server_side = fmt::format("127.0.0.1:{}", kHttpPort);
  const std::string client_side = fmt::format("{}:{}", stage.server().address, port_of(kind));
  for (const auto& [pod, upstream] : {std::pair(&stage.server(), &server_side), {&stage.client(), &client_side}}) {
    const std::string folder = fmt::format("{}/{}-{}", stage.folder(), program, pod->name);
    const std::string file = folder + "/proxy.conf";
    if (mkdir(folder.c_str(), 0755) != 0) {
      return fail_sys(folder);
    }
    const std::string text =
        kind == Kind::kNginx ? nginx_proxy_config(folder, *upstream) : haproxy_config(folder, *upstream);
    if (const Status written = write_new(file, text); !written) {
      return std::unexpected(written.error());
    }
    std::vector<std::string> argv = {find_program(program), kind == Kind::kNginx ? "-c" : "-f", file};
    if (kind == Kind::kHaproxy) {
      argv.insert(argv.begin() + 1, "-db");  // in the foreground
    }
    auto process = start_in(folder, argv, {pod->netns, cpus}, interrupt);
    if (!process) {
      return std::unexpected(process.error());
    }
    pair.processes_.push_back(std::move(*process));
    pair.sockets_.push_back(folder + "/counts");
    if (kind == Kind::kNginx) {
      pair.logs_.push_back(folder + "/access.log");
    }
  }
  return pair;
}

Endpoint StockPair::entrance() const { return {"127.0.0.1", port_of(kind_)}; }

Result<std::vector<uint64_t>> StockPair::counts() const {
  std::vector<uint64_t> counts;
  for (const std::string& socket : sockets_) {
    const auto told = ask(socket, kind_ == Kind::kNginx ? "GET / HTTP/1.0\r\n\r\n" : "show info\n");
    if (!told) {
      return std::unexpected(told.error());
    }
    counts.push_back(kind_ == Kind::kNginx ? number_after(*told, "requests", 2) : number_after(*told, "CumReq:", 0));
  }
  return counts;
}

void StockPair::empty_logs() const {
  for (const std::string& log : logs_) {
    [[maybe_unused]] const int ignored = truncate(log.c_str(), 0);  // it only saves space
  }
}

}  // namespace fairlead::bench
