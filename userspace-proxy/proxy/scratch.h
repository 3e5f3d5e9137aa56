// What a request needs while it is under way, kept for the next one: a connection between requests holds none of it
// (a parsed head alone takes 3 KiB). Worker-local.
#pragma once

#include "userspace-proxy/http/forward.h"
#include "userspace-proxy/http/h1.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::proxy {

// Header operations of a route in the form that the codec takes; refers to the snapshot's texts.
struct EditStorage {
  struct Level {
    size_t first, set, add, first_name, remove;
  };
  std::vector<http::Field> fields;
  std::vector<std::string_view> names;
  std::vector<Level> levels;
  std::vector<http::FieldEdits> edits;

  void clear() {
    fields.clear();
    names.clear();
    levels.clear();
    edits.clear();
  }
  // Spans into `fields` and `names`, which must not grow any more.
  std::span<const http::FieldEdits> finish() {
    for (const Level& level : levels) {
      const std::span<const http::Field> all(fields);
      edits.push_back({.set = all.subspan(level.first, level.set),
                       .add = all.subspan(level.first + level.set, level.add),
                       .remove = std::span<const std::string_view>(names).subspan(level.first_name, level.remove)});
    }
    return edits;
  }
};

struct Scratch {
  http::RequestHead head;
  http::RequestHead edited_head;  // as the destination sees it, where the route changes something
  http::ResponseHead response;
  std::string to_upstream, to_client;  // framed bytes on their way out
  EditStorage edits;
  bool rewritten = false;  // target or authority differ from what the client sent
  std::string texts;       // method, authority and target, where the head does not stay in its buffer
};

class ScratchPool {
 public:
  class Lease {
   public:
    Lease(ScratchPool& pool, std::unique_ptr<Scratch> scratch) : pool_(&pool), scratch_(std::move(scratch)) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { pool_->give_back(std::move(scratch_)); }
    Scratch* operator->() const { return scratch_.get(); }
    Scratch& operator*() const { return *scratch_; }

   private:
    ScratchPool* pool_;
    std::unique_ptr<Scratch> scratch_;
  };

  Lease take() {
    if (free_.empty()) {
      return {*this, std::make_unique<Scratch>()};
    }
    auto scratch = std::move(free_.back());
    free_.pop_back();
    return {*this, std::move(scratch)};
  }

 private:
  static constexpr size_t kKeep = 16;
  static constexpr size_t kKeepCapacity = 64 * 1024;

  void give_back(std::unique_ptr<Scratch> scratch) {
    scratch->to_upstream.clear();
    scratch->to_client.clear();
    scratch->texts.clear();
    if (free_.size() < kKeep && scratch->to_upstream.capacity() + scratch->to_client.capacity() <= kKeepCapacity) {
      free_.push_back(std::move(scratch));
    }
  }

  std::vector<std::unique_ptr<Scratch>> free_;
};

}  // namespace fairlead::proxy
