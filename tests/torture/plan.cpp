#include "tests/torture/plan.h"

#include "tests/torture/random.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace fairlead::torture {
namespace {

constexpr std::array<std::string_view, 5> kReceiving{"recv", "MSG_PEEK", "splice", "FIONREAD", "MSG_WAITALL"};
constexpr uint64_t kMostCalls = 1500;           // per direction: what one-byte writes may cost
constexpr uint64_t kStalledTotal = 12U << 20U;  // more than any bound on what a stalled reader may leave unread
constexpr uint64_t kStallsWithin = 64U << 10U;

void draw_sizes(Random& random, const Mix& mix, EndPlan& end) {
  end.piece = random.by_magnitude(1U << 20U);
  end.gulp = random.by_magnitude(256U << 10U);
  end.sends = {.start = random.below(Pattern::kSize),
               .total = random.one_in(20) ? 0 : random.by_magnitude(mix.largest)};
}

void draw_calls(Random& random, const Mix& mix, EndPlan& end) {
  end.waiting = random.one_in(12) && mix.blocking ? Waiting::kBlocking : random.pick(Waiting::kBlocking);
  end.sending = random.pick(Sending::kCount);
  end.no_delay = random.one_in(2);
  // MSG_WAITALL means something to a blocking socket only.
  end.receiving =
      end.waiting == Waiting::kBlocking && random.one_in(2) ? Receiving::kWaitall : random.pick(Receiving::kWaitall);
  if (end.waiting != Waiting::kBlocking && !mix.receiving.empty()) {
    end.receiving = mix.receiving[random.below(mix.receiving.size())];
  }
}

void draw_framing(Random& random, const Mix& mix, Plan& plan) {
  if (mix.http && !(mix.upgrade && random.one_in(3))) {
    plan.framing = random.one_in(2) ? Framing::kChunked : Framing::kLength;
    plan.keep = !random.one_in(3) && !mix.fresh;
  } else {
    plan.framing = mix.upgrade ? Framing::kUpgrade : Framing::kRaw;
  }
}

[[nodiscard]] bool is_http(const Plan& plan) {
  return plan.framing == Framing::kChunked || plan.framing == Framing::kLength;
}

void draw_order(Random& random, Plan& plan) {
  plan.order = random.pick(Order::kCount);
  if (plan.order == Order::kClientAnswersEnd && is_http(plan)) {
    plan.order = Order::kTogether;  // an answer does not come before its request
  }
  if (plan.order == Order::kLockstep) {
    const uint64_t total = std::min({plan.client.sends.total, plan.server.sends.total, uint64_t{256U << 10U}});
    plan.client.sends.total = plan.server.sends.total = total;
    plan.window = std::max(random.by_magnitude(32U << 10U), total / kMostCalls + 1);
  }
}

void draw_stall(Random& random, EndPlan& reader, EndPlan& sender) {
  reader.stalls_at = random.below(kStallsWithin);
  reader.gulp = std::max<uint64_t>(reader.gulp, 16U << 10U);
  sender.piece = 64U << 10U;  // what a blocking call has sent shows when it returns
  sender.sends.total = kStalledTotal;
}

// One of the two does not end as it should.
void draw_ending(Random& random, Plan& plan) {
  const bool by_client = random.one_in(2);
  EndPlan &leaver = by_client ? plan.client : plan.server, &other = by_client ? plan.server : plan.client;
  if (leaver.waiting == Waiting::kBlocking) {
    leaver.waiting = Waiting::kLevel;  // a thread that sleeps in recv() cannot leave
    leaver.receiving = Receiving::kRecv;
  }
  if (random.one_in(3)) {
    if (by_client && is_http(plan)) {
      return;  // it would not wait for the answer
    }
    leaver.ending = Ending::kCloseAtOnce;
    other.sends.total = 0;
    plan.order = Order::kTogether;
    plan.keep = false;
    return;
  }
  leaver.ending = random.one_in(2) ? Ending::kAbrupt : Ending::kReset;
  leaver.leaves_at = random.below(plan.client.sends.total + plan.server.sends.total + 1);
  plan.keep = false;
}

}  // namespace

bool Plan::complete() const {
  const auto ends = [](const EndPlan& end) {
    return end.ending == Ending::kOrderly || end.ending == Ending::kCloseAtOnce;
  };
  return ends(client) && ends(server);
}

Plan plan_of(const Mix& mix, uint64_t id) {
  Random random(mix.seed * 0x100000001b3ULL + id);
  random.next();
  Plan plan;
  plan.id = id;
  draw_framing(random, mix, plan);
  for (EndPlan* end : {&plan.client, &plan.server}) {
    draw_sizes(random, mix, *end);
    draw_calls(random, mix, *end);
  }
  if (random.one_in(50)) {
    const bool client_stalls = random.one_in(2);
    draw_stall(random, client_stalls ? plan.client : plan.server, client_stalls ? plan.server : plan.client);
  } else {
    draw_order(random, plan);
    if (random.one_in(4)) {
      draw_ending(random, plan);
    }
  }
  for (auto [sender, reader] : {std::pair(&plan.client, &plan.server), std::pair(&plan.server, &plan.client)}) {
    sender->sends.total = std::min({sender->sends.total, sender->piece * kMostCalls, reader->gulp * kMostCalls});
  }
  if (plan.order == Order::kLockstep) {
    const uint64_t total = std::min(plan.client.sends.total, plan.server.sends.total);
    plan.client.sends.total = plan.server.sends.total = is_http(plan) ? std::max<uint64_t>(total, 1) : total;
  } else if (is_http(plan)) {
    plan.server.sends.total = std::max<uint64_t>(plan.server.sends.total, 1);
  }
  for (EndPlan* end : {&plan.client, &plan.server}) {
    // Else each piece would wait for a delayed acknowledgement.
    end->no_delay = end->no_delay || plan.order == Order::kLockstep;
    // It must not ask for more than comes by itself.
    if (end->receiving == Receiving::kWaitall &&
        (plan.order == Order::kLockstep || plan.framing == Framing::kChunked)) {
      end->receiving = Receiving::kRecv;
    }
  }
  return plan;
}

std::optional<Receiving> receiving_named(std::string_view name) {
  const auto* const found = std::ranges::find(kReceiving, name);
  return found == kReceiving.end() ? std::nullopt : std::optional(static_cast<Receiving>(found - kReceiving.begin()));
}

std::string text(const EndPlan& plan) {
  constexpr std::array kSending{"send", "MSG_MORE", "sendmsg", "sendfile", "splice"};
  constexpr std::array kWaiting{"level", "edge", "blocking"};
  constexpr std::array kEnding{"orderly", "closes at once", "closes", "resets"};
  std::string words =
      fmt::format("{} by {}<={}, {}<={}, {}, {}", plan.sends.total, kSending[static_cast<size_t>(plan.sending)],
                  plan.piece, kReceiving[static_cast<size_t>(plan.receiving)], plan.gulp,
                  kWaiting[static_cast<size_t>(plan.waiting)], kEnding[static_cast<size_t>(plan.ending)]);
  if (plan.leaves_at != kNever) {
    words += fmt::format(" after {}", plan.leaves_at);
  }
  if (plan.no_delay) {
    words += ", TCP_NODELAY";
  }
  if (plan.stalls_at != kNever) {
    words += fmt::format(", stalls at {}", plan.stalls_at);
  }
  return words;
}

std::string text(const Plan& plan) {
  constexpr std::array kFraming{"raw", "upgrade", "chunked", "length"};
  constexpr std::array kOrder{"together", "server answers the end", "client answers the end", "lockstep"};
  return fmt::format("{}, {}; client: {}; server: {}", kFraming[static_cast<size_t>(plan.framing)],
                     kOrder[static_cast<size_t>(plan.order)], text(plan.client), text(plan.server));
}

}  // namespace fairlead::torture
