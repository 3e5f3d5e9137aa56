// A RequestHead as the parser would leave it, for tests of what reads one. The path must be normal already.
#pragma once

#include "userspace-proxy/http/h1.h"

#include <initializer_list>
#include <list>
#include <string>
#include <string_view>
#include <utility>

namespace fairlead::test {

class Request {
 public:
  using Headers = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  explicit Request(std::string_view target, std::string_view method = "GET", std::string_view host = "web.shop") {
    head_.method = keep(method);
    head_.target = keep(target);
    head_.path = head_.target.substr(0, head_.target.find('?'));
    if (head_.path.size() < head_.target.size()) {
      head_.has_query = true;
      head_.query = head_.target.substr(head_.path.size() + 1);
    }
    head_.authority = keep(host);
    head_.fields.push({keep("Host"), head_.authority});
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  Request& with(Headers headers) {
    for (const auto& [name, value] : headers) {
      head_.fields.push({keep(name), keep(value)});
    }
    return *this;
  }

  [[nodiscard]] const http::RequestHead& head() const { return head_; }

 private:
  std::string_view keep(std::string_view text) { return texts_.emplace_back(text); }

  std::list<std::string> texts_;  // addresses stay
  http::RequestHead head_;
};

}  // namespace fairlead::test
