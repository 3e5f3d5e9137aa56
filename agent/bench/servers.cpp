#include "agent/bench/servers.h"

#include "agent/bench/ask.h"
#include "agent/bench/stock/nginx.h"
#include "agent/bench/stock/serving.h"
#include "agent/host/file.h"

#include <fmt/format.h>

namespace fairlead::bench {
namespace {

// The small page from memory, the others as files, which is how a server would have them.
std::string server_config(const std::string& folder) {
  return nginx_head(folder) + fmt::format(
                                  "  access_log off; sendfile on; open_file_cache max=16;\n"
                                  "  server {{\n    listen {0}; listen {1}; listen {4}; default_type text/plain;\n"
                                  "    location / {{ root {2}/pages; }}\n    location = / {{ return 200 \"{3}\"; }}\n"
                                  "    location /close/ {{ keepalive_timeout 0; alias {2}/pages/; }}\n"
                                  "    location = /close/ {{ keepalive_timeout 0; return 200 \"{3}\"; }}\n  }}\n}}\n",
                                  kHttpPort, kTcpPort, folder, std::string(Load::kBodyBytes, 'x'), kRestPort);
}

std::string file_of(unsigned bytes) { return bytes == Load::kBodyBytes ? "/" : "/" + size_name(bytes); }

}  // namespace

std::string page_of(const Load& load) {
  return (load.life == Connections::kServerClose ? "/close" : "") + file_of(load.bytes);
}

Result<Process> start_server(const Stage& stage, const std::vector<int>& cpus, const Interrupt& interrupt) {
  const std::string folder = stage.folder() + "/server", file = folder + "/nginx.conf";
  if (const Status made = host::make_folder(folder + "/pages"); !made) {
    return std::unexpected(made.error());
  }
  for (const unsigned bytes : kBodySizes) {
    const Status written = bytes != Load::kBodyBytes
                               ? host::replace_file(folder + "/pages" + file_of(bytes), std::string(bytes, 'x'))
                               : Status();
    if (!written) {
      return std::unexpected(written.error());
    }
  }
  if (const Status written = host::replace_file(file, server_config(folder)); !written) {
    return std::unexpected(written.error());
  }
  return start_serving({.folder = folder,
                        .argv = {find_program("nginx"), "-c", file},
                        .place = {stage.server().netns, cpus},
                        .is_ready = [&] { return is_listening(folder + "/counts"); }},
                       interrupt);
}

}  // namespace fairlead::bench
