#include "agent/broker/arenas.h"

#include <algorithm>
#include <iterator>

namespace fairlead::agent_broker {

Result<Arenas::Opened> Arenas::open(uint32_t workers) {
  auto fd = telemetry::make_arena({.workers = workers});
  if (!fd) {
    return std::unexpected(fd.error());
  }
  auto reader = telemetry::ArenaReader::open(fd->get());
  if (!reader) {
    return std::unexpected(reader.error());
  }
  const uint64_t id = next_id_++;
  living_.emplace(id, std::move(*reader));
  return Opened{id, std::move(*fd)};
}

Result<uint64_t> Arenas::adopt(int fd) {
  auto reader = telemetry::ArenaReader::open(fd);
  if (!reader) {
    return std::unexpected(reader.error());
  }
  const uint64_t id = next_id_++;
  living_.emplace(id, std::move(*reader));
  return id;
}

void Arenas::end(uint64_t id) {
  auto node = living_.extract(id);
  if (node.empty()) {
    return;
  }
  ended_sum_.add(node.mapped()->series());
  ended_.insert(std::move(node));
  if (ended_.size() > kKeptArenas) {
    ended_.erase(ended_.begin());
  }
}

telemetry::SeriesSum Arenas::sum() const {
  telemetry::SeriesSum sum = ended_sum_;
  for (const auto& [id, reader] : living_) {
    sum.add(reader->series());
  }
  return sum;
}

telemetry::RecordBatch Arenas::records(Follower& follower) const {
  telemetry::RecordBatch all;
  for (const auto* arenas : {&ended_, &living_}) {
    for (const auto& [id, reader] : *arenas) {
      telemetry::RecordBatch batch = reader->records(follower.cursors[id]);
      std::ranges::move(batch.records, std::back_inserter(all.records));
      all.lost += batch.lost;
      all.malformed += batch.malformed;
    }
  }
  std::ranges::stable_sort(all.records, {}, [](const telemetry::RecordOwned& record) {
    return record.start_unix_ns + static_cast<int64_t>(record.duration_ns);
  });
  return all;
}

}  // namespace fairlead::agent_broker
