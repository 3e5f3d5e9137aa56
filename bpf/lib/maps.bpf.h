/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
 *
 * All maps, shared by all programs: progs/maps.bpf.c creates them, every other object takes those by name.
 * Hashes are not preallocated, so that an idle agent pays for their buckets only (16 bytes each, 17 MiB in all, most of
 * it m_targets, m_backends and m_policy); an LRU has to be (m_affinity, 2 MiB).
 */
#pragma once

#include "bpf/lib/kernel.bpf.h"

/* Enrolled pods of this node, by netns cookie. Written by the agent. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4096);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u64);
  __type(value, struct fl_pod);
} m_pods SEC(".maps");

/* What a destination address and port is: 10,000 services with two ports each, and 100,000 pods with an HTTP port.
 * Written by the agent. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 262144);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct fl_target_key);
  __type(value, struct fl_target);
} m_targets SEC(".maps");

/* Ready endpoints, by set and index. Written by the agent. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 262144);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct fl_backend_key);
  __type(value, struct fl_backend);
} m_backends SEC(".maps");

/* Whose turn it is in a set that is balanced round robin. Made by the agent, counted by connect. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u64);
  __type(value, __u64);
} m_turns SEC(".maps");

/* Open connections by endpoint, of sets that are balanced by them. Made by the agent, counted by sockops. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 131072);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct fl_sockaddr);
  __type(value, struct fl_load);
} m_loads SEC(".maps");

/* Which endpoint a source gets, of sets that are balanced by it: by set and block. Written by the agent. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct fl_backend_key);
  __type(value, struct fl_slots);
} m_slots SEC(".maps");

/* Which endpoint a client had last, of services with session affinity. Written by connect. An LRU: a client that is
 * forgotten gets an endpoint as it did at first; and since only a pod's own address is a client, a pod cannot make more
 * entries than there are such services. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, struct fl_affinity_key);
  __type(value, struct fl_affinity);
} m_affinity SEC(".maps");

/* L4 verdicts. Written by the agent. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 262144);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct fl_policy_key);
  __type(value, struct fl_verdict);
} m_policy SEC(".maps");

/* Classes of source addresses that the rules of a policy set tell apart. Written by the agent. */
struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(max_entries, 65536);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct fl_ip_class_key);
  __type(value, __u32);
} m_ip_classes SEC(".maps");

/* What network policies allow. Written by the agent. */
struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(max_entries, 262144);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct fl_network_key);
  __type(value, __u32);
} m_network SEC(".maps");

/* The connection table. Written by sockops only; never an LRU: an entry may not be pushed out by another pod. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, FL_CONNECTIONS_MAX);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct fl_connection_key);
  __type(value, struct fl_connection);
} m_connections SEC(".maps");

/* Entries in m_connections by source pod. Counted by sockops; signed, since a count that was taken away while entries
 * lived may pass zero. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4096);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u64);
  __type(value, __s64);
} m_shares SEC(".maps");

/* Tags of sockets that the agent made. Written by the agent through the socket's fd; accepted sockets inherit. */
struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
  __type(key, int);
  __type(value, struct fl_tag);
} m_tags SEC(".maps");

/* What BPF remembers of a socket. Written by connect, sockops and sockopt. */
struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct fl_socket);
} m_sockets SEC(".maps");

/* Inbound listeners. Written by the agent; a closed listener leaves by itself. The value is the socket's cookie to
 * whoever reads it from user space. */
struct {
  __uint(type, BPF_MAP_TYPE_SOCKHASH);
  __uint(max_entries, 8192);
  __type(key, struct fl_listener_key);
  __type(value, __u64);
} m_listeners SEC(".maps");

/* Verdicts by enum fl_reason, and what bpf/abi/flow.h adds. Room to spare: a longer list of reasons must not change the
 * layout of a pinned map. */
#define FL_COUNTERS_MAX 128
_Static_assert(FL_REASON_COUNT <= FL_COUNTER_FLOWS_LOST, "m_counters is too small");
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, FL_COUNTERS_MAX);
  __type(key, __u32);
  __type(value, __u64);
} m_counters SEC(".maps");

/* Records of connections, read by the agent; some 3,800 of them. What finds it full is counted. */
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 19);
} m_flows SEC(".maps");

/* Sums over ended connections. Written by sockops, taken away by the agent when the pods of an entry are gone. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 32768);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct fl_traffic_key);
  __type(value, struct fl_traffic);
} m_traffic SEC(".maps");

/* Acceleration: enum fl_switch. Written by the agent. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} m_switch SEC(".maps");

/* Sockets whose bytes can be redirected, by cookie. Sockets join when they are established and leave when they close,
 * never between: what lies in the queue of one that is taken out is lost. */
struct {
  __uint(type, BPF_MAP_TYPE_SOCKHASH);
  __uint(max_entries, FL_LEGS_MAX);
  __type(key, __u64);
  __type(value, __u64);
} m_members SEC(".maps");

/* What is sent from each of them. Written by accelerate and redirect. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, FL_LEGS_MAX);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u64);
  __type(value, struct fl_leg);
} m_legs SEC(".maps");

/* Connecting sockets that wait for the accepted one. Written by accelerate. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct fl_connection_key);
  __type(value, struct fl_meeting);
} m_meetings SEC(".maps");

/* Which sockets joined, and why others did not, by netns cookie. Written by accelerate. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4096);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u64);
  __type(value, struct fl_outcomes);
} m_outcomes SEC(".maps");

/* How applications use their sockets. Written by accelerate and redirect. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct fl_manner_key);
  __type(value, __u8);
} m_manners SEC(".maps");
