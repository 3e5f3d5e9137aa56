// Reading one object out of a YAML tree, declaratively: a loader asks for the fields it knows, with their types, and
// everything else (a wrong type, a missing field, a field nobody asked for) is found and reported here, with the
// field's path and line. An absent field reads as the type's default, so a loader has no branch for it.
//
//   Fields destination(at);
//   to.host = destination.required("host").string(wildcard_domain);
//   to.subset = destination["subset"].string(dns_label);
//
// Cursors point into the tree and the report; both must outlive them. One thread.
#pragma once

#include "agent/model/checks.h"
#include "agent/model/objects.h"
#include "agent/model/yaml.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fairlead::model {

// What was found in one object, in the order of reading.
class Report {
 public:
  // Istio's kinds refuse unknown fields, Kubernetes' own ignore them (design, section 5).
  enum class UnknownFields : uint8_t { kRefuse, kIgnore };
  struct Finding {
    Severity severity;
    int line;
    std::string field;
    std::string text;
  };

  Report(const YamlNode& root, UnknownFields unknown_fields) : root_(root), unknown_fields_(unknown_fields) {}

  void error(const YamlNode& at, std::string text) { add(Severity::kError, at, {}, std::move(text)); }
  void warn(const YamlNode& at, std::string text) { add(Severity::kWarning, at, {}, std::move(text)); }
  void missing(const YamlNode& parent, std::string_view name);
  [[nodiscard]] std::string path_of(const YamlNode& node) const;  // "spec.http[0].route[1].weight"
  [[nodiscard]] UnknownFields unknown_fields() const { return unknown_fields_; }
  [[nodiscard]] const std::vector<Finding>& findings() const { return findings_; }
  [[nodiscard]] bool refused() const { return refused_; }
  // Enough has been found: nothing more is kept, so that hostile input cannot make the report large.
  [[nodiscard]] bool full() const { return findings_.size() >= kMaxFindings; }

 private:
  void add(Severity severity, const YamlNode& at, std::string_view child, std::string text);

  static constexpr size_t kMaxFindings = 32;

  const YamlNode& root_;
  UnknownFields unknown_fields_;
  std::vector<Finding> findings_;
  bool refused_ = false;
};

// One value of the tree, or the absence of one. A null is an absence too, as in Kubernetes' API.
class Cursor {
 public:
  Cursor(const YamlNode* node, Report& report) : node_(node), report_(&report) {}

  [[nodiscard]] bool present() const { return node_ != nullptr && !node_->is_null(); }
  explicit operator bool() const { return present(); }
  [[nodiscard]] const YamlNode* node() const { return node_; }
  [[nodiscard]] Report& report() const { return *report_; }
  void error(std::string text) const;
  void warn(std::string text) const;

  [[nodiscard]] std::string string(Check check = nullptr) const;
  [[nodiscard]] bool boolean() const;
  [[nodiscard]] int64_t integer(int64_t least, int64_t most) const;
  [[nodiscard]] int32_t int32() const;
  [[nodiscard]] uint32_t uint32() const;
  [[nodiscard]] int32_t count() const;  // an int32 that may not be negative
  [[nodiscard]] uint16_t port() const;  // 1 to 65535; 0 where absent
  [[nodiscard]] double number(double least, double most) const;
  // As Go writes it: "1.5s", "1h30m". Istio takes whole milliseconds from 1 on.
  [[nodiscard]] std::chrono::milliseconds duration() const;
  [[nodiscard]] std::chrono::milliseconds duration_or_zero() const;

  template <class T>
  [[nodiscard]] T one_of(std::initializer_list<std::pair<std::string_view, T>> words, T absent) const {
    if (!present()) {
      return absent;
    }
    const std::string text = string();
    std::string known;
    for (const auto& [word, value] : words) {
      if (word == text) {
        return value;
      }
      known.append(known.empty() ? "" : ", ").append(word);
    }
    error(in_quotes(text) + " is not known; write one of " + known);
    return absent;
  }
  // The word itself, if it is one of these.
  [[nodiscard]] std::string word(std::initializer_list<std::string_view> words) const;

  [[nodiscard]] std::vector<Cursor> items() const;
  [[nodiscard]] std::vector<std::string> strings(Check check = nullptr) const;
  // A map whose names are the user's: names and values in order. A value may be absent.
  [[nodiscard]] std::vector<std::pair<std::string_view, Cursor>> entries() const;
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> string_map() const;

 private:
  [[nodiscard]] bool expect(YamlNode::Kind kind, std::string_view wanted) const;
  [[nodiscard]] std::chrono::milliseconds read_duration(bool zero_allowed) const;

  const YamlNode* node_;
  Report* report_;
};

// The fields of a structure. When it goes out of scope it reports the fields that nobody asked for.
class Fields {
 public:
  explicit Fields(const Cursor& at);
  ~Fields();
  Fields(const Fields&) = delete;
  Fields& operator=(const Fields&) = delete;

  [[nodiscard]] Cursor operator[](std::string_view name);
  [[nodiscard]] Cursor required(std::string_view name);
  // Known fields that are not read, and need no check.
  void skip(std::initializer_list<std::string_view> names);
  void at_most_one(std::initializer_list<std::string_view> names);
  void error(std::string text) const { at_.error(std::move(text)); }

 private:
  static constexpr size_t kMaxNames = 32;

  Cursor at_;
  std::array<std::string_view, kMaxNames> names_{};  // asked for
  size_t name_count_ = 0;
};

}  // namespace fairlead::model
