#include "userspace-proxy/telemetry/label_key.h"

#include "userspace-proxy/telemetry/utf8.h"

#include <algorithm>
#include <cstring>

namespace fairlead::telemetry {
namespace {

// Writes the lengths of `texts` at `at` and the texts behind them; returns where they end.
template <size_t N>
size_t put_texts(const std::array<std::string_view, N>& texts, KeyBuffer& buffer, size_t at) {
  std::array<uint16_t, N> lengths;
  size_t end = at + sizeof lengths;
  for (size_t i = 0; i < N; ++i) {
    const size_t length = std::min(texts[i].size(), kMaxLabelBytes);
    lengths[i] = static_cast<uint16_t>(length);
    if (length != 0) {
      std::memcpy(buffer.data() + end, texts[i].data(), length);
    }
    end += length;
  }
  std::memcpy(buffer.data() + at, lengths.data(), sizeof lengths);
  return end;
}

template <size_t N>
std::optional<std::array<std::string_view, N>> take_texts(std::span<const std::byte> key) {
  std::array<uint16_t, N> lengths;
  if (key.size() < sizeof lengths) {
    return std::nullopt;
  }
  std::memcpy(lengths.data(), key.data(), sizeof lengths);
  std::string_view rest(reinterpret_cast<const char*>(key.data()) + sizeof lengths, key.size() - sizeof lengths);
  std::array<std::string_view, N> texts;
  for (size_t i = 0; i < N; ++i) {
    if (lengths[i] > kMaxLabelBytes || lengths[i] > rest.size()) {
      return std::nullopt;
    }
    texts[i] = rest.substr(0, lengths[i]);
    rest.remove_prefix(lengths[i]);
  }
  return rest.empty() ? std::optional(texts) : std::nullopt;
}

template <size_t N>
std::array<std::string_view, N> texts_of(const BasicCommonLabels<std::string_view>& labels) {
  std::array<std::string_view, N> texts;
  for (size_t i = 0; i < kCommonLabels<std::string_view>.size(); ++i) {
    texts[i] = labels.*kCommonLabels<std::string_view>[i].member;
  }
  return texts;
}

template <size_t N>
BasicCommonLabels<std::string> owned(const std::array<std::string_view, N>& texts) {
  BasicCommonLabels<std::string> labels;
  for (size_t i = 0; i < kCommonLabels<std::string>.size(); ++i) {
    labels.*kCommonLabels<std::string>[i].member = valid_utf8(texts[i]);
  }
  return labels;
}

}  // namespace

std::span<const std::byte> encode_key(const HttpLabels& labels, KeyBuffer& buffer) {
  auto texts = texts_of<kHttpKeyTexts>(labels.common);
  texts.back() = labels.grpc_response_status;
  std::memcpy(buffer.data(), &labels.response_code, sizeof labels.response_code);
  return std::span(buffer).first(put_texts(texts, buffer, sizeof labels.response_code));
}

std::span<const std::byte> encode_key(const TcpLabels& labels, KeyBuffer& buffer) {
  return std::span(buffer).first(put_texts(texts_of<kTcpKeyTexts>(labels.common), buffer, 0));
}

std::optional<HttpLabelsOwned> decode_http_key(std::span<const std::byte> key) {
  HttpLabelsOwned labels;
  if (key.size() < sizeof labels.response_code) {
    return std::nullopt;
  }
  std::memcpy(&labels.response_code, key.data(), sizeof labels.response_code);
  const auto texts = take_texts<kHttpKeyTexts>(key.subspan(sizeof labels.response_code));
  if (!texts) {
    return std::nullopt;
  }
  labels.common = owned(*texts);
  labels.grpc_response_status = valid_utf8(texts->back());
  return labels;
}

std::optional<TcpLabelsOwned> decode_tcp_key(std::span<const std::byte> key) {
  const auto texts = take_texts<kTcpKeyTexts>(key);
  if (!texts) {
    return std::nullopt;
  }
  return TcpLabelsOwned{.common = owned(*texts)};
}

}  // namespace fairlead::telemetry
