#include "bpf/user/object.h"

#include "userspace-proxy/base/log.h"

#include <fcntl.h>

#include <cstdarg>
#include <cstdio>

namespace fairlead::bpf {
namespace {

int log_libbpf(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) {
    return 0;
  }
  char text[2048];  // longer ones are verifier logs: their beginning tells the program, `scripts/veristat` the rest
  const int length = std::vsnprintf(text, sizeof(text), format, arguments);
  std::string_view line(text, std::min<size_t>(std::max(length, 0), sizeof(text) - 1));
  while (line.ends_with('\n')) {
    line.remove_suffix(1);
  }
  log::debug("{}", line);
  return length;
}

}  // namespace

void quieten_libbpf() { libbpf_set_print(log_libbpf); }

Result<std::vector<Program>> load_with(bpf_object* object, const Maps& maps) {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    if (bpf_map__is_internal(map)) {  // .rodata: the object's own
      continue;
    }
    const auto shared = maps.descriptors.find(bpf_map__name(map));
    if (shared == maps.descriptors.end()) {
      return fail(std::string("no shared map ") + bpf_map__name(map));
    }
    if (const int error = bpf_map__reuse_fd(map, shared->second); error != 0) {
      return fail_sys(bpf_map__name(map), -error);
    }
  }
  if (const int error = bpf_object__load(object); error != 0) {
    return fail_sys(std::string("loading BPF object ") + bpf_object__name(object), -error);
  }
  std::vector<Program> programs;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    Fd fd(fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 0));
    if (!fd) {
      return fail_sys(bpf_program__name(program));
    }
    programs.push_back({.name = bpf_program__name(program),
                        .attach_type = static_cast<uint32_t>(bpf_program__expected_attach_type(program)),
                        .fd = std::move(fd)});
  }
  return programs;
}

}  // namespace fairlead::bpf
