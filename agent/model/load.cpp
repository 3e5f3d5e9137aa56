#include "agent/model/load.h"

#include "agent/model/codes.h"
#include "agent/model/kinds.h"
#include "agent/model/not_in_force.h"
#include "agent/model/reader.h"
#include "agent/model/yaml.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace fairlead::model {

namespace {

struct TypeName {
  std::string_view group, version, kind;
};

class TextLoader {
 public:
  explicit TextLoader(const std::string& file) : file_(file) {}

  void load(const YamlNode& document);
  void unreadable(int line, std::string text);
  Loaded take() { return std::move(loaded_); }

 private:
  void load_object(const YamlNode& object, const Kind& kind, std::string_view version);
  void skip_kind(const YamlNode& object, const TypeName& type);
  void keep(const ObjectKey& key, Object object, const YamlNode& at);
  void refuse(const ObjectKey& key, const Report& report, std::string_view code);
  void say(std::string_view code, Severity severity, const ObjectKey& key, const Report::Finding& finding);

  const std::string& file_;
  Loaded loaded_;
  std::map<ObjectKey, int> lines_;  // where each object of this text was first
};

std::string_view text_of(const YamlNode& map, std::string_view name) {
  const YamlNode* field = map.find(name);
  return field != nullptr && field->kind == YamlNode::Kind::kScalar ? std::string_view(field->text)
                                                                    : std::string_view();
}

TypeName type_of(const YamlNode& object) {
  TypeName type{{}, text_of(object, "apiVersion"), text_of(object, "kind")};
  if (const size_t slash = type.version.find('/'); slash != std::string_view::npos) {
    type.group = type.version.substr(0, slash);
    type.version.remove_prefix(slash + 1);
  }
  return type;
}

// The key as far as it can be read, for messages about an object that is not read otherwise.
ObjectKey key_from(const YamlNode& object, std::string_view kind, Scope scope) {
  ObjectKey key{std::string(kind), {}, {}};
  const YamlNode* metadata = object.find("metadata");
  if (metadata == nullptr || !metadata->is_map()) {
    return key;
  }
  key.name = text_of(*metadata, "name");
  key.ns = text_of(*metadata, "namespace");
  if (scope == Scope::kCluster) {
    key.ns.clear();
  } else if (key.ns.empty()) {
    key.ns = "default";
  }
  return key;
}

// Istio's validation loses its warnings below these fields; there they are ours.
bool istio_is_silent(std::string_view field) {
  return field.starts_with("spec.subsets") || field.contains("portLevelSettings") || field.contains(".fault") ||
         field.ends_with(".circuitBreaker") ||
         (field.contains(".match[") && field.contains(".gateways") && !field.starts_with("spec.tls"));
}

void TextLoader::unreadable(int line, std::string text) {
  loaded_.incomplete = true;
  loaded_.messages.push_back(
      {std::string(codes::kUnreadable), Severity::kError, {}, {file_, line}, {}, std::move(text)});
}

void TextLoader::say(std::string_view code, Severity severity, const ObjectKey& key, const Report::Finding& finding) {
  loaded_.messages.push_back({std::string(code),
                              severity,
                              key.name.empty() ? std::string() : key.text(),
                              {file_, finding.line},
                              finding.field,
                              finding.text});
}

void TextLoader::load(const YamlNode& document) {
  if (!document.is_map()) {
    unreadable(document.line, "this document is not an object; write apiVersion, kind and metadata");
    return;
  }
  const TypeName type = type_of(document);
  if (type.kind.empty() || type.version.empty()) {
    unreadable(document.line, "this document has no apiVersion and kind");
    return;
  }
  if (type.kind == "List" && type.group.empty()) {
    if (const YamlNode* items = document.find("items")) {
      for (const YamlNode& item : items->children) {
        load(item);
      }
    }
    return;
  }
  const Kind* kind = find_kind(type.group, type.kind);
  if (kind == nullptr) {
    skip_kind(document, type);
    return;
  }
  load_object(document, *kind, type.version);
}

void TextLoader::skip_kind(const YamlNode& object, const TypeName& type) {
  // Whether a kind that is not known has a namespace is not known either: it is named as it is written.
  const YamlNode* metadata = object.find("metadata");
  const bool cluster = metadata == nullptr || text_of(*metadata, "namespace").empty();
  const ObjectKey key = key_from(object, type.kind, cluster ? Scope::kCluster : Scope::kNamespace);
  const std::string_view notice = security_notice(type.group, type.kind);
  if (!notice.empty()) {
    say(codes::kKindNotInForce, Severity::kWarning, key, {Severity::kWarning, object.line, {}, std::string(notice)});
    return;
  }
  const std::string_view separator = type.group.empty() ? "" : "/";
  say(codes::kUnknownKind, Severity::kInfo, key,
      {Severity::kInfo,
       object.line,
       {},
       fmt::format("Fairlead does not read the kind {} ({}{}{})", type.kind, type.group, separator, type.version)});
}

void TextLoader::load_object(const YamlNode& object, const Kind& kind, std::string_view version) {
  const bool of_istio = kind.unknown_fields == Report::UnknownFields::kRefuse;
  Report report(object, kind.unknown_fields);
  const ObjectKey key = key_from(object, kind.name, kind.scope);
  std::optional<Object> read;
  {
    Fields fields(Cursor(&object, report));
    fields.skip({"apiVersion", "kind"});
    Metadata meta = read_metadata(fields.required("metadata"), kind.scope);
    meta.origin = {file_, object.line};
    if (std::ranges::find(kind.versions, version) == kind.versions.end()) {
      report.error(*object.find("apiVersion"),
                   fmt::format("{} is not served; write {}{}{}", in_quotes(version), kind.group,
                               kind.group.empty() ? "" : "/", kind.versions.front()));
    }
    read = kind.load(std::move(meta), fields);
  }  // here the unknown fields are found
  for (const Report::Finding& finding : report.findings()) {
    if (finding.severity == Severity::kWarning) {
      say(of_istio && !istio_is_silent(finding.field) ? codes::kSchemaWarning : codes::kDoubtful, Severity::kWarning,
          key, finding);
    }
  }
  if (report.refused()) {
    refuse(key, report, of_istio ? codes::kSchemaError : codes::kKubernetesRefuses);
    return;
  }
  for (const NotInForce& field : find_not_in_force(kind.name, object)) {
    const bool traffic = field.severity == Severity::kInfo;
    say(traffic ? codes::kFieldNotInForce : codes::kPolicyNotInForce, field.severity, key,
        {field.severity, field.node->line, report.path_of(*field.node), std::string(field.text)});
  }
  keep(key, std::move(*read), object);
}

// One message for all that is wrong with the object: the first error whole, of the others where they are.
void TextLoader::refuse(const ObjectKey& key, const Report& report, std::string_view code) {
  static constexpr size_t kMaxOthers = 4;
  std::optional<Report::Finding> first;
  std::vector<std::string> others;
  size_t count = 0;
  for (const Report::Finding& finding : report.findings()) {
    if (finding.severity != Severity::kError) {
      continue;
    }
    ++count;
    if (!first) {
      first = finding;
    } else if (others.size() < kMaxOthers) {
      others.push_back(fmt::format("{} (line {})", finding.field, finding.line));
    }
  }
  if (!first) {
    return;
  }
  if (count > 1) {
    first->text +=
        fmt::format("; also wrong: {}{}", fmt::join(others, ", "), count > kMaxOthers + 1 ? " and more" : "");
  }
  say(code, Severity::kError, key, *first);
  if (!key.name.empty()) {
    loaded_.refused.push_back(key);
  } else {
    loaded_.incomplete = true;
  }
}

void TextLoader::keep(const ObjectKey& key, Object object, const YamlNode& at) {
  const auto [known, fresh] = lines_.try_emplace(key, at.line);
  if (!fresh) {
    loaded_.messages.push_back(duplicate(key, {file_, at.line}, {file_, known->second}));
    return;
  }
  loaded_.objects.emplace_back(key, std::move(object));
}

}  // namespace

Message duplicate(const ObjectKey& key, const Origin& second, const Origin& first) {
  return {
      std::string(codes::kDuplicate),
      Severity::kError,
      key.text(),
      second,
      {},
      fmt::format("this object was already read at {}:{}, which counts; remove one of them", first.file, first.line)};
}

Loaded load_documents(std::string_view yaml_text, const std::string& file) {
  const YamlText text = parse_yaml(yaml_text);
  TextLoader loader(file);
  for (const YamlProblem& problem : text.problems) {
    loader.unreadable(problem.line, problem.text);
  }
  for (const YamlNode& document : text.documents) {
    loader.load(document);
  }
  return loader.take();
}

}  // namespace fairlead::model
