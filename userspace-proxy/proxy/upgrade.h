// A connection that was upgraded (101), and the request that it is judged by for as long as it is open. Worker-local.
#pragma once

#include "userspace-proxy/http/h1.h"
#include "userspace-proxy/proxy/passage.h"

#include <string>
#include <utility>

namespace fairlead::proxy {

class Upgrade {
 public:
  // `head`: the request as the destination saw it, which is what its policies are about. References outlive this
  // object.
  Upgrade(std::string head, const Arrival& arrival, const plan::Plan& plan, io::Socket& client)
      : text_(std::move(head)), passage_(arrival, plan, client, &request_) {
    http::RequestParser parser;
    http::Refusal refusal;
    size_t consumed = 0;
    parser.parse(text_, request_, consumed, refusal);  // our own words: nothing to refuse
  }
  ~Upgrade() = default;
  Upgrade(const Upgrade&) = delete;
  Upgrade& operator=(const Upgrade&) = delete;

  [[nodiscard]] Passage& passage() { return passage_; }

 private:
  std::string text_;
  http::RequestHead request_;  // views of `text_`
  Passage passage_;
};

}  // namespace fairlead::proxy
