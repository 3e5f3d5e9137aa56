#include "bpf/user/features.h"

#include "bpf/user/object.h"
#include "userspace-proxy/base/fd.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <array>
#include <cstddef>

namespace fairlead::bpf {
namespace {

Probe program(const char* name, bpf_prog_type type, const char* meaning) {
  return {.name = name, .present = libbpf_probe_bpf_prog_type(type, nullptr) == 1, .meaning = meaning};
}

Probe map(const char* name, bpf_map_type type, const char* meaning) {
  return {.name = name, .present = libbpf_probe_bpf_map_type(type, nullptr) == 1, .meaning = meaning};
}

// What libbpf adapts programs by that read the kernel's structures (CO-RE).
bool has_kernel_btf() {
  btf* const types = btf__load_vmlinux_btf();
  const bool has = libbpf_get_error(types) == 0;
  if (has) {
    btf__free(types);
  }
  return has;
}

struct Helper {
  bpf_prog_type program;
  bpf_func_id number;
};

Probe helper(const char* name, Helper helper, const char* meaning) {
  return {.name = name,
          .present = libbpf_probe_bpf_helper(helper.program, helper.number, nullptr) == 1,
          .meaning = meaning};
}

}  // namespace

bool has_mptcp() {
  constexpr bpf_insn kLoadSocket{.code = BPF_LDX | BPF_MEM | BPF_DW,
                                 .dst_reg = BPF_REG_1,
                                 .src_reg = BPF_REG_1,
                                 .off = offsetof(bpf_sock_addr, sk),
                                 .imm = 0};
  constexpr bpf_insn kSkipIfNone{
      .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_1, .src_reg = 0, .off = 1, .imm = 0};
  constexpr bpf_insn kCall{
      .code = BPF_JMP | BPF_CALL, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = BPF_FUNC_skc_to_mptcp_sock};
  constexpr bpf_insn kProceed{
      .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = 1};
  constexpr bpf_insn kExit{.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0};
  constexpr std::array kProgram{kLoadSocket, kSkipIfNone, kCall, kProceed, kExit};
  bpf_prog_load_opts options{};
  options.sz = sizeof(options);
  options.expected_attach_type = BPF_CGROUP_INET4_CONNECT;
  const Fd program(
      bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "has_mptcp", "GPL", kProgram.data(), kProgram.size(), &options));
  return program.valid();
}

std::vector<Probe> probe_kernel() {
  quieten_libbpf();
  return {
      program("cgroup sock_addr programs", BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
              "no connection can be redirected or balanced"),
      program("sock_ops programs", BPF_PROG_TYPE_SOCK_OPS, "no identity between connect() and accept()"),
      program("sk_lookup programs (Linux 5.9)", BPF_PROG_TYPE_SK_LOOKUP, "nothing can be judged where it arrives"),
      program("cgroup sockopt programs", BPF_PROG_TYPE_CGROUP_SOCKOPT, "proxies cannot learn whom they serve"),
      {.name = "BTF of the kernel (CONFIG_DEBUG_INFO_BTF)",
       .present = has_kernel_btf(),
       .meaning = "sock_ops does not load: it reads a connection's byte counts"},
      map("ring buffer (Linux 5.8)", BPF_MAP_TYPE_RINGBUF, "no records of connections"),
      map("socket storage", BPF_MAP_TYPE_SK_STORAGE, "our own sockets cannot be told from a pod's"),
      map("sockhash", BPF_MAP_TYPE_SOCKHASH, "no inbound listeners"),
      map("LPM trie", BPF_MAP_TYPE_LPM_TRIE, "no ipBlocks in policies"),
      helper("netns cookie in connect hooks (Linux 5.7)", {BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_get_netns_cookie},
             "pods cannot be told apart"),
      helper("netns cookie in sock_ops (Linux 5.15)", {BPF_PROG_TYPE_SOCK_OPS, BPF_FUNC_get_netns_cookie},
             "pods cannot be told apart"),
      helper("bpf_sk_assign in sk_lookup", {BPF_PROG_TYPE_SK_LOOKUP, BPF_FUNC_sk_assign}, "no inbound listeners"),
      helper("bpf_set_retval in connect hooks (Linux 5.18)", {BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_set_retval},
             "refused connections end with EPERM instead of ECONNREFUSED"),
      {.name = "MPTCP sockets in connect hooks (Linux 5.19)",
       .present = has_mptcp(),
       .meaning = "an MPTCP client sees the endpoint as its peer, not what it dialled"},
  };
}

}  // namespace fairlead::bpf
