// Istio's own manifests and its verdicts on them, from the conformance kit (environment FAIRLEAD_CONFORMANCE, or
// ../shared/conformance beside the source tree). Its README says what the fields of the indices mean.
#include "agent/model/analyze.h"
#include "agent/model/load.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>

namespace fairlead::model {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::set<std::string> kBuilt = {"Namespace",       "ServiceAccount",      "Pod",
                                      "Service",         "EndpointSlice",       "VirtualService",
                                      "DestinationRule", "AuthorizationPolicy", "PeerAuthentication"};
// What the loader says; Istio's other codes come from analysis of whole sets.
const std::set<std::string> kLoaderCodes = {"IST0106", "IST0133"};

fs::path corpus() {
  const char* set = std::getenv("FAIRLEAD_CONFORMANCE");
  return set != nullptr ? fs::path(set) : fs::path(FAIRLEAD_SOURCE_DIR) / ".." / "shared" / "conformance";
}

json read_json(const fs::path& path) {
  std::ifstream file(path);
  return json::parse(file);
}

std::string kind_of(const std::string& object) { return object.substr(0, object.find('/')); }
bool is_built(const std::string& object) { return kBuilt.contains(kind_of(object)); }

// "Kind/default/name" and "Kind/name" mean the same, as the kit's own comparison has it.
std::string canonical(const std::string& object) {
  const std::string middle = "/default/";
  const size_t at = object.find(middle);
  return at == std::string::npos ? object : object.substr(0, at) + "/" + object.substr(at + middle.size());
}

struct Entry {
  std::string id;
  std::vector<std::string> files;
  json objects;
  json messages;
};

std::vector<Entry> entries(const fs::path& index, std::initializer_list<const char*> lists) {
  std::vector<Entry> found;
  const json root = read_json(index);
  for (const char* list : lists) {
    for (const json& entry : root.at(list)) {
      if (entry.contains("skip")) {
        continue;
      }
      Entry one{entry.at("id"), {}, entry.at("objects"), entry.at("messages")};
      for (const json& file : entry.at("files")) {
        one.files.push_back((index.parent_path() / file.get<std::string>()).string());
      }
      found.push_back(std::move(one));
    }
  }
  return found;
}

// Codes by object, of the kinds that are built.
using Said = std::map<std::string, std::set<std::string>>;

Said wanted(const Entry& entry) {
  Said said;
  for (const json& message : entry.messages) {
    const std::string object = message.at("object");
    if (is_built(object) && kLoaderCodes.contains(message.at("code").get<std::string>())) {
      said[canonical(object)].insert(message.at("code"));
    }
  }
  return said;
}

void compare(const Entry& entry) {
  SCOPED_TRACE(entry.id);
  Said said;
  std::set<std::string> refused;
  for (const Message& message : analyze(entry.files)) {
    if (message.severity == Severity::kError) {
      refused.insert(canonical(message.object));
      EXPECT_FALSE(message.text.empty());
      EXPECT_GT(message.origin.line, 0) << message.line();
    }
    if (is_built(message.object) && kLoaderCodes.contains(message.code)) {
      said[canonical(message.object)].insert(message.code);
    }
  }
  for (const json& object : entry.objects) {
    const std::string name = object.at("object");
    const bool bad = object.at("load").get<std::string>().starts_with("error");
    if (name.empty() && bad) {
      EXPECT_FALSE(refused.empty()) << "the file loads, Istio refuses it";
    } else if (is_built(name)) {
      EXPECT_EQ(refused.contains(canonical(name)), bad) << name << ": " << object.value("text", "");
      if (bad) {
        said[canonical(name)].erase("IST0106");  // right even where Istio's API schema speaks first
      }
    }
  }
  for (const auto& [name, codes] : wanted(entry)) {
    for (const std::string& code : codes) {
      EXPECT_TRUE(said[name].erase(code) > 0 || (code == "IST0106" && refused.contains(name)))
          << "missing " << code << " " << name;
    }
  }
  for (const auto& [name, codes] : said) {
    EXPECT_TRUE(codes.empty()) << "extra " << *codes.begin() << " " << name;
  }
}

class Corpus : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(corpus() / "manifests" / "index.json")) {
      GTEST_SKIP() << "no conformance kit at " << corpus() << "; set FAIRLEAD_CONFORMANCE";
    }
  }
};

TEST_F(Corpus, ManifestsLoadAsIstioLoadsThem) {
  const auto all = entries(corpus() / "manifests" / "index.json", {"files", "sets"});
  EXPECT_FALSE(all.empty());
  for (const Entry& entry : all) {
    compare(entry);
  }
}

TEST_F(Corpus, IstiosOwnValidationCasesHaveIstiosVerdicts) {
  const auto all = entries(corpus() / "analyze" / "expected.json", {"validation", "analysis"});
  EXPECT_FALSE(all.empty());
  for (const Entry& entry : all) {
    compare(entry);
  }
}

// The kit's cases are what a user would write for a running mesh: nothing in them is refused, unless a case is about
// that.
TEST_F(Corpus, CasesLoad) {
  size_t count = 0;
  for (const auto& file : fs::recursive_directory_iterator(corpus() / "cases")) {
    if (file.path().filename() != "manifests.yaml") {
      continue;
    }
    std::ifstream stream(file.path());
    std::stringstream text;
    text << stream.rdbuf();
    // The runner writes addresses where this stands.
    std::string yaml = text.str();
    for (size_t at = 0; (at = yaml.find("${ip:", at)) != std::string::npos;) {
      yaml.replace(at, yaml.find('}', at) + 1 - at, "10.0.0.1");
    }
    for (const Message& message : load_documents(yaml, file.path().string()).messages) {
      EXPECT_NE(message.severity, Severity::kError) << message.line();
    }
    ++count;
  }
  EXPECT_GT(count, 0u);
}

// Damaged manifests must never bring the loader down. The seed is fixed: the test always does the same.
TEST_F(Corpus, DamagedManifestsAreRefusedOrReadButNeverFatal) {
  std::mt19937 random(20240607);
  const std::string marks = "{}[]:,&*!|>'\"%@`#-? \n\t0x~";
  for (const auto& entry : fs::recursive_directory_iterator(corpus() / "manifests" / "config")) {
    if (entry.path().extension() != ".yaml") {
      continue;
    }
    std::ifstream stream(entry.path());
    std::stringstream buffer;
    buffer << stream.rdbuf();
    const std::string text = buffer.str();
    for (int round = 0; round < 40; ++round) {
      std::string damaged = text;
      for (int change = 0; change < 4 && !damaged.empty(); ++change) {
        const size_t at = random() % damaged.size();
        switch (random() % 3) {
          case 0:
            damaged[at] = marks[random() % marks.size()];
            break;
          case 1:
            damaged.insert(at, 1, marks[random() % marks.size()]);
            break;
          default:
            damaged.erase(at, 1 + random() % 20);
            break;
        }
      }
      const Loaded loaded = load_documents(damaged, "damaged");
      for (const Message& message : loaded.messages) {
        EXPECT_EQ(message.line().find('\n'), std::string::npos);
        EXPECT_NO_THROW(static_cast<void>(to_json(message).dump()));
      }
    }
  }
}

}  // namespace
}  // namespace fairlead::model
