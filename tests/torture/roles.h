// The two sides of a run, each a thread with an event loop in its network namespace.
#pragma once

#include "tests/torture/world.h"

namespace fairlead::torture {

// Moves the calling thread into a network namespace; ends the program if that fails.
void enter(const std::string& netns);

// Accepts on a socket that listens already, until `world.all_dialled` and nothing is left to do.
void serve(World& world, Fd listener);
// In the server's namespace.
Fd listen_at(uint16_t port);

// Opens the connections, `at_once` at a time, and returns when all are done; or only the one numbered `only`.
void dial_all(World& world, std::optional<uint64_t> only);

}  // namespace fairlead::torture
