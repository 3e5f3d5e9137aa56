#include "agent/model/yaml.h"

#include "agent/model/yaml_bytes.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

namespace fairlead::model {

namespace {

constexpr std::string_view kMergeKey = "<<";

struct Measured {
  YamlNode node;
  size_t size = 0;
};

size_t size_of(const YamlNode& node) {
  size_t size = 1;
  for (const YamlNode& child : node.children) {
    size += size_of(child);
  }
  return size;
}

// Turns yaml-cpp's events into a tree. The first thing it refuses ends the document: later events are swallowed,
// because the parser can only be stopped by an exception.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(int first_line) : first_line_(first_line) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark&, const std::string&) override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    scalar(mark, YamlNode::Kind::kNull, anchor, {});
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark, tag);
    scalar(mark, YamlNode::Kind::kScalar, anchor, value);
    quoted_ = false;
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    check_tag(mark, tag);
    open(mark, YamlNode::Kind::kSequence, anchor);
  }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    check_tag(mark, tag);
    open(mark, YamlNode::Kind::kMap, anchor);
  }

  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (problem_) {
      return;
    }
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) {
      refuse(mark, "an alias may not stand inside the node that it repeats");
      return;
    }
    if (charge_alias(mark, known->second.size)) {
      YamlNode copy = known->second.node;
      place(mark, std::move(copy), YAML::NullAnchor);
    }
  }

  [[nodiscard]] const std::optional<YamlProblem>& problem() const { return problem_; }
  [[nodiscard]] YamlNode take() { return std::move(root_); }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor = YAML::NullAnchor;
    std::optional<YamlNode> key;  // read, its value not yet
  };

  [[nodiscard]] int line_of(const YAML::Mark& mark) const { return first_line_ + std::max(mark.line, 0); }

  void refuse(const YAML::Mark& mark, std::string text) {
    if (!problem_) {
      problem_ = YamlProblem{line_of(mark), std::move(text)};
      stack_.clear();
      anchors_.clear();
    }
  }

  // "?" is a plain scalar or an untagged collection, "!" a quoted one, "" none.
  void check_tag(const YAML::Mark& mark, const std::string& tag) {
    quoted_ = tag == "!" || tag == "tag:yaml.org,2002:str";
    if (tag.size() > 1 && !tag.starts_with("tag:yaml.org,2002:")) {
      refuse(mark, fmt::format("the tag \"{}\" is not known here; leave it out", tag.substr(0, 40)));
    }
  }

  bool charge(const YAML::Mark& mark, size_t nodes) {
    nodes_ += nodes;
    if (nodes_ > kMaxYamlNodes) {
      refuse(mark, fmt::format("the document has more than {} values", kMaxYamlNodes));
      return false;
    }
    return !problem_;
  }

  bool charge_alias(const YAML::Mark& mark, size_t nodes) {
    alias_nodes_ += nodes;
    if (alias_nodes_ > kMaxYamlAliasNodes) {
      refuse(mark, fmt::format("anchors and aliases repeat more than {} values; write them out", kMaxYamlAliasNodes));
      return false;
    }
    return !problem_;
  }

  void scalar(const YAML::Mark& mark, YamlNode::Kind kind, YAML::anchor_t anchor, const std::string& value) {
    if (problem_) {
      return;
    }
    YamlNode node;
    node.kind = kind;
    node.quoted = quoted_ && kind == YamlNode::Kind::kScalar;
    node.line = line_of(mark);
    node.text = value;
    place(mark, std::move(node), anchor);
  }

  void open(const YAML::Mark& mark, YamlNode::Kind kind, YAML::anchor_t anchor) {
    quoted_ = false;
    if (problem_) {
      return;
    }
    if (stack_.size() >= kMaxYamlDepth) {
      refuse(mark, fmt::format("values are nested more than {} deep", kMaxYamlDepth));
      return;
    }
    Open opened;
    opened.node.kind = kind;
    opened.node.line = line_of(mark);
    opened.anchor = anchor;
    stack_.push_back(std::move(opened));
  }

  void close() {
    if (problem_ || stack_.empty()) {
      return;
    }
    Open done = std::move(stack_.back());
    stack_.pop_back();
    YAML::Mark mark;
    mark.line = done.node.line - first_line_;
    if (done.node.is_map()) {
      merge(mark, done.node);
    }
    if (!problem_) {
      place(mark, std::move(done.node), done.anchor);
    }
  }

  // Puts a complete node into whatever is open, as an item, a key, or the value of the key before it.
  void place(const YAML::Mark& mark, YamlNode node, YAML::anchor_t anchor) {
    if (!charge(mark, 1)) {
      return;
    }
    if (anchor != YAML::NullAnchor) {
      const size_t size = size_of(node);
      if (!charge_alias(mark, size)) {
        return;
      }
      anchors_[anchor] = Measured{node, size};
    }
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& top = stack_.back();
    if (!top.node.is_map()) {
      top.node.children.push_back(std::move(node));
    } else if (!top.key) {
      if (node.kind != YamlNode::Kind::kScalar) {
        refuse(mark, "the name of a field must be text");
        return;
      }
      top.key = std::move(node);
    } else {
      node.key = std::move(top.key->text);
      node.line = top.key->line;
      top.key.reset();
      top.node.children.push_back(std::move(node));
    }
  }

  // YAML 1.1 merge keys: "<<: *anchor" (or a list of such) adds the fields that the map does not have itself.
  void merge(const YAML::Mark& mark, YamlNode& map) {
    const auto merged = std::ranges::find(map.children, kMergeKey, &YamlNode::key);
    if (merged == map.children.end()) {
      return;
    }
    const YamlNode source = std::move(*merged);
    map.children.erase(merged);
    const bool is_list = source.kind == YamlNode::Kind::kSequence;
    const size_t count = is_list ? source.children.size() : 1;
    for (size_t i = 0; i < count; ++i) {
      const YamlNode& one = is_list ? source.children[i] : source;
      if (!one.is_map()) {
        refuse(mark, "\"<<\" takes a map or a list of maps");
        return;
      }
      if (map.children.size() * one.children.size() > kMaxYamlNodes) {  // the search below is quadratic
        refuse(mark, "\"<<\" takes small maps only; write the fields out");
        return;
      }
      for (const YamlNode& field : one.children) {
        if (map.find(field.key) == nullptr) {
          map.children.push_back(field);
        }
      }
    }
  }

  int first_line_;
  bool quoted_ = false;
  size_t nodes_ = 0;
  size_t alias_nodes_ = 0;
  YamlNode root_;
  std::vector<Open> stack_;
  std::map<YAML::anchor_t, Measured> anchors_;
  std::optional<YamlProblem> problem_;
};

void set_parents(YamlNode& node) {
  for (YamlNode& child : node.children) {
    child.parent = &node;
    set_parents(child);
  }
}

void parse_chunk(const YamlChunk& chunk, YamlText& into) {
  if (is_blank(chunk.text)) {
    return;
  }
  std::istringstream stream{std::string(chunk.text)};
  try {
    YAML::Parser parser(stream);
    while (true) {
      TreeBuilder builder(chunk.first_line);
      if (!parser.HandleNextDocument(builder)) {
        return;
      }
      if (builder.problem()) {
        into.problems.push_back(*builder.problem());
        return;
      }
      YamlNode root = builder.take();
      if (!root.is_null()) {
        into.documents.push_back(std::move(root));
        set_parents(into.documents.back());
      }
    }
  } catch (const YAML::Exception& error) {
    into.problems.push_back({chunk.first_line + std::max(error.mark.line, 0), "this is not YAML: " + error.msg});
  } catch (const std::exception& error) {
    into.problems.push_back({chunk.first_line, std::string("this document cannot be read: ") + error.what()});
  }
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view name) const {
  const auto found = std::ranges::find(children, name, &YamlNode::key);
  return found == children.end() ? nullptr : &*found;
}

YamlText parse_yaml(std::string_view text) {
  YamlText parsed;
  if (text.size() > kMaxYamlBytes) {
    parsed.problems.push_back({1, fmt::format("the text is larger than {} MiB", kMaxYamlBytes >> 20)});
    return parsed;
  }
  if (auto problem = bad_byte(text)) {
    parsed.problems.push_back(std::move(*problem));
    return parsed;
  }
  for (const YamlChunk& chunk : split_documents(text)) {
    parse_chunk(chunk, parsed);
  }
  return parsed;
}

}  // namespace fairlead::model
