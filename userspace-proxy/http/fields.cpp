#include "userspace-proxy/http/fields.h"

#include "userspace-proxy/http/field_id.h"
#include "userspace-proxy/http/rebase.h"
#include "userspace-proxy/http/scan.h"

namespace fairlead::http {

FieldId field_id_of(std::string_view name) { return classify(name); }

void Fields::rebase(uintptr_t from, std::string_view bytes) {
  for (size_t i = 0; i < count_; ++i) {
    fields_[i] = {rebased(fields_[i].name, from, bytes), rebased(fields_[i].value, from, bytes)};
  }
}

std::optional<std::string_view> Fields::get(std::string_view lower_name) const {
  const FieldId id = classify(lower_name);
  if (id != FieldId::kOther) {
    return has(id) ? std::optional(first(id)) : std::nullopt;
  }
  for (const Field& field : *this) {
    if (equals_ignoring_case(field.name, lower_name)) {
      return field.value;
    }
  }
  return std::nullopt;
}

std::optional<std::string_view> Fields::joined(std::string_view lower_name, std::string& scratch) const {
  std::optional<std::string_view> found;
  for (const Field& field : *this) {
    if (!equals_ignoring_case(field.name, lower_name)) {
      continue;
    }
    if (!found) {
      found = field.value;
      continue;
    }
    if (found->data() != scratch.data()) {
      scratch.assign(*found);
    }
    scratch.push_back(',');
    scratch.append(field.value);
    found = scratch;
  }
  return found;
}

HopByHop::HopByHop(const Fields& fields) : fields_(&fields) {
  if (!fields.has(FieldId::kConnection)) {
    return;
  }
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields.id(i) != FieldId::kConnection) {
      continue;
    }
    scan::for_each_element(fields[i].value, [this](std::string_view option) {
      names_others_ = !equals_ignoring_case(option, "close") && !equals_ignoring_case(option, "keep-alive") &&
                      !equals_ignoring_case(option, "upgrade");
      return !names_others_;
    });
    if (names_others_) {
      return;
    }
  }
}

bool HopByHop::contains(const Field& field, FieldId id) const {
  switch (id) {
    case FieldId::kConnection:
    case FieldId::kKeepAlive:
    case FieldId::kProxyConnection:
    case FieldId::kTrailer:
    case FieldId::kTransferEncoding:
    case FieldId::kUpgrade:
      return true;
    case FieldId::kTe:
      return !equals_ignoring_case(field.value, "trailers");
    case FieldId::kContentLength:
    case FieldId::kHost:
      return false;
    default:
      return names_others_ && is_named(field.name);
  }
}

bool HopByHop::is_named(std::string_view name) const {
  for (size_t i = 0; i < fields_->size(); ++i) {
    if (fields_->id(i) == FieldId::kConnection && list_contains((*fields_)[i].value, name)) {
      return true;
    }
  }
  return false;
}

bool same_letters(std::string_view a, std::string_view b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && scan::lower(a[i]) != scan::lower(b[i])) {
      return false;
    }
  }
  return true;
}

bool list_contains(std::string_view list, std::string_view token) {
  bool found = false;
  scan::for_each_element(list, [&found, token](std::string_view element) {
    found = equals_ignoring_case(element, token);
    return !found;
  });
  return found;
}

}  // namespace fairlead::http
