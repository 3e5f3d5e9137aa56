// A directory of manifests as the source of objects (design, section 5). Owned by the agent's loop; one thread.
//
// Which files count is said in model/files.h. An object that is refused keeps its last good version in force, as does
// every object of a document or file that cannot be read; a deleted file takes its objects along. If the directory
// itself cannot be read, everything stays as it was. Last good versions live in memory only: after a restart a refused
// object is not there. Of two files with the same object the first by name counts.
#pragma once

#include "agent/model/load.h"
#include "agent/model/objects.h"
#include "agent/source/watch.h"

#include <sys/stat.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace fairlead::source {

struct Listing {
  std::shared_ptr<const model::ObjectSet> objects;  // never null; also of an unchanged set the lines may be new
  std::vector<model::Message> messages;             // all that is to be said of the directory as it is now
  std::vector<model::Message> news;                 // those of them that the last scan did not have
  bool changed = false;                             // the objects differ from the last scan's; true for the first one
};

class DirectorySource {
 public:
  explicit DirectorySource(std::string path);

  // Reads what is new since the last call. Whatever was complete in the directory when it was called is in the result.
  Listing scan();

  // Readable when something may have changed; -1 if the kernel gives no inotify, then only calls of scan() tell.
  // Non-blocking.
  [[nodiscard]] int inotify_fd() const { return watch_.fd(); }
  // Takes all events; true if a scan may find something new. Editors replace a file in several steps: scan some 50 ms
  // later, so that the steps are seen as one. (A target of a symbolic link that lies elsewhere is not watched.)
  bool drain_events() { return watch_.drain(); }

 private:
  // What stat says. A file whose identity is the same was not written since, unless it was just written: see is_young.
  struct Identity {
    int64_t modified_ns = 0, changed_ns = 0;
    uint64_t size = 0, inode = 0, device = 0;
    bool operator==(const Identity&) const = default;
  };
  struct File {
    Identity identity;
    bool young = true;  // it was so fresh when it was read that a later write may have left the same times
    size_t text_hash = 0;
    model::Loaded loaded;
    std::vector<model::Message> problem;  // it cannot be read: what is loaded is of an earlier time
  };
  using Owners = std::map<model::ObjectKey, std::string>;  // the file that an object in force comes from

  [[nodiscard]] bool refresh();
  bool refresh_file(const std::string& name);
  void merge();
  void take_last_good(model::ObjectSet& objects, Owners& owners) const;
  void collect_messages(const Owners& kept, const std::vector<model::Message>& duplicates);
  [[nodiscard]] const model::Object* last_good(const model::ObjectKey& key) const;

  std::string path_;
  Watch watch_;
  std::map<std::string, File> files_;    // by path below the directory, in the order that decides who is first
  std::vector<model::Message> problem_;  // with the directory itself
  std::shared_ptr<const model::ObjectSet> in_force_;
  Owners owners_;
  std::vector<model::Message> messages_;
  bool scanned_ = false;
  bool changed_ = false;  // by the scan that runs
};

}  // namespace fairlead::source
