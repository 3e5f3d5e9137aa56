// Owns one libbpf skeleton: open -> settings -> load, freed at the end. Included only inside bpf/user, by the files
// that include a generated skeleton.
#pragma once

#include "bpf/user/maps.h"
#include "bpf/user/program.h"
#include "userspace-proxy/base/error.h"

#include <bpf/libbpf.h>

#include <memory>
#include <string>
#include <vector>

namespace fairlead::bpf {

// Sends libbpf's messages to our log at debug level; the verifier's words come out with --log-level debug.
void quieten_libbpf();

// Gives every declared map of the object the descriptor of the shared one, loads, and takes the programs out.
Result<std::vector<Program>> load_with(bpf_object* object, const Maps& maps);

// `S`: struct fl_NAME of NAME.skel.h.
template <class S>
class Skeleton {
 public:
  static Result<Skeleton> open() {
    quieten_libbpf();
    Skeleton skeleton(S::open());
    if (skeleton.owned_ == nullptr) {
      return fail_sys("opening a BPF object");
    }
    return skeleton;
  }

  S* operator->() { return owned_.get(); }
  [[nodiscard]] bpf_object* object() { return owned_->obj; }

 private:
  struct Destroy {
    void operator()(S* skeleton) const { S::destroy(skeleton); }
  };
  explicit Skeleton(S* skeleton) : owned_(skeleton) {}
  std::unique_ptr<S, Destroy> owned_;
};

}  // namespace fairlead::bpf
