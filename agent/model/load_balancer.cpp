// loadBalancer of a traffic policy: the way to balance is read, the rest is checked.
#include "agent/model/traffic_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

namespace fairlead::model {

namespace {

constexpr int64_t kMaxMaglevTable = 5'000'010;
constexpr int64_t kAnySize = std::numeric_limits<int64_t>::max();

bool is_prime(int64_t number) {
  if (number < 4) {
    return number > 0;  // Envoy counts 1 as one
  }
  if (number % 2 == 0) {
    return false;
  }
  for (int64_t factor = 3; factor * factor <= number; factor += 2) {
    if (number % factor == 0) {
      return false;
    }
  }
  return true;
}

void check_cookie(const Cursor& at) {
  Fields fields(at);
  static_cast<void>(fields.required("name").string(not_empty));
  static_cast<void>(fields["path"].string());
  static_cast<void>(fields["ttl"].duration_or_zero());
  std::set<std::string> names;
  for (const Cursor& item : fields["attributes"].items()) {
    Fields attribute(item);
    const Cursor name = attribute.required("name");
    const std::string text = name.string(not_empty);
    static_cast<void>(attribute["value"].string());
    if (!text.empty() && !names.insert(text).second) {
      name.error(fmt::format("{} is here twice", in_quotes(text)));
    }
  }
}

// Whether it is by source: what else can be hashed is not in force yet.
bool read_consistent_hash(const Cursor& at) {
  Fields fields(at);
  fields.at_most_one({"httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"});
  fields.at_most_one({"ringHash", "maglev"});
  static_cast<void>(fields["httpHeaderName"].string());
  check_cookie(fields["httpCookie"]);
  const bool by_source = fields["useSourceIp"].boolean();
  static_cast<void>(fields["httpQueryParameterName"].string());
  const Cursor ring_at = fields["ringHash"];
  Fields ring(ring_at);
  static_cast<void>(ring["minimumRingSize"].integer(0, kAnySize));
  const Cursor maglev_at = fields["maglev"];
  Fields maglev(maglev_at);
  const Cursor table = maglev["tableSize"];
  if (maglev_at && !is_prime(table.integer(1, kMaxMaglevTable))) {
    maglev_at.error(fmt::format("needs a tableSize that is a prime number up to {}, such as 65537", kMaxMaglevTable));
  }
  const Cursor former = fields["minimumRingSize"];
  if (former.integer(0, kAnySize) != 0) {
    former.warn("is deprecated; write ringHash.minimumRingSize");
    if (ring_at || maglev_at) {
      former.error("excludes ringHash and maglev; remove it");
    }
  }
  return by_source;
}

// "region/zone/subzone", the last part may be "*".
struct Locality {
  std::string_view text;
  [[nodiscard]] size_t depth() const { return static_cast<size_t>(std::ranges::count(text, '/')); }
  [[nodiscard]] bool covers(const Locality& other) const {
    const std::string_view own = text.ends_with("/*") ? text.substr(0, text.size() - 2) : text;
    return text == "*" || other.text == own ||
           (other.text.starts_with(own) && other.text.substr(own.size()).starts_with('/'));
  }
};

void check_locality(const Cursor& at, std::string_view text, std::vector<std::string>& seen) {
  const size_t star = text.find('*');
  const bool empty_part = text.empty() || text.starts_with('/') || text.ends_with('/') || text.contains("//");
  if (empty_part || (star != std::string_view::npos && star + 1 != text.size())) {
    at.error(
        fmt::format("{} is not a locality; write region/zone/subzone, where the last part may be *", in_quotes(text)));
    return;
  }
  for (const std::string& other : seen) {
    if (Locality{text}.covers({other}) || Locality{other}.covers({text})) {
      at.error(fmt::format("{} overlaps with {}", in_quotes(text), in_quotes(other)));
      return;
    }
  }
  seen.emplace_back(text);
}

void check_distribute(const Cursor& list) {
  static constexpr int64_t kWhole = 100;
  std::vector<std::string> sources;
  for (const Cursor& item : list.items()) {
    Fields fields(item);
    const Cursor from = fields["from"];
    check_locality(from ? from : item, from.string(), sources);
    std::vector<std::string> targets;
    int64_t total = 0;
    for (const auto& [name, weight] : fields["to"].entries()) {
      total += weight.integer(1, kWhole);
      check_locality(weight, name, targets);
    }
    if (total != kWhole) {
      item.error(fmt::format("the weights add up to {}; they must be {} together", total, kWhole));
    }
  }
}

void check_failover(const Cursor& list) {
  for (const Cursor& item : list.items()) {
    Fields fields(item);
    const std::string from = fields["from"].string();
    const std::string to = fields["to"].string();
    if (from == to || (from + to).find_first_of("/*") != std::string::npos) {
      item.error("needs two different regions, without zones and wildcards");
    }
  }
}

bool is_topology(std::string_view label) {
  return label == "topology.kubernetes.io/region" || label == "topology.kubernetes.io/zone" ||
         label == "topology.istio.io/subzone";
}

void check_locality_settings(const Cursor& at, Outliers outliers) {
  Fields fields(at);
  static_cast<void>(fields["enabled"].boolean());
  const Cursor distribute = fields["distribute"];
  const Cursor failover = fields["failover"];
  const Cursor priority = fields["failoverPriority"];
  check_distribute(distribute);
  check_failover(failover);
  const std::vector<std::string> labels = priority.strings();
  if (!distribute.items().empty() && !failover.items().empty()) {
    at.error("distribute and failover exclude each other");
  }
  if (!failover.items().empty() && std::ranges::any_of(labels, is_topology)) {
    priority.error("topology labels exclude failover");
  }
  if (outliers == Outliers::kNotDetected && (!failover.items().empty() || !labels.empty())) {
    at.warn("failover happens only with outlierDetection; write it beside loadBalancer");
  }
}

void check_zone_aware_settings(const Cursor& at, Outliers outliers) {
  Fields fields(at);
  static_cast<void>(fields["enabled"].boolean());
  if (const Cursor size = fields["minClusterSize"]) {
    static_cast<void>(size.integer(1, kAnySize));
  }
  const Cursor failover = fields["failover"];
  const Cursor priority = fields["failoverPriority"];
  check_failover(failover);
  const std::vector<std::string> labels = priority.strings();
  if (std::ranges::any_of(labels, is_topology)) {
    priority.error("topology labels have no place here: regions and zones are handled anyway");
  }
  if (outliers == Outliers::kNotDetected && (!failover.items().empty() || !labels.empty())) {
    at.warn("failover happens only with outlierDetection; write it beside loadBalancer");
  }
}

void check_warmup(const Cursor& at) {
  if (!at) {
    return;
  }
  Fields fields(at);
  static_cast<void>(fields.required("duration").duration());
  static_cast<void>(fields["minimumPercent"].number(0, 100));
  const Cursor aggression = fields["aggression"];
  if (aggression && aggression.number(0, std::numeric_limits<double>::max()) <= 0) {
    aggression.error("must be larger than 0");
  }
}

}  // namespace

std::optional<LoadBalancer> read_load_balancer(const Cursor& at, Outliers outliers) {
  Fields fields(at);
  fields.at_most_one({"simple", "consistentHash"});
  fields.at_most_one({"localityLbSetting", "zoneAwareLbSetting"});
  using enum LoadBalancer;
  // LEAST_CONN is the former name of LEAST_REQUEST.
  LoadBalancer mode = fields["simple"].one_of<LoadBalancer>({{"UNSPECIFIED", kUnspecified},
                                                             {"LEAST_CONN", kLeastRequest},
                                                             {"RANDOM", kRandom},
                                                             {"PASSTHROUGH", kPassthrough},
                                                             {"ROUND_ROBIN", kRoundRobin},
                                                             {"LEAST_REQUEST", kLeastRequest}},
                                                            kUnspecified);
  if (read_consistent_hash(fields["consistentHash"])) {
    mode = kSourceIp;
  }
  check_locality_settings(fields["localityLbSetting"], outliers);
  check_zone_aware_settings(fields["zoneAwareLbSetting"], outliers);
  static_cast<void>(fields["warmupDurationSecs"].duration());
  check_warmup(fields["warmup"]);
  return at ? std::optional(mode) : std::nullopt;
}

}  // namespace fairlead::model
