/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * The one list of reasons: why a connection or request ended as it did. Kernel counters, proxy records, logs and metric
 * labels all come from it.  X(SYMBOL, name, response flag, meaning)
 * `name` is the label value and what `fairlead flows` prints; the flag is Envoy's (config docs, access log).
 * The numbers are an ABI (pinned counters, records): append, never reorder.
 */
#pragma once

#define FL_REASONS(X)                                                                                               \
  X(NONE, "none", "-", "no reason recorded")                                                                        \
  /* kernel: connect() */                                                                                           \
  X(KERNEL_PATH, "kernel_path", "-", "connected pod to pod, nothing of ours in the byte path")                      \
  X(TO_PROXY, "to_proxy", "-", "redirected to the pod's outbound listener")                                         \
  X(UNMESHED, "unmeshed", "-", "destination is not in the mesh: the pod's ordinary network")                        \
  X(OFF_BALANCED, "off_balanced", "-", "a pod that is off dialled a service address: as kube-proxy does")           \
  X(NO_LISTENER, "no_listener", "UF", "redirect wanted, but the pod has no listener: refused")                      \
  X(NO_PORT, "no_port", "NR", "the service address has no such port: refused")                                      \
  X(NO_ENDPOINT, "no_endpoint", "UH", "the service has no ready endpoint")                                          \
  X(POLICY_DENIED, "policy_denied", "-", "an AuthorizationPolicy denies it")                                        \
  X(TABLE_FULL, "table_full", "UO", "the connection table, or the pod's share of it, is full: refused")             \
  X(L7_ON_OPAQUE, "l7_on_opaque", "-", "an HTTP rule selects traffic that is not HTTP/1.1: refused")                \
  /* kernel: a SYN at a pod (sk_lookup) */                                                                          \
  X(STEER_PASS, "steer_pass", "-", "known and allowed: to the application")                                         \
  X(STEER_LISTENER, "steer_listener", "-", "handed to the pod's inbound listener")                                  \
  X(STEER_UNTRUSTED_PASS, "steer_untrusted_pass", "-", "no identity, allowed without one: to the application")      \
  X(STEER_DENIED, "steer_denied", "-", "an AuthorizationPolicy denies it: reset")                                   \
  X(STEER_NO_LISTENER, "steer_no_listener", "UF", "inbound listener wanted but absent: reset")                      \
  /* proxy */                                                                                                       \
  X(VIA_UPSTREAM, "via_upstream", "-", "answered by the application")                                               \
  X(RBAC_DENIED, "rbac_access_denied_matched_policy", "-", "an AuthorizationPolicy denies the request: 403")        \
  X(ROUTE_NOT_FOUND, "route_not_found", "NR", "no rule of the host's VirtualService matches: 404")                  \
  X(CLUSTER_NOT_FOUND, "cluster_not_found", "NC", "the route names a destination that does not exist: 503")         \
  X(NO_HEALTHY_UPSTREAM, "no_healthy_upstream", "UH", "the cluster has no ready endpoint: 503")                     \
  X(UPSTREAM_CONNECT_FAILED, "upstream_reset_before_response_started{connection_failure}", "UF",                    \
    "the endpoint refused the connection, or it timed out: 503")                                                    \
  X(UPSTREAM_RESET, "upstream_reset_before_response_started{connection_termination}", "UC",                         \
    "the endpoint closed before answering: 503")                                                                    \
  X(UPSTREAM_PROTOCOL_ERROR, "upstream_reset_before_response_started{protocol_error}", "UPE",                       \
    "the endpoint's answer is not valid HTTP/1.1: 502")                                                             \
  X(UPSTREAM_CUT, "upstream_reset_after_response_started{connection_termination}", "UC",                            \
    "the endpoint closed in the middle of its answer: closed")                                                      \
  X(RESPONSE_TIMEOUT, "response_timeout", "UT", "the route's timeout passed before the answer: 504")                \
  X(DOWNSTREAM_DISCONNECT, "downstream_remote_disconnect", "DC", "the client went away")                            \
  X(DIRECT_RESPONSE, "direct_response", "-", "the route answers by itself")                                         \
  X(BAD_REQUEST, "http1.codec_error", "DPE", "malformed request: 400")                                              \
  X(HEAD_TOO_LARGE, "http1.headers_too_large", "DPE", "head beyond 60 KiB, or more than 100 fields: 431")           \
  X(UNKNOWN_TRANSFER_CODING, "http1.unknown_transfer_coding", "DPE", "transfer coding other than chunked: 501")     \
  X(UPGRADE_REQUIRED, "low_version", "DPE", "HTTP/1.0: 426")                                                        \
  X(HEAD_TIMEOUT, "request_header_timeout", "SI", "the client did not finish its head in time: 408")                \
  X(IDLE_TIMEOUT, "stream_idle_timeout", "SI", "nothing moved for too long")                                        \
  X(NO_CONNECTION_ENTRY, "no_connection_entry", "-", "a connection at an outbound listener that nobody redirected") \
  X(OVERLOAD, "overload", "UO", "a limit of the proxy is reached: 503")                                             \
  X(DRAINED, "drained", "DC", "closed because the proxy is draining")                                               \
  X(TCP_DONE, "tcp_done", "-", "a proxied TCP connection ended normally")                                           \
  X(CONFIG_MISSING, "config_missing", "UF", "no snapshot yet, or the workload is not in it: refused")               \
  X(UPGRADE_REFUSED, "upgrade_failed", "-", "an upgrade other than websocket: 403")                                 \
  /* network policy */                                                                                              \
  X(NETWORK_DENIED, "network_policy_denied", "UF", "a NetworkPolicy of either end denies it: refused, or 503")      \
  X(STEER_NETWORK_DENIED, "steer_network_policy_denied", "-", "a NetworkPolicy denies it: reset")                   \
  /* open connections */                                                                                            \
  X(PATH_CHANGED, "path_changed", "-", "an open connection needs a decision now that its path cannot make: ended")

enum fl_reason {
#define FL_REASON_ENUM(symbol, name, flag, meaning) FL_REASON_##symbol,
  FL_REASONS(FL_REASON_ENUM)
#undef FL_REASON_ENUM
      FL_REASON_COUNT
};
